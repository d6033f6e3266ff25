"""Several short sequences in one padded line: fewer padded steps to compute, the same numbers.

In a batch of CMU-MOSI's videos (9 to 63 utterances, 23 on average) two of three padded steps are empty. Sorted by
length, the k-th longest of any batch is never longer than the k-th longest of all training examples, so ranks can be
given fixed places: a plan made once on the host, static shapes, and nothing to decide while training.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Packing(NamedTuple):
    """Where the k-th longest example of a batch of B lies among P lines of T steps.

    Tuples, not arrays, because a jitted program depends on them.

    Attributes:
      rank: [P, T], the rank whose place a step is, -1 for none.
      step: [P, T], its number within that place.
    """

    rank: tuple[tuple[int, ...], ...]
    step: tuple[tuple[int, ...], ...]


def plan_packing(lengths: Sequence[np.ndarray], batch: int) -> Packing | None:
    """A packing for any `batch` of the examples, by first-fit decreasing (Johnson 1973).

    Args:
      lengths: of every fold's training examples.
      batch: examples of a batch.

    Returns:
      The packing, or None where it would save less than a tenth of the steps.
    """
    count = min(batch, max(len(fold) for fold in lengths))
    profile = np.zeros(count, int)
    for fold in lengths:
        longest = np.sort(fold)[::-1][:count]
        profile[: len(longest)] = np.maximum(profile[: len(longest)], longest)
    width = int(profile[0])
    free: list[int] = []
    places: list[tuple[int, int]] = []
    for length in profile:
        line = next((i for i, room in enumerate(free) if room >= length), len(free))
        if line == len(free):
            free.append(width)
        places.append((line, width - free[line]))
        free[line] -= length
    if len(free) > 0.9 * count:
        return None
    rank = np.full((len(free), width), -1)
    step = np.zeros((len(free), width), int)
    for k, ((line, first), length) in enumerate(zip(places, profile, strict=True)):
        rank[line, first : first + length] = k
        step[line, first : first + length] = np.arange(length)
    return Packing(tuple(map(tuple, rank.tolist())), tuple(map(tuple, step.tolist())))
