"""Finished run folders as questions are put to them: results.json through its dataclass, config.json, predictions.npz.

Nothing of the trainer is imported.
"""

import functools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from affect_jax.config.corpus import OWN
from affect_jax.errors import UserError
from affect_jax.experiment import ensembles, predictions_file, results_file
from affect_jax.experiment.predictions_file import Predictions
from affect_jax.experiment.results_file import Results, TrialResult
from affect_jax.runtime import run_folder
from affect_jax.runtime.files import read_config_document

SPLITS = ("test", "validation")
TASKS_OF_CLASSES = ("binary", "multiclass")


class Source(NamedTuple):
    """One variant of one of our runs."""

    config: str  # the config argument that makes the run folder
    study: str
    variant: str


class Run(NamedTuple):
    """A finished run folder.

    Attributes:
      path: of the folder.
      results: of the run, and of its ensembles where `add_ensembles` added them.
      config: its resolved config, {} where the folder has no config.json.
      ensembles: number of an ensemble in `results` -> those of its members.
      read_averaged: reads predictions with those of the ensembles by (study, split), and averages once; None without
        ensembles.
    """

    path: Path
    results: Results
    config: Mapping[str, Any]
    ensembles: Mapping[int, tuple[int, ...]] = MappingProxyType({})
    read_averaged: Callable[[str, str], Predictions | None] | None = None

    @property
    def synthetic(self) -> bool:
        return self.results.corpus.synthetic

    @property
    def is_own(self) -> bool:
        """Whether the corpus is the user's own files, of which the thesis says nothing."""
        return self.results.corpus.name in OWN

    @property
    def key(self) -> str:
        """What the sources of its own variants call its config."""
        return str(self.path)

    def mark(self, name: str) -> str:
        """A name of something that this run made, which says where its corpus is synthetic."""
        return f"{name} (synthetic)" if self.synthetic else name


Runs = Mapping[str, Run | None]
"""What a `Source` calls its config -> the run, None where it was not run."""


class Figure(NamedTuple):
    """Mean and sample standard deviation (None for one trial) over n trials."""

    mean: float
    std: float | None
    n: int

    def scale(self, factor: float) -> "Figure":
        """In another unit."""
        return Figure(factor * self.mean, None if self.std is None else factor * self.std, self.n)


def read_run(folder: str | Path) -> Run:
    """Reads and checks one run folder.

    Raises:
      UserError: it is not of a finished run, of another schema, or damaged.
    """
    folder = Path(folder)
    results, path = results_file.read_results(folder), folder / "config.json"
    document = read_config_document(path) if path.is_file() else {"config": {}}
    return Run(folder, results, document["config"])


def add_ensembles(run: Run) -> Run:
    """The run with each ensemble of seeds as a trial of a variant of its own.

    Raises:
      UserError: predictions.npz is damaged, changed or of another run.
    """
    extended = ensembles.add_ensembles(run.path, run.results)
    run = run._replace(results=extended.results, ensembles=extended.members)
    return run._replace(read_averaged=functools.cache(functools.partial(_average, run)))


def _average(run: Run, study: str, split: str) -> Predictions | None:
    predictions = _read_own(run, study, split)
    members = {number: of for number, of in run.ensembles.items() if run.results.trials[number].study == study}
    if predictions is None or not members:
        return predictions
    return ensembles.append_ensembles(run.results.task, predictions, members)


def _read_own(run: Run, study: str, split: str) -> Predictions | None:
    is_kept = (run.path / predictions_file.FILE).is_file()
    return predictions_file.read_predictions(run.path, study, split) if is_kept else None


def is_ensemble(run: Run, source: Source) -> bool:
    """Whether a variant is made of ensembles."""
    trials = (run.results.trials[number] for number in run.ensembles)
    return any((trial.study, trial.variant) == (source.study, source.variant) for trial in trials)


def name_study(run: Run, source: Source) -> str:
    """The study's name, of its only variant ('… ensemble' of that one's ensemble); '' where it has several."""
    is_of_ensembles = is_ensemble(run, source)
    likes = [
        one for one in list_variants(run) if one.study == source.study and is_ensemble(run, one) == is_of_ensembles
    ]
    if len(likes) > 1:
        return ""
    return f"{source.study} ensemble" if is_of_ensembles else source.study


