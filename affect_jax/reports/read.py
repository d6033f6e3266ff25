"""Reads run folders (results.json through its dataclass, config.json, predictions.npz) with nothing of the trainer."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from affect_jax.config.corpus import OWN
from affect_jax.errors import UserError, format_count
from affect_jax.experiment import predictions_file, results_file
from affect_jax.experiment.results_file import Results, TrialResult
from affect_jax.reports.sources import Source
from affect_jax.runtime import run_folder
from affect_jax.runtime.files import read_config_document

SPLITS = ("test", "validation")
TASKS_OF_CLASSES = ("binary", "multiclass")
_ALIGNMENTS = ("dcca", "dcca_ema", "soft_cca", "barlow", "vicreg")


class Run(NamedTuple):
    """A finished run folder; `config` is its resolved config, {} where the folder has no config.json."""

    path: Path
    results: Results
    config: Mapping[str, Any]

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


class Predictions(NamedTuple):
    """What R trials of one study predict of the F steps of one split."""

    prediction: np.ndarray  # float32 [R, F], or [R, F, C] logits; nan is no answer
    target: np.ndarray  # float32 [F]
    id: np.ndarray  # str [F]
    group: np.ndarray  # str [F]
    trial: np.ndarray  # int [R], numbers of the trials in results.json
    asked: np.ndarray | None = None  # bool [R, F]; None in files of earlier versions

    @property
    def is_known(self) -> np.ndarray:
        """bool [R, F]: what each trial was asked, so what it is scored on; in a cross-validation, its own fold alone.

        Of a file of an earlier version, which does not say, where a trial answers with a number.
        """
        return predictions_file.find_answers(self.prediction) if self.asked is None else self.asked

    def select_trials(self, trials: Sequence[int]) -> "Predictions | None":
        """The predictions of these trials, in their order; None where one was not kept."""
        place = {int(trial): at for at, trial in enumerate(self.trial)}
        if not all(trial in place for trial in trials):
            return None
        rows = [place[t] for t in trials]
        asked = None if self.asked is None else self.asked[rows]
        return self._replace(prediction=self.prediction[rows], trial=np.array(trials), asked=asked)


def read_run(folder: str | Path) -> Run:
    """Reads and checks one run folder.

    Raises:
      UserError: it is not of a finished run, of another schema, or damaged.
    """
    folder = Path(folder)
    results, path = results_file.read_results(folder), folder / "config.json"
    document = read_config_document(path) if path.is_file() else {"config": {}}
    return Run(folder, results, document["config"])


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
    wanted = (source.study, source.variant, split, metric)
    summaries = (x for x in run.results.variants if (x.study, x.variant, x.split, x.metric) == wanted)
    summary = next(summaries, None)
    if summary is None or summary.mean is None:
        return None
    return Figure(summary.mean, summary.std if summary.n > 1 else None, summary.n)


def find_baseline(run: Run, split: str, metric: str) -> float | None:
    """The majority (classes) or constant-mean (numbers) score of a split."""
    return run.results.baselines.get(split, {}).get(metric)


def name_baseline(run: Run) -> str:
    """What the constant answer of the run's task is called."""
    return "constant" if run.results.task.endswith("regression") else "majority"


def describe_baseline(run: Run) -> str:
    """The same as a row's label: it is made of the labels of the very part that is scored."""
    return f"{name_baseline(run)} of the scored part"


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
    path = run.path / predictions_file.FILE
    if not path.is_file():
        return None
    arrays = predictions_file.read_study_arrays(run.path, study)
    names = [f"{study}/{split}/{name}" for name in ("prediction", *predictions_file.Steps._fields)] + [f"{study}/trial"]
    if not all(name in arrays for name in names):
        return None
    return Predictions(*(arrays[name] for name in names), arrays.get(f"{study}/{split}/asked"))


PredictionReader = Callable[[Run, str, str], Predictions | None]
"""`read_predictions`, or something that reads like it."""


def make_reader() -> PredictionReader:
    """`read_predictions` that reads no array twice."""
    known: dict[tuple[str, str, str], Predictions | None] = {}

    def read_once(run: Run, study: str, split: str) -> Predictions | None:
        key = (run.key, study, split)
        if key not in known:
            known[key] = read_predictions(run, study, split)
        return known[key]

    return read_once


def describe_run(run: Run) -> str:
    """One line that says what a run is: corpus, alignment where it has one, folds and seeds, revision."""
    results, corpus = run.results, run.results.corpus
    folds, seeds = sorted({trial.fold for trial in results.trials}), {trial.seed for trial in results.trials}
    aligned = ", ".join(list_alignments(run.config))
    facts = [
        f"{'synthetic ' if run.synthetic else ''}corpus {'/'.join(filter(None, (corpus.name, corpus.form)))}",
        f"fingerprint {corpus.fingerprint[:12]}",
        *([f"alignment {aligned}"] if aligned else []),
        f"{'validation draws' if corpus.name == 'cmu_mosi' else 'folds'} {', '.join(folds) or 'none'}",
        f"{len(seeds)} seed{'' if len(seeds) == 1 else 's'}",
        f"git {results.provenance.git[:12]}",
    ]
    diverged = sum(not trial.finite for trial in results.trials)
    if diverged:
        facts.append(f"{diverged} of {format_count(len(results.trials), 'trial')} met a loss that was not finite")
    if broken := dict.fromkeys(summary.variant for summary in results.variants if summary.mean is None):
        facts.append(f"no mean of {', '.join(broken)}: a trial answers with NaN")
    classical = [trial for trial in results.trials if trial.classical]
    if refitted := dict.fromkeys(x.variant for x in classical if x.classical.fitted_on != "train"):
        facts.append(f"{'; '.join(refitted)}: learned from training and validation splits together, unlike networks")
    if (run.config.get("data") or {}).get("rescale"):
        facts.append("predictions rescaled to the range of the training labels, which changes all scores but PCC")
    return f"{run.path.name}: {'; '.join(facts)}."


def list_alignments(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the alignment losses that some study of a resolved config has."""
    kinds = set()
    for study in config.get("studies", {}).values():
        for stage, settings in config.get("stages", {}).items():
            changes = (study.get("stages", {}).get(stage) or {}).get("losses", {})
            for name, loss in settings.get("losses", {}).items():
                change = changes.get(name, {})
                if change is not None:  # None drops the loss from the study
                    kinds.add(change.get("kind", loss.get("kind")))
    return tuple(sorted(kinds.intersection(_ALIGNMENTS)))


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
        of_variant, of_study = Counter(s.variant for s in sources), Counter(s.study for s in sources)
        for source in sources:
            longer = source.study if of_study[source.study] == 1 else f"{source.study}: {source.variant}"
            names[source] = source.variant if of_variant[source.variant] == 1 else longer
    count, labels = Counter(names.values()), label_runs(runs)
    for run in runs:
        for source in list_variants(run):
            if count[names[source]] > 1:
                names[source] = f"{labels[source.config]}: {names[source]}"
            else:
                names[source] = run.mark(names[source])
    return names
