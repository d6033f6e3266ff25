"""Successive halving: of the points of a search, the worse ones stop early, and the others get their time.

K. Jamieson and A. Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", AISTATS 2016. At
a rung the points of each variant and fold are ranked by their mean best validation score over seeds so far, and one of
every `rate` goes on. A point that was dropped cannot have been better than those that went on, so the best of all is
among these.
"""

import math
from collections.abc import Sequence

import numpy as np

from affect_jax.config.hyper import flatten_hyper
from affect_jax.training.trials import Trial


def plan_rungs(points: int, epochs: int, rate: int) -> dict[int, int]:
    """Epoch after which points are dropped -> one of how many goes on, of those that there were at first.

    Args:
      points: of a variant and fold.
      epochs: of the stage, at most.
      rate: one of how many goes on at each rung, 2 or more.

    Returns:
      Rungs at `epochs` / rate^k, as many as leave a point, each after one epoch at least; {} of one point.
    """
    count = 0
    while rate ** (count + 1) <= points:
        count += 1
    rungs = {max(math.floor(epochs / rate ** (count - k)), 1): rate ** (k + 1) for k in range(count)}
    return {epoch: divisor for epoch, divisor in rungs.items() if epoch < epochs}


def count_kept(points: int, divisor: int) -> int:
    """How many of the points go on at a rung."""
    return -(-points // divisor)


def count_epochs(points: int, epochs: int, rate: int) -> int:
    """Epochs of all points of a variant, fold and seed together, where none stops by itself."""
    total, start, left = 0, 0, points
    for epoch, divisor in plan_rungs(points, epochs, rate).items():
        total, start, left = total + left * (epoch - start), epoch, count_kept(points, divisor)
    return total + left * (epochs - start)


def group_points(trials: Sequence[Trial]) -> dict[tuple[str, int], dict[tuple, list[int]]]:
    """(variant, fold) -> point -> places of its trials, one a seed."""
    brackets: dict[tuple[str, int], dict[tuple, list[int]]] = {}
    for place, trial in enumerate(trials):
        point = tuple(sorted(flatten_hyper(trial.hyper).items()))
        brackets.setdefault((trial.variant, trial.fold), {}).setdefault(point, []).append(place)
    return brackets


def find_dropped(trials: Sequence[Trial], scores: np.ndarray, divisor: int) -> set[int]:
    """Places of the trials whose points are not among the best at a rung.

    Args:
      trials: of a stage.
      scores: [len(trials)], the best validation score so far, larger is better; -inf of none.
      divisor: one of how many points goes on; of equal ones the first.
    """
    dropped: set[int] = set()
    for points in group_points(trials).values():
        means = [np.mean([scores[place] for place in places]) for places in points.values()]
        order = sorted(range(len(means)), key=lambda at: (-np.nan_to_num(means[at], nan=-np.inf), at))
        places = list(points.values())
        dropped |= {place for at in order[count_kept(len(means), divisor) :] for place in places[at]}
    return dropped