def find_run(folder: str | Path, config_arg: str) -> Run | None:
    """The finished run of a config argument below `folder`, or None.

    Raises:
      UserError: the folder of that name holds the run of another config, or a broken results.json.
    """
    folder = Path(folder) / run_folder.name_run_folder(config_arg)
    if not (folder / results_file.FILE).is_file():
        return None
    run = read_run(folder)
    actual = run.results.config_arg
    if run_folder.name_run_folder(actual) != run_folder.name_run_folder(config_arg):
        raise UserError(f"{folder} holds a run of {actual}, not of {config_arg}; move it away or name it as its config")
    return run


def find_figure(run: Run, source: Source, split: str, metric: str) -> Figure | None:
    """One variant's score, or None where the run has no such variant or no such score."""
    return list_figures(run, source).get((split, metric))


def list_figures(run: Run, source: Source) -> dict[tuple[str, str], Figure]:
    """(split, metric) -> one variant's score, of all that it has."""
    return {
        (x.split, x.metric): Figure(x.mean, x.std if x.n > 1 else None, x.n)
        for x in run.results.variants
        if x.study == source.study and x.variant == source.variant and x.mean is not None
    }


def find_baseline(run: Run, split: str, metric: str) -> float | None:
    """The majority (classes) or constant-mean (numbers) score of a split."""
    return run.results.baselines.get(split, {}).get(metric)


def list_trials(run: Run, source: Source) -> list[tuple[int, TrialResult]]:
    """A variant's trials with their numbers in results.json."""
    numbered = enumerate(run.results.trials)
    return [(at, trial) for at, trial in numbered if (trial.study, trial.variant) == (source.study, source.variant)]


def match_trials(run: Run, source: Source) -> dict[tuple[str, int], int]:
    """(fold, seed) -> number of the trial, for one variant; of searched trials only the selected ones.

    Raises:
      UserError: two trials share fold and seed and no selection tells them apart.
    """
    chosen = {s.fold: s.hyper for s in run.results.selected if (s.study, s.variant) == (source.study, source.variant)}
    numbers: dict[tuple[str, int], int] = {}
    for number, trial in list_trials(run, source):
        if any(trial.hyper.get(key, value) != value for key, value in chosen.get(trial.fold, {}).items()):
            continue
        if (trial.fold, trial.seed) in numbers:
            raise UserError(
                f"{run.path / results_file.FILE} has two trials of {source.study}, {source.variant} with fold "
                f"{trial.fold} and seed {trial.seed}, and no selection between them; train that run again"
            )
        numbers[trial.fold, trial.seed] = number
    return numbers


def read_predictions(run: Run, study: str, split: str) -> Predictions | None:
    """The predictions of one study and split, or None where they were not kept.

    Raises:
      UserError: predictions.npz is damaged or holds pickled objects, or its arrays do not fit together.
    """
    return _read_own(run, study, split) if run.read_averaged is None else run.read_averaged(study, split)


def read_all_predictions(run: Run) -> list[Predictions]:
    """What was kept of every study and split; raises as `read_predictions`."""
    studies = dict.fromkeys(source.study for source in list_variants(run))
    kept = [read_predictions(run, study, split) for study in studies for split in SPLITS]
    return [one for one in kept if one is not None]


def list_splits(run: Run) -> list[str]:
    """The splits that a run is scored on, the test split first."""
    scored = {summary.split for summary in run.results.variants}
    return [split for split in SPLITS if split in scored]


def list_variants(run: Run) -> list[Source]:
    """The variants of a run in order."""
    names = dict.fromkeys((trial.study, trial.variant) for trial in run.results.trials)
    return [Source(run.key, study, variant) for study, variant in names]


def key_runs(runs: Sequence[Run]) -> dict[str, Run]:
    """Runs by their keys."""
    return {run.key: run for run in runs}


def label_runs(runs: Sequence[Run]) -> dict[str, str]:
    """Folder names by key, with the folder above where two are the same; synthetic ones say so."""
    count = Counter(run.path.name for run in runs)
    return {run.key: run.mark(run.path.name if count[run.path.name] == 1 else run.key) for run in runs}


def name_variants(runs: Sequence[Run]) -> dict[Source, str]:
    """Variants by the shortest name of their own: the variant's, its study's, both, or with the run before it."""
    names: dict[Source, str] = {}
    for run in runs:
        sources = list_variants(run)
        of_variant = Counter(s.variant for s in sources)
        for source in sources:
            longer = name_study(run, source) or f"{source.study}: {source.variant}"
            names[source] = source.variant if of_variant[source.variant] == 1 else longer
    count, labels = Counter(names.values()), label_runs(runs)
    for run in runs:
        for source in list_variants(run):
            if count[names[source]] > 1:
                names[source] = f"{labels[source.config]}: {names[source]}"
            else:
                names[source] = run.mark(names[source])
    return names
