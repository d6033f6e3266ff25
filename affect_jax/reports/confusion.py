"""Which classes models take for which, as counts and as a picture (figure 4.3 of the thesis)."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from affect_jax.errors import UserError, suggest_nearest
from affect_jax.reports import figures, read
from affect_jax.reports.read import TASKS_OF_CLASSES, Run
from affect_jax.reports.sources import Source
from affect_jax.reports.tables import Grid, make_grid


class Confusion(NamedTuple):
    """One variant's answers, over its trials."""

    name: str  # of the variant, with '(synthetic)' where its corpus is
    counts: np.ndarray  # int [C, C], truth before answer, summed over the trials
    labels: tuple[str, ...]  # [C]
    trials: str  # how many were summed, and of which folds and split

    @property
    def shares(self) -> np.ndarray:
        """[C, C], each row as shares of its true class; 0 where a class is never true."""
        return self.counts / np.maximum(self.counts.sum(1, keepdims=True), 1)


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
    kept = read.read_predictions(run, source.study, split)
    if kept is None:
        raise UserError(f"{run.path} kept no predictions of {source.study}; train it again with launch.main")
    folds = sorted({name for name, _ in matched})
    if fold and fold not in folds:
        raise UserError(
            f"--fold={fold} is no fold of {run.path}{suggest_nearest(fold, folds)}; there are {', '.join(folds)}"
        )
    kept = kept.select_trials([number for (name, _), number in matched.items() if fold in ("", name)])
    if kept.prediction.ndim == 2:  # probabilities of class 1
        answers, classes = kept.prediction >= 0.5, 2
    else:
        answers, classes = kept.prediction.argmax(-1), kept.prediction.shape[-1]
    trial, clip = np.nonzero(kept.is_known)
    cells = kept.target[clip].astype(np.int64) * classes + answers[trial, clip]
    where = f"fold {fold}" if fold else f"{len(folds)} fold{'' if len(folds) == 1 else 's'}"
    return Confusion(
        f"{source.variant} (synthetic)" if run.synthetic else source.variant,
        np.bincount(cells, minlength=classes**2).reshape(classes, classes),
        run.results.corpus.labels or tuple(map(str, range(classes))),
        f"{split} split, {where}, {len(kept.trial)} trials",
    )


def draw_confusions(confusions: Sequence[Confusion]) -> "figures.Figure":
    """The matrices side by side, each row a share of its true class."""
    return figures.draw_matrices([(f"{x.name}\n{x.trials}", x.shares, x.labels) for x in confusions])


def make_table(confusions: Sequence[Confusion], runs: Sequence[Run]) -> Grid:
    """The counts, a line a model and true class."""
    rows = []
    for confusion in confusions:
        recalls = np.diagonal(confusion.shares)
        for label, counts, recall in zip(confusion.labels, confusion.counts.tolist(), recalls, strict=True):
            rows.append((confusion.name, label, *counts, sum(counts), f"{recall:.3f}"))
    header = ["model", "truth", *(("answer", label) for label in confusions[0].labels), "clips", "recall"]
    notes = (
        *(
            f"{confusion.name}: counts over {confusion.trials}; a clip is counted once a trial."
            for confusion in confusions
        ),
        *dict.fromkeys(map(read.describe_run, runs)),
    )
    return make_grid(f"Confusion of {' and '.join(x.name for x in confusions)}", header, rows, notes)


def count_all(runs: Sequence[Run]) -> Grid | None:
    """The counts of every variant; None unless all have the same classes."""
    counted = {source: run for run in runs for source in read.list_variants(run) if can_count(run, source)}
    confusions = [count_answers(run, source) for source, run in counted.items()]
    if len({confusion.labels for confusion in confusions}) != 1:
        return None
    return make_table(confusions, list({run.path: run for run in counted.values()}.values()))


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
    grid = make_table(confusions, [runs[source.config] for source in sources])
    names = ["confusion", *(source.variant for source in sources), fold]
    stem = re.sub(r"[^0-9A-Za-z]+", "_", "_".join(names)).strip("_")
    return stem, grid, figures.encode_figure(draw_confusions(confusions), "png")
