"""Which classes models take for which (figure 4.3 of the thesis), as counts."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from affect_jax.errors import UserError, format_count, suggest_nearest
from affect_jax.evaluation import read
from affect_jax.evaluation.read import TASKS_OF_CLASSES, Run, Source
from affect_jax.experiment import predictions_file


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


def count_all(runs: Sequence[Run]) -> dict[Source, Confusion]:
    """Of every variant that has classes and predictions."""
    return {
        source: count_answers(run, source)
        for run in runs
        for source in read.list_variants(run)
        if can_count(run, source)
    }
