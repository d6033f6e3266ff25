"""Missing modalities (thesis 4.4): a finished run's models asked again, each modality there or not, with what stands in
for the missing ones: zeros at the input, or vectors imputed where statistical pooling reads them.

`check` reads what a run is; `load` builds its corpus again; `asking.evaluate` asks every trial of a study by one program.
"""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import ml_collections
import numpy as np

from affect_jax.config import studies
from affect_jax.config.fit_fusion import choose_letters
from affect_jax.data import folds as folding
from affect_jax.data import splits
from affect_jax.errors import UserError, suggest_nearest
from affect_jax.experiment.run import build_test_split
from affect_jax.runtime import run_folder
from affect_jax.training import loop, mesh

MODEL = "attention_fusion"


class TestedStudy(NamedTuple):
    """A study whose models read at least two modalities.

    Attributes:
      spec: of the config.
      modalities: those that its vectors are made of, in the model's order.
      moddrop: combinations of modalities that it was trained on; () without Moddrop.
    """

    spec: studies.Study
    modalities: tuple[str, ...]
    moddrop: tuple[tuple[str, ...], ...]

    @property
    def letters(self) -> tuple[str, ...]:
        """What the thesis calls them, 'T' for text, or their names."""
        return choose_letters(self.modalities)

    def label(self, present: Sequence[str]) -> str:
        """'T+V' of text and video."""
        return "+".join(x for x, m in zip(self.letters, self.modalities, strict=True) if m in present)

    @property
    def masks(self) -> tuple[tuple[str, ...], ...]:
        """Every non-empty combination of modalities, small ones first; the last one has all."""
        sizes = range(1, len(self.modalities) + 1)
        return tuple(some for size in sizes for some in itertools.combinations(self.modalities, size))


class CheckedRun(NamedTuple):
    """A finished run with models that can be asked."""

    folder: Path
    results: dict[str, Any]
    config: ml_collections.ConfigDict
    subjects: tuple[TestedStudy, ...]


class LoadedCorpus(NamedTuple):
    """Its corpus as the run had it."""

    engine: loop.Engine
    development: splits.Split
    folds: folding.Folds
    fold_names: tuple[str, ...]
    test: splits.Split
    examples: np.ndarray
    """int32 [K, n], the examples of `test` that each fold is scored on, -1 for padding."""


def check_run(folder: Path, names: Sequence[str] = ()) -> CheckedRun:
    """Reads a finished run and picks studies: those of `names`, or all that have at least two modalities.

    Raises:
      UserError: an unfinished run, one without weights or of another model, no such study, or one that does not fit.
    """
    if (folder / "config.json").exists() and not (folder / "results.json").exists():
        raise UserError(f"{folder} is not finished; go on with launch.main and the same --workdir")
    found = run_folder.read_json(folder / "results.json")
    config = _make_tuples(run_folder.read_json(folder / "config.json")["config"])
    if "studies" not in config or "model" not in config:
        raise UserError(f"{folder} is not a run of networks; name a run of configs/fusion.py")
    config = ml_collections.ConfigDict(config)
    if config.task != "multiclass":
        raise UserError(f"{folder} predicts numbers, and what is missing is scored by classes; name a run of classes")
    specs = {spec.name: spec for spec in studies.parse_studies(config)}
    models = sorted({spec.model_config["name"] for spec in specs.values()})
    if MODEL not in models:
        raise UserError(f"{folder} has models {models}; modalities can be missing in {MODEL!r} of configs/fusion.py")
    if not (folder / "weights").is_dir():
        raise UserError(f"{folder} has no weights to ask; train that run again with launch.main")
    fitting = {name: _make_tested_study(spec) for name, spec in specs.items() if spec.model_config["name"] == MODEL}
    fitting = {name: subject for name, subject in fitting.items() if len(subject.modalities) > 1}
    if not fitting:
        raise UserError(f"{folder} has models of one modality alone, which cannot be missing; name a run of several")
    for name in names:
        if name not in specs:
            raise UserError(
                f"--study={name!r}{suggest_nearest(name, specs)} is not in {folder}; it has {sorted(specs)}"
            )
        if name not in fitting:
            raise UserError(
                f"--study={name!r} is no {MODEL} of two or more modalities; {folder} has {sorted(fitting)} of those"
            )
    if not all(trial["test"] for trial in found["trials"]):
        raise UserError(f"{folder} has no test scores, as its test part has no labels; there is nothing to compare")
    chosen = tuple(subject for name, subject in fitting.items() if name in (names or fitting))
    for subject in chosen:
        if len(subject.spec.variants) > 1:
            raise UserError(
                f"study {subject.spec.name!r} of {folder} has the variants {sorted(subject.spec.variants)}; "
                "give each variant a study of its own in the config"
            )
    return CheckedRun(folder, found, config, chosen)


def _make_tuples(value: Any) -> Any:
    """JSON's lists as the tuples that a config has."""
    if isinstance(value, dict):
        return {key: _make_tuples(of_key) for key, of_key in value.items()}
    return tuple(map(_make_tuples, value)) if isinstance(value, list) else value


def _make_tested_study(spec: studies.Study) -> TestedStudy:
    used = {modality for vector in spec.model.vectors for modality in vector}
    return TestedStudy(spec, tuple(m for m in spec.model.modalities if m in used), spec.stages[-1].moddrop)


def load_corpus(checked: CheckedRun) -> LoadedCorpus:
    """The run's corpus and folds.

    Raises:
      UserError: the corpus is not there, or is not the one of the run.
    """
    config = checked.config
    recordings = splits.load_recordings(config)
    if recordings.fingerprint != checked.results["corpus"]["fingerprint"]:
        raise UserError(
            f"the corpus {recordings.corpus} has changed since {checked.folder} was trained (fingerprint "
            f"{recordings.fingerprint[:12]}, was {checked.results['corpus']['fingerprint'][:12]}); train that run again"
        )
    folds = splits.make_folds(recordings, config)
    development = splits.build_split(recordings.splits["train"] + recordings.splits.get("validation", []), config)
    test, examples = build_test_split(recordings, config, development, folds)
    engine = loop.Engine(mesh.make_mesh(), mesh.choose_trials_at_once(0), config.data.eval_size, checkpoint_seconds=0.0)
    indices = folding.build_folds(development.corpus, development.index, folds, splits.choose_standardized(config))
    return LoadedCorpus(engine, development, indices, tuple(fold.name for fold in folds), test, examples)
