"""How far a score, or the difference of two, depends on the speakers or videos that were scored: intervals by what
runs predict.

The folds of a cross-validation are scored on different groups. The trials of one seed together predict every group
once, so they are joined, and the interval is of the score of all folds' predictions together.
"""

from collections.abc import Sequence

import numpy as np

from affect_jax.evaluation import group_scores
from affect_jax.evaluation.design import APART, DRAWS, SEEDS, Design
from affect_jax.evaluation.read import Predictions
from affect_jax.evaluation.significance import LEAST_UNITS, Interval, bootstrap_groups, bound_share


def join_folds(predictions: Predictions | None, trials: Sequence[int], design: Design) -> Predictions | None:
    """Predictions of these trials: a row a trial, or a row a seed where folds are scored on different groups.

    None where some were not kept, or two folds predict the same step.

    Args:
      predictions: of the study.
      trials: numbers of the design's trials in results.json, in its order.
      design: of the trials.
    """
    chosen = predictions and predictions.select_trials(trials)
    if chosen is None or design.kind in (SEEDS, DRAWS):
        return chosen
    is_known, seeds, rows, asked = chosen.is_known, np.array([seed for _, seed in design.trials]), [], []
    for seed in np.unique(seeds):
        mine = np.flatnonzero(seeds == seed)
        if (is_known[mine].sum(0) > 1).any():
            return None
        rows.append(chosen.prediction[mine[is_known[mine].argmax(0)], np.arange(is_known.shape[1])])
        asked.append(is_known[mine].any(0))
    return chosen._replace(prediction=np.stack(rows), trial=np.unique(seeds), asked=np.stack(asked))


def pair_steps(a: Predictions, b: Predictions) -> tuple[np.ndarray, np.ndarray] | None:
    """Places in a and in b of the steps that both have, in one order; None where there is none, or one stands twice."""
    _, i, j = np.intersect1d(a.id, b.id, return_indices=True)
    has_twins = any(np.unique(x.id).size != x.id.size for x in (a, b))
    return (i, j) if i.size and not has_twins else None


def are_same_examples(a: Predictions, b: Predictions, trials_a: Sequence[int], trials_b: Sequence[int]) -> bool:
    """Whether two variants' matched trials were scored on the same examples with the same truth."""
    mine, theirs, places = a.select_trials(trials_a), b.select_trials(trials_b), pair_steps(a, b)
    if mine is None or theirs is None or places is None or not len(places[0]) == a.id.size == b.id.size:
        return False
    i, j = places
    return np.array_equal(a.target[i], b.target[j]) and np.array_equal(mine.is_known[:, i], theirs.is_known[:, j])


def bound_difference(
    task: str, metric: str, design: Design, a: Predictions | None, b: Predictions | None, *, is_constant: bool = False
) -> Interval | None:
    """The interval of a minus b over other groups, on the steps that all rows of both predict.

    None where the design has no such doubt, the metric is no sum over groups, predictions were not kept, the two do
    not speak of the same truth, or there are fewer than `LEAST_UNITS` groups.

    Args:
      task: of `metrics.TASKS`.
      metric: which score.
      design: of the matched trials.
      a: joined predictions, see `join_folds`.
      b: likewise; not read where b is the constant answer.
      is_constant: whether a is compared with the constant answer.
    """
    b = a if is_constant else b
    if a is None or b is None or design.kind == APART or not group_scores.has_statistics(task, metric):
        return None
    places = pair_steps(a, b)
    if places is None or not np.array_equal(a.group[places[0]], b.group[places[1]]):
        return None
    i, j = places
    known = np.isfinite(a.target[i]) & a.is_known[:, i].all(0) & b.is_known[:, j].all(0)
    i, j = i[known], j[known]
    if not known.any() or not np.allclose(a.target[i], b.target[j]):
        return None
    target, group = a.target[i], a.group[i]
    if len(np.unique(group)) < LEAST_UNITS:
        return None
    left = group_scores.sum_statistics(task, metric, a.prediction[:, i], target, group)
    if is_constant:
        right = group_scores.sum_constant(metric, left)
    else:
        right = group_scores.sum_statistics(task, metric, b.prediction[:, j], target, group)
    return bootstrap_groups(left, right, group_scores.SCORES[metric])


def bound_score(
    task: str, metric: str, predictions: Predictions | None, mean: float, steps: int | None
) -> Interval | None:
    """How far one system's score depends on the groups that were scored; None where that cannot be told, as by fewer
    than `LEAST_UNITS` of them.

    Of an accuracy over independent steps (each is a group, or nothing is known of groups) it is the exact binomial one.

    Args:
      task: of `metrics.TASKS`.
      metric: which score.
      predictions: joined, see `join_folds`; None where they were not kept.
      mean: the score, over trials.
      steps: that were scored, where that is known; only read without predictions.
    """
    if not group_scores.has_statistics(task, metric):
        return None
    if predictions is None:
        is_told = metric == "accuracy" and (steps or 0) >= LEAST_UNITS
        return Interval(mean, *bound_share(mean, steps), steps) if is_told else None
    known = np.isfinite(predictions.target) & predictions.is_known.all(0)
    group, target = predictions.group[known], predictions.target[known]
    if len(np.unique(group)) < LEAST_UNITS:
        return None
    if metric == "accuracy" and len(np.unique(group)) == len(group):
        return Interval(mean, *bound_share(mean, len(group)), len(group))
    sums = group_scores.sum_statistics(task, metric, predictions.prediction[:, known], target, group)
    return bootstrap_groups(sums, None, group_scores.SCORES[metric])
