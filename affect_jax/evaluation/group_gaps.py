"""Scores of a finished run by any column of a table (speaker, sex, language), and the largest gap between two values.

A gap is tested by the rule of all comparisons (`decision`): would other seeds, draws or folds reverse it, and would
other speakers? Of all pairs of values the largest gap is looked at, so p is corrected over all of them. A. Koenecke et
al., "Racial disparities in automated speech recognition", PNAS 117, 2020, is why it is asked.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.datasets import tables
from affect_jax.datasets.parse_numbers import is_missing
from affect_jax.errors import UserError, join_words, suggest_nearest
from affect_jax.evaluation import group_scores, over_groups, read
from affect_jax.evaluation.decision import Contrast, contrast_scores, correct_family
from affect_jax.evaluation.design import Design, derive_design
from affect_jax.evaluation.read import Run, Source
from affect_jax.evaluation.significance import (
    LEAST_UNITS,
    Interval,
    Sample,
    bootstrap_apart,
    bootstrap_groups,
    summarize_sample,
)
from affect_jax.experiment.predictions_file import Predictions

GROUP = "group"
"""The name of the column that every run has: who or what it is split by."""
_MOST_VALUES = 60


class ValueScore(NamedTuple):
    """The scores of one value of the column.

    Attributes:
      value: the cell.
      groups: speakers or videos that have it.
      steps: answers.
      scores: over trials.
      interval: of 95 % over its groups; None over fewer than `LEAST_UNITS`.
    """

    value: str
    groups: int
    steps: int
    scores: Sample
    interval: Interval | None


class Gaps(NamedTuple):
    """One variant by a column.

    Attributes:
      source: which variant.
      values: their scores, the best first.
      pair: the two values of the largest gap, the better first.
      contrast: the better minus the worse; None where no trial was scored on both.
    """

    source: Source
    values: tuple[ValueScore, ...]
    pair: tuple[str, str]
    contrast: Contrast | None


def read_column(run: Run, asked: str) -> dict[str, str]:
    """Id or group of a run's answers -> the cell of a column.

    Args:
      run: whose config names its manifest.
      asked: 'COLUMN' of the run's manifest, or 'FILE.csv:COLUMN', a table with a column of the run's ids or groups.

    Raises:
      UserError: no such file or column, or no column has the run's ids or groups.
    """
    file, _, column = asked.rpartition(":")
    manifest = (run.config.get("corpus") or {}).get("manifest")
    if not file and not manifest:
        raise UserError(
            f"--by={asked}: {run.path} has no manifest with columns; name a table that has its ids or groups, as in "
            f"--by=people.csv:{asked}, or --by={GROUP}"
        )
    table = tables.read_table(Path(file or manifest))
    if column not in table.header:
        raise UserError(
            f"--by={asked}: {table.path} has no column {column!r}{suggest_nearest(column, table.header)}; it has "
            f"{join_words(name for name in table.header if name)}"
        )
    known = _list_names(run)
    places = [at for at, name in enumerate(table.header) if name != column]
    keys = max(places, key=lambda at: len(known.intersection(table.cells(at))), default=None)
    if keys is None or not known.intersection(table.cells(keys)):
        raise UserError(
            f"--by={asked}: no column of {table.path} has ids or groups of {run.path}, such as "
            f"{join_words(sorted(known)[:2])}; add one that has"
        )
    cells = zip(table.cells(keys), table.cells(table.header.index(column)), strict=True)
    return {key: value for key, value in cells if not is_missing(value)}


def _list_names(run: Run) -> set[str]:
    kept = read.read_all_predictions(run)
    return {str(name) for one in kept for names in (one.id, one.group) for name in np.unique(names)}


def score_by(run: Run, cells: Mapping[str, str] | None, split: str, metric: str) -> list[Gaps]:
    """Every variant whose answers have two values of the column or more; gaps are one family of Holm's correction.

    Args:
      run: finished.
      cells: id or group -> value; None for the groups themselves.
      split: 'validation' or 'test'.
      metric: a sum over groups, see `group_scores`.

    Raises:
      UserError: the metric is none, or there are too many values.
    """
    if not group_scores.has_statistics(run.results.task, metric):
        raise UserError(
            f"--by: {metric} is no sum over groups; name another with --metric, one of "
            f"{join_words(group_scores.SCORES)}"
        )
    known = [one for one in _score_sources(run, cells, split, metric) if len(one.scores) > 1]
    pairs = [(one, a, b) for one in known for a, b in combinations(one.scores, 2)]
    contrasts = correct_family([one.contrast(a, b) for one, a, b in pairs])
    return [_find_gaps(one, pairs, contrasts) for one in known]


def describe_values(
    run: Run, cells: Mapping[str, str], split: str, metric: str
) -> list[tuple[Source, tuple[ValueScore, ...]]]:
    """Every variant's scores of each value, without tests; arguments as of `score_by`. [] where the metric is no sum
    over groups."""
    if not group_scores.has_statistics(run.results.task, metric):
        return []
    known = _score_sources(run, cells, split, metric)
    return [(one.source, tuple(one.describe(value) for value in one.scores)) for one in known]


def _score_sources(run: Run, cells: Mapping[str, str] | None, split: str, metric: str) -> list["_Scored"]:
    """The variants whose answers have some value of the column."""
    task, known = run.results.task, []
    for source in read.list_variants(run):
        matched = sorted(read.match_trials(run, source).items())
        trials = {key: number for key, number in matched if run.results.trials[number].scores(split)}
        predictions = read.read_predictions(run, source.study, split)
        mine = predictions and trials and predictions.select_trials(list(trials.values()))
        if not mine:
            continue
        values = _name_values(mine, cells)
        if set(values) - {""}:
            design = derive_design(list(trials), split, run.results.corpus)
            joined = over_groups.join_folds(mine, list(trials.values()), design)
            of_source = (source, task, metric, design)
            known.append(_score_values(_Scored(*of_source, predictions=mine, values=values, joined=joined)))
    return known


def _name_values(predictions: Predictions, cells: Mapping[str, str] | None) -> np.ndarray:
    """str [F]: the value of each step, by its id, else by its group; '' where none is known."""
    if cells is None:
        names = predictions.group.astype(str)
    else:
        both = zip(predictions.id.tolist(), predictions.group.tolist(), strict=True)
        names = np.array([cells.get(name, cells.get(group, "")) for name, group in both], str)
    if (count := len(np.unique(names))) > _MOST_VALUES:
        raise UserError(f"--by: the column has {count} values, more than {_MOST_VALUES}; name one with fewer")
    return names


class _Scored(NamedTuple):
    """The answers of one variant's R trials, and the value of each step [F]."""

    source: Source
    task: str
    metric: str
    design: Design
    predictions: Predictions
    values: np.ndarray
    joined: Predictions | None  # the answers of all folds of a seed together
    scores: Mapping[str, np.ndarray] = {}  # value -> float64 [R], nan of a trial that was not asked for it

    def score_trials(self, value: str) -> np.ndarray:
        """float64 [R]; nan of a trial that was not asked for the value."""
        scores = np.full(len(self.predictions.trial), np.nan)
        for row, asked in enumerate(self.predictions.is_known):
            steps = asked & (self.values == value) & np.isfinite(self.predictions.target)
            if steps.any():
                scores[row] = self.score(self.sum_steps(self.predictions, [row], steps).sum(1))[0]
        return scores

    def score(self, sums: np.ndarray) -> np.ndarray:
        """Sums [..., *S] -> scores [...]."""
        return group_scores.SCORES[self.metric](sums)

    def sum_steps(self, predictions: Predictions, rows: Sequence[int], steps: np.ndarray) -> np.ndarray:
        """Statistics [len(rows), G, *S] of the groups of these steps."""
        answers, target = predictions.prediction[list(rows)][:, steps], predictions.target[steps]
        return group_scores.sum_statistics(self.task, self.metric, answers, target, predictions.group[steps])

    def sum_value(self, value: str) -> np.ndarray | None:
        """Statistics of a value by its groups; None of fewer than `LEAST_UNITS`."""
        joined = self.joined
        if joined is None:
            return None
        steps = joined.is_known.all(0) & (self.values == value) & np.isfinite(joined.target)
        if len(np.unique(joined.group[steps])) < LEAST_UNITS:
            return None
        return self.sum_steps(joined, range(len(joined.prediction)), steps)

    def contrast(self, a: str, b: str) -> Contrast | None:
        """a minus b over the trials that were asked for both; None where there is none."""
        scores = [self.scores[value] for value in (a, b)]
        both = np.isfinite(scores).all(0)
        if not both.any():
            return None
        trials = [key for key, is_in in zip(self.design.trials, both, strict=True) if is_in]
        design = self.design if both.all() else _narrow(self.design, trials)
        sums = [self.sum_value(value) for value in (a, b)]
        interval = None if sums[0] is None or sums[1] is None else bootstrap_apart(*sums, self.score)
        return contrast_scores(scores[0][both], scores[1][both], design, interval)

    def describe(self, value: str) -> ValueScore:
        """How the value is scored."""
        scores, sums = self.scores[value], self.sum_value(value)
        interval = None if sums is None else bootstrap_groups(sums, None, self.score)
        steps = self.predictions.is_known.any(0) & (self.values == value)
        groups = len(np.unique(self.predictions.group[steps]))
        return ValueScore(value, groups, int(steps.sum()), summarize_sample(scores[np.isfinite(scores)]), interval)


def _score_values(one: _Scored) -> _Scored:
    """With the scores of each value that is scored, in order."""
    scored = one.predictions.is_known.any(0) & np.isfinite(one.predictions.target)
    values = sorted(set(one.values[scored].tolist()) - {""})
    return one._replace(scores={value: one.score_trials(value) for value in values})


def _narrow(design: Design, trials: Sequence[tuple[str, int]]) -> Design:
    """The design of some of its trials."""
    folds = {fold for fold, _ in trials}
    train, scored = (tuple(pair for pair in pairs if pair[0] in folds) for pairs in (design.train, design.scored))
    return Design(design.kind, tuple(trials), train, scored)


def _find_gaps(one: _Scored, pairs: Sequence[tuple[_Scored, str, str]], contrasts: Sequence[Contrast | None]) -> Gaps:
    values = sorted((one.describe(value) for value in one.scores), key=lambda value: -value.scores.mean)
    best, worst = values[0].value, values[-1].value
    for (of, a, b), contrast in zip(pairs, contrasts, strict=True):
        if of is one and {a, b} == {best, worst}:
            oriented = contrast if contrast is None or a == best else contrast.swap()
            return Gaps(one.source, tuple(values), (best, worst), oriented)
    raise AssertionError("every pair has a contrast")
