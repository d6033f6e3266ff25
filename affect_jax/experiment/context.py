"""What every study of one run shares."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tensorboardX import SummaryWriter

from affect_jax.config.schema import Experiment
from affect_jax.data import splits
from affect_jax.data.folds import Folds
from affect_jax.data.splits import Split
from affect_jax.datasets.input_form import InputForm
from affect_jax.runtime.progress import Display
from affect_jax.runtime.run_identity import RunIdentity
from affect_jax.training import mesh
from affect_jax.training.epochs import Engine


class Run(NamedTuple):
    """One run: its experiment, the corpus on the devices, and who is notified.

    Attributes:
      experiment: what is trained.
      workdir: the run folder.
      identity: what its files repeat, so that no others are taken for them.
      engine: the devices, and how trials lie on them.
      development: the split of training and validation examples.
      folds: of that split.
      fold_names: their names, K.
      test: the release's own test split, the development split itself where it is cross-validated, or None.
      test_examples: int32 [K, n], the examples of `test` that each fold is scored on, -1 for padding.
      display: shows progress.
      board: takes TensorBoard's events.
      stop: asked after every epoch.
      inputs: how the features were made of files, which is kept beside the weights; None where nobody else can.
    """

    experiment: Experiment
    workdir: Path
    identity: RunIdentity
    engine: Engine
    development: Split
    folds: Folds
    fold_names: tuple[str, ...]
    test: Split | None
    test_examples: np.ndarray
    display: Display
    board: SummaryWriter
    stop: Callable[[], bool]
    inputs: InputForm | None = None

    def split(self, name: str) -> Split:
        """The split that is scored as 'validation' or 'test'."""
        return self.development if name == "validation" else self.test

    def mark_asked(self, name: str, fold: str) -> np.ndarray:
        """bool [F]: the frames of 'validation' or 'test' that a trial of the fold is asked for."""
        examples = np.asarray(self.folds.validation) if name == "validation" else self.test_examples
        return splits.mark_frames(self.split(name), examples[self.fold_names.index(fold)])


def make_engine(experiment: Experiment) -> Engine:
    """The devices of this machine as the config wants them used."""
    settings = experiment.engine
    return Engine(
        mesh=mesh.make_mesh(settings.devices or 0, settings.data),
        at_once=mesh.choose_trials_at_once(settings.trials_at_once or 0),
        eval_size=experiment.data.eval_size,
        checkpoint_seconds=settings.checkpoint_seconds,
        stream_megabytes=settings.stream_megabytes,
        buckets=experiment.data.buckets or 1,
    )
