"""A finished run that can be tested with missing modalities (thesis 4.4): its studies, its corpus and its folds.

Each model is asked again with every combination of modalities present. In place of the missing ones stand zeros at the
input, or vectors that are imputed where statistical pooling reads them.
"""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import flax.linen as nn
import numpy as np

from affect_jax.config.fit_fusion import choose_letters
from affect_jax.config.load import read_experiment, replace_engine
from affect_jax.config.models import make_model
from affect_jax.config.schema import Experiment, Study
from affect_jax.data import folds as folding
from affect_jax.data import splits
from affect_jax.errors import UserError, join_words, suggest_nearest
from affect_jax.experiment.open_run import load_corpus as load_run_corpus
from affect_jax.experiment.results_file import Results, read_results
from affect_jax.training import mesh
from affect_jax.training.engine import Engine

MODEL = "attention_fusion"


class TestedStudy(NamedTuple):
    """A study whose models read at least two modalities.

    Attributes:
      spec: of the config.
      model: its module.
      modalities: those that its vectors are made of, in the model's order.
      moddrop: the combinations of modalities that it was trained on; () without Moddrop.
    """

    __test__ = False  # pytest takes every class with this name for a test

    spec: Study
    model: nn.Module
    modalities: tuple[str, ...]
    moddrop: tuple[tuple[str, ...], ...]

    @property
    def letters(self) -> tuple[str, ...]:
        """The thesis' letters, such as 'T' for text, or the names of other modalities."""
        return choose_letters(self.modalities)

    def name_mask(self, present: Sequence[str]) -> str:
        """'T+V' for text and video."""
        return "+".join(x for x, m in zip(self.letters, self.modalities, strict=True) if m in present)

    @property
    def masks(self) -> tuple[tuple[str, ...], ...]:
        """Every non-empty combination of modalities, small ones first; the last one has all."""
        sizes = range(1, len(self.modalities) + 1)
        return tuple(mask for size in sizes for mask in itertools.combinations(self.modalities, size))


class CheckedRun(NamedTuple):
    """A finished run and those of its studies that are tested."""

    folder: Path
    results: Results
    experiment: Experiment
    studies: tuple[TestedStudy, ...]


class LoadedCorpus(NamedTuple):
    """The run's corpus, split as for the run.

    Attributes:
      engine: how programs are mapped over trials.
      development: training and validation.
      folds: of `development`.
      fold_names: K names.
      test: what is scored.
      examples: int32 [K, n], the examples of `test` that each fold is scored on, -1 for padding.
    """

    engine: Engine
    development: splits.Split
    folds: folding.Folds
    fold_names: tuple[str, ...]
    test: splits.Split
    examples: np.ndarray


def check_run(folder: Path, names: Sequence[str] = ()) -> CheckedRun:
    """Reads a finished run and picks studies: those in `names`, or all that have at least two modalities.

    Raises:
      UserError: the run is unfinished or has other models; or a study is unknown or cannot be tested.
    """
    results = read_results(folder)
    if any(trial.classical for trial in results.trials):
        raise UserError(f"{folder} is not a run of networks; name a run of configs/fusion.py")
    experiment = read_experiment(folder)
    if experiment.task != "multiclass":
        raise UserError(f"{folder} predicts numbers, and this test scores classes; name a run of classes")
    specs = {spec.name: spec for spec in experiment.studies}
    models = sorted({spec.model["name"] for spec in specs.values()})
    if MODEL not in models:
        raise UserError(
            f"{folder} has models {join_words(models)}; this test also imputes the vectors that statistical pooling "
            f"reads, which only {MODEL} has: train configs/fusion.py on the same corpus"
        )
    if not all(trial.test for trial in results.trials):
        raise UserError(
            f"{folder} has no test scores, because its test split has no labels; there is nothing to compare"
        )
    return CheckedRun(folder, results, experiment, _choose_studies(folder, specs, names))


def _choose_studies(folder: Path, specs: dict[str, Study], names: Sequence[str]) -> tuple[TestedStudy, ...]:
    """The studies in `names`, or all that can be tested."""
    testable = {name: _make_tested_study(spec) for name, spec in specs.items() if spec.model["name"] == MODEL}
    testable = {name: study for name, study in testable.items() if len(study.modalities) > 1}
    if not testable:
        raise UserError(f"{folder} has models of one modality alone, which cannot be missing; name a run of several")
    for name in names:
        if name not in specs:
            raise UserError(
                f"--study={name!r}{suggest_nearest(name, specs)} is not in {folder}; it has {join_words(sorted(specs))}"
            )
        if name not in testable:
            raise UserError(
                f"--study={name!r} is no {MODEL} of two or more modalities; {folder} has "
                f"{join_words(sorted(testable))} of those"
            )
    chosen = tuple(study for name, study in testable.items() if name in (names or testable))
    for study in chosen:
        if len(study.spec.variants) > 1:
            raise UserError(
                f"study {study.spec.name!r} of {folder} has the variants {join_words(sorted(study.spec.variants))}; "
                "give each variant a study of its own in the config"
            )
    return chosen


def _make_tested_study(spec: Study) -> TestedStudy:
    model = make_model(spec.model)
    read = {modality for vector in model.vectors for modality in vector}
    return TestedStudy(spec, model, tuple(m for m in model.modalities if m in read), spec.stages[-1].moddrop)


def load_corpus(checked: CheckedRun) -> LoadedCorpus:
    """Loads the run's corpus and splits it into the run's folds.

    Raises:
      UserError: the corpus is missing, or is not the run's.
    """
    # The masks need the corpus on the device, however the run was trained.
    experiment = replace_engine(checked.experiment, stream=False)
    corpus = load_run_corpus(experiment)
    fingerprint = checked.results.corpus.fingerprint
    if corpus.recordings.fingerprint != fingerprint:
        raise UserError(
            f"the corpus {corpus.recordings.corpus} has changed since {checked.folder} was trained (its fingerprint is "
            f"{corpus.recordings.fingerprint[:12]} and was {fingerprint[:12]}); train that run again"
        )
    development, members = corpus.development, corpus.members
    engine = Engine(mesh.make_mesh(), mesh.choose_trials_at_once(0), experiment.data.eval_size, checkpoint_seconds=0.0)
    standardized = splits.choose_standardized(experiment.data)
    folds = folding.build_folds(development.corpus, development.index, members, standardized)
    names = tuple(fold.name for fold in members)
    return LoadedCorpus(engine, development, folds, names, corpus.test, corpus.test_examples)
