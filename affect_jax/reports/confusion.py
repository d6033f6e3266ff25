"""Which classes models take for which, as counts and as a picture (figure 4.3 of the thesis)."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from affect_jax.errors import UserError, format_count, suggest_nearest
from affect_jax.experiment import predictions_file
from affect_jax.reports import figures, read
from affect_jax.reports.read import TASKS_OF_CLASSES, Run
from affect_jax.reports.sources import Source
from affect_jax.reports.tables import Grid, make_grid


class Confusion(NamedTuple):
    """One variant's answers, over its trials."""

    name: str  # of the variant, with '(synthetic)' where its corpus is
    counts: np.ndarray  # int [C, C], truth before answer, summed over the trials
    unanswered: np.ndarray  # int [C], by truth: clips whose answer is NaN
    labels: tuple[str, ...]  # [C]
    trials: str  # how many were summed, and of which folds and split

    @property
    def shares(self) -> np.ndarray:
        """[C, C], each row as shares of its true class, without an answer or with one; 0 where it is never true."""
        return self.counts / np.maximum(self.clips, 1)[:, None]

    @property
    def clips(self) -> np.ndarray:
        """int [C], how many clips of each true class were asked for, summed over the trials."""
        return self.counts.sum(1) + self.unanswered


def _choose_split(run: Run, source: Source) -> str:
    # Owners may keep the labels of the test split back: then nothing is scored on it.
    is_tested = any(run.results.trials[number].test for number in read.match_trials(run, source).values())
    return "test" if is_tested and read.read_predictions(run, source.study, "test") else "validation"


def can_count(run: Run, source: Source) -> bool:
    """Whether the run still has what a confusion matrix of this variant needs."""
    if run.results.task not in TASKS_OF_CLASSES:
        return False
    return read.read_predictions(run, source.study, _choose_split(run, source)) is not None


def count_answers(run: Run, source: Source, fold: str = "") -> Confusion:
    """The confusion of one variant on the test split where there is one, in one fold or in all.

    Raises:
      UserError: the task has no classes, predictions were not kept, or there is no such fold.
    """
    if run.results.task not in TASKS_OF_CLASSES:
        expected = " or ".join(TASKS_OF_CLASSES)
        raise UserError(f"{run.path} is of task {run.results.task}; a confusion matrix needs {expected}")
    matched, split = read.match_trials(run, source), _choose_split(run, source)
    predictions, folds = read.read_predictions(run, source.study, split), sorted({name for name, _ in matched})
    if predictions is None:
        raise UserError(f"{run.path} kept no predictions of {source.study}; train it again with launch.main")
    if fold and fold not in folds:
        raise UserError(
            f"--fold={fold} is no fold of {run.path}{suggest_nearest(fold, folds)}; there are {', '.join(folds)}"
        )
    predictions = predictions.select_trials([number for (name, _), number in matched.items() if fold in ("", name)])
    if predictions.prediction.ndim == 2:  # probabilities of class 1
        answers, classes = predictions.prediction >= 0.5, 2
    else:
        answers, classes = predictions.prediction.argmax(-1), predictions.prediction.shape[-1]
    is_answered, counts = predictions_file.find_answers(predictions.prediction), np.zeros((classes, classes), np.int64)
    trial, clip = np.nonzero(predictions.is_known & is_answered)
    np.add.at(counts, (predictions.target[clip].astype(np.int64), answers[trial, clip].astype(np.int64)), 1)
    silent = predictions.target[np.nonzero(predictions.is_known & ~is_answered)[1]].astype(np.int64)
    where = f"fold {fold}" if fold else f"{len(folds)} fold{'' if len(folds) == 1 else 's'}"
    labels = run.results.corpus.labels or tuple(map(str, range(classes)))
    trials = f"{split} split, {where}, {format_count(len(predictions.trial), 'trial')}"
    return Confusion(run.mark(source.variant), counts, np.bincount(silent, minlength=classes), labels, trials)


def make_table(confusions: Sequence[Confusion], runs: Sequence[Run]) -> Grid:
    """The counts, a line a model and true class."""
    rows = []
    for confusion in confusions:
        recalls = np.diagonal(confusion.shares)
        lines = zip(confusion.labels, confusion.counts.tolist(), confusion.unanswered.tolist(), recalls, strict=True)
        for label, counts, unanswered, recall in lines:
            answers = {("answer", answer): count for answer, count in zip(confusion.labels, counts, strict=True)}
            answers |= {("answer", "none (NaN)"): unanswered} if any(x.unanswered.any() for x in confusions) else {}
            row = {"model": confusion.name, "truth": label} | answers
            rows.append(row | {"clips": sum(counts) + unanswered, "recall %": f"{100 * recall:.1f}"})
    notes = [f"{one.name}: counts over {one.trials}; a clip is counted once a trial." for one in confusions]
    described = dict.fromkeys(map(read.describe_run, runs))
    return make_grid(f"Confusion of {' and '.join(one.name for one in confusions)}", rows, (*notes, *described))


def count_all(runs: Sequence[Run]) -> dict[Source, Confusion]:
    """Of every variant that has classes and predictions."""
    return {
        source: count_answers(run, source)
        for run in runs
        for source in read.list_variants(run)
        if can_count(run, source)
    }


def make_whole_table(counted: Mapping[Source, Confusion], runs: Sequence[Run]) -> Grid | None:
    """The counts of every variant; None unless all have the same classes."""
    if len({confusion.labels for confusion in counted.values()}) != 1:
        return None
    configs = {source.config for source in counted}
    return make_table(list(counted.values()), [run for run in runs if run.key in configs])


def compare_chosen(sources: Sequence[Source], runs: Mapping[str, Run], fold: str = "") -> tuple[str, Grid, bytes]:
    """The file stem, 'confusion_intra_cross', the counts and the picture (png) of some variants.

    Raises:
      UserError: as `count_answers`, or variants of different classes.
    """
    confusions = [count_answers(runs[source.config], source, fold) for source in sources]
    for confusion in confusions:
        if confusion.labels != confusions[0].labels:
            raise UserError(
                f"{confusion.name} answers {', '.join(confusion.labels)}, {confusions[0].name} answers "
                f"{', '.join(confusions[0].labels)}; draw variants of the same classes together"
            )
    names = ["confusion", *(source.variant for source in sources), fold]
    stem = re.sub(r"[^0-9A-Za-z]+", "_", "_".join(names)).strip("_")
    picture = figures.draw_matrices([(f"{x.name}\n{x.trials}", x.shares, x.labels) for x in confusions])
    grid = make_table(confusions, [runs[source.config] for source in sources])
    return stem, grid, figures.encode_figure(picture, "png")
