"""A run with its corpus on the devices: what training, and whatever asks its weights again, begins with."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tensorboardX import SummaryWriter

from affect_jax.config.schema import Experiment
from affect_jax.data import splits
from affect_jax.data.folds import FoldMembers, build_folds
from affect_jax.data.splits import Split
from affect_jax.datasets.recordings import Recordings
from affect_jax.experiment.context import Run, make_engine
from affect_jax.runtime import hosts
from affect_jax.runtime.progress import Display
from affect_jax.runtime.run_identity import RunIdentity
from affect_jax.runtime.signals import never_stop


class LoadedCorpus(NamedTuple):
    """A run's corpus, laid out.

    Attributes:
      recordings: as its builder has them.
      members: names and recordings of the folds.
      development: training and validation examples.
      test: what is scored at the end, or None.
      test_examples: int32 [K, n], the examples of each fold in it.
    """

    recordings: Recordings
    members: list[FoldMembers]
    development: Split
    test: Split | None
    test_examples: np.ndarray


def load_corpus(experiment: Experiment) -> LoadedCorpus:
    """Builds the corpus where it is missing, and lays it out."""
    stream = experiment.engine.stream
    recordings = splits.load_recordings(
        experiment.corpus, stream=stream, host_megabytes=experiment.engine.host_megabytes
    )
    members = splits.make_folds(recordings, experiment.trials.folds)
    developed = recordings.splits["train"] + recordings.splits.get("validation", [])
    development = splits.build_split(developed, experiment.data, stream=stream)
    test, examples = splits.build_test_split(recordings, experiment.data, development, members)
    return LoadedCorpus(recordings, members, development, test, examples)


@contextlib.contextmanager
def open_run(
    experiment: Experiment,
    folder: Path,
    corpus: LoadedCorpus,
    identity: RunIdentity,
    *,
    stop: Callable[[], bool] = never_stop,
    is_board_written: bool = True,
) -> Iterator[Run]:
    """Shows progress, and writes TensorBoard's events, as long as the run is open.

    Args:
      experiment: what is trained.
      folder: of the run.
      corpus: of `load_corpus`.
      identity: of the run.
      stop: asked after every epoch.
      is_board_written: False where nothing is trained.
    """
    leads, development = hosts.is_leader(), corpus.development
    with (
        Display(is_visible=leads) as display,
        SummaryWriter(str(folder), write_to_disk=leads and is_board_written) as board,
    ):
        yield Run(
            experiment=experiment,
            workdir=folder,
            identity=identity,
            engine=make_engine(experiment),
            development=development,
            folds=build_folds(
                development.corpus, development.index, corpus.members, splits.choose_standardized(experiment.data)
            ),
            fold_names=tuple(fold.name for fold in corpus.members),
            test=corpus.test,
            test_examples=corpus.test_examples,
            display=display,
            board=board,
            stop=stop,
            inputs=corpus.recordings.inputs,
        )
