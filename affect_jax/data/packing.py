"""Several short sequences packed into one: fewer padded steps to compute, the same numbers.

In a batch of CMU-MOSI's videos (9 to 63 utterances, 23 on average) two of three padded steps are empty. In a batch
sorted by length, the k-th longest example is never longer than the k-th longest of all training examples. So each rank
can be given a fixed place: a plan made once on the host, static shapes, and nothing to decide while training.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Packing(NamedTuple):
    """Where the k-th longest example of a batch of B lies among P packed sequences of T steps.

    Tuples, not arrays, because a jitted program depends on them.

    Attributes:
      rank: [P][T], the rank whose place a step is, -1 for none.
      step: [P][T], the number of the step within that place.
    """

    rank: tuple[tuple[int, ...], ...]
    step: tuple[tuple[int, ...], ...]


def plan_packing(lengths: Sequence[np.ndarray], batch: int) -> Packing | None:
    """Plans a packing for any `batch` of the examples, by first-fit decreasing (Johnson, 1973).

    Args:
      lengths: of every fold's training examples, in steps.
      batch: examples of a batch.

    Returns:
      The packing, or None where it would save less than a tenth of the steps.
    """
    profile = _compute_profile(lengths, batch)
    width = int(profile[0])
    free: list[int] = []  # steps left at the end of each packed sequence
    places: list[tuple[int, int]] = []  # rank -> (packed sequence, first step)
    for length in profile:
        sequence = next((i for i, steps in enumerate(free) if steps >= length), len(free))
        if sequence == len(free):
            free.append(width)
        places.append((sequence, width - free[sequence]))
        free[sequence] -= length
    # Packing costs a sort and a gather a batch, and attention needs block masks: a small saving is not worth it.
    if len(free) > 0.9 * len(profile):
        return None
    rank = np.full((len(free), width), -1)
    step = np.zeros((len(free), width), int)
    for k, ((sequence, first), length) in enumerate(zip(places, profile, strict=True)):
        rank[sequence, first : first + length] = k
        step[sequence, first : first + length] = np.arange(length)
    return Packing(tuple(map(tuple, rank.tolist())), tuple(map(tuple, step.tolist())))


def _compute_profile(lengths: Sequence[np.ndarray], batch: int) -> np.ndarray:
    """int [B], the longest that the k-th longest example of any batch of any fold can be, descending."""
    profile = np.zeros(min(batch, max(len(fold) for fold in lengths)), int)
    for fold in lengths:
        longest = np.sort(fold)[::-1][: len(profile)]
        # One plan serves all folds, because trials of all folds are one program.
        profile[: len(longest)] = np.maximum(profile[: len(longest)], longest)
    return profile
