"""Examples of similar length in batches of their own, so that one long clip does not pad all others.

Each bucket is another shape, which is compiled, so there are few of them, and only where they save much: the padded
steps of an epoch fall by a fifth for each, and by `LEAST` steps in all. Examples of similar lengths are alike in a
single bucket, whose program is the one without buckets.
"""

import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np

SHARE = 0.8
"""A further bucket leaves at most this share of the padded steps."""
LEAST = 10_000
"""Padded steps of an epoch that buckets must save."""


class Bucket(NamedTuple):
    """Examples that are padded to the same lengths. Hashable: compiled programs depend on it.

    Attributes:
      examples: columns of the index array, in the order of the buckets; a fold with fewer examples has -1 in the last.
      steps: (modality, padded length), in steps; a modality that is not named keeps its stream's.
      target: padded length of the target; None where an example has one.
    """

    examples: int
    steps: tuple[tuple[str, int], ...]
    target: int | None


def arrange_examples(
    lengths: Mapping[str, np.ndarray], rows: np.ndarray, most: int, *, has_steps: bool, least: int = 1
) -> tuple[np.ndarray, tuple[Bucket, ...]]:
    """Sorts the examples of each fold into buckets.

    Args:
      lengths: modality -> int [N], steps of every example, of the modalities that may be padded to less.
      rows: int32 [K, n], numbers of the examples of each fold, -1 for padding at the end.
      most: buckets.
      has_steps: whether each step has a target; all modalities then have the same lengths.
      least: examples that a fold has in a bucket, unless it has none there.

    Returns:
      int32 [K, n'], the same numbers bucket after bucket, and the buckets; `rows` and () where one is enough.
    """
    numbers = np.unique(rows[rows >= 0])
    if most < 2 or not lengths or len(numbers) < 2:
        return rows, ()
    table = np.stack([np.asarray(of_one)[numbers] for of_one in lengths.values()], 1)
    order = np.argsort(table.sum(1), kind="stable")
    members = np.array([np.isin(numbers[order], row) for row in rows])
    counts = np.pad(np.cumsum(members, 1), ((0, 0), (1, 0)))

    def has_enough(edges: Sequence[int]) -> bool:
        of_buckets = np.diff(counts[:, edges], axis=1)
        return bool(((of_buckets == 0) | (of_buckets >= least)).all())

    edges = _choose_edges(table[order], most, has_enough)
    if len(edges) == 2:
        return rows, ()
    bucket_of = np.full(int(numbers.max()) + 1, -1)
    bucket_of[numbers[order]] = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
    pieces, buckets = [], []
    for k, (begin, end) in enumerate(itertools.pairwise(edges)):
        of_folds = [row[(row >= 0) & (bucket_of[row] == k)] for row in rows]
        size = max(map(len, of_folds))
        pieces.append(np.stack([np.pad(row, (0, size - len(row)), constant_values=-1) for row in of_folds]))
        widths = np.maximum(table[order[begin:end]].max(0), 1).tolist()
        steps = tuple(zip(lengths, widths, strict=True))
        buckets.append(Bucket(size, steps, max(widths) if has_steps else None))
    return np.concatenate(pieces, 1).astype(np.int32), tuple(buckets)


def _choose_edges(table: np.ndarray, most: int, is_allowed: Callable[[Sequence[int]], bool]) -> list[int]:
    """Where the buckets of sorted examples [n, M] begin and end: few of them that leave few padded steps."""
    n = len(table)
    longest = np.maximum.accumulate(table, 0)  # of all examples so far, a modality each
    candidates = sorted({*(n * np.arange(1, 16) // 16).tolist(), *(n - 2**k for k in range(10))} & set(range(1, n)))

    def count_steps(edges: Sequence[int]) -> int:
        return sum((end - begin) * int(longest[end - 1].sum()) for begin, end in itertools.pairwise(edges))

    best, whole = [0, n], count_steps([0, n])
    for count in range(1, most):
        allowed = (cuts for cuts in itertools.combinations(candidates, count) if is_allowed([0, *cuts, n]))
        cuts = min(allowed, key=lambda cuts: count_steps([0, *cuts, n]), default=())
        edges = [0, *cuts, n]
        if count_steps(edges) <= SHARE * count_steps(best) and whole - count_steps(edges) >= LEAST:
            best = edges
    return best


def list_segments(buckets: Sequence[Bucket]) -> list[slice]:
    """The columns of each bucket."""
    edges = np.cumsum([0, *(bucket.examples for bucket in buckets)]).tolist()
    return [slice(begin, end) for begin, end in itertools.pairwise(edges)]


def spread_evenly(counts: Sequence[int]) -> list[int]:
    """The bucket of each batch of an epoch, so that those of every bucket lie evenly over it."""
    places = [((i + 0.5) / count, k) for k, count in enumerate(counts) for i in range(count)]
    return [k for _, k in sorted(places)]


def list_narrowed(steps: Mapping[str, int | None], fixed: Collection[str], *, has_steps: bool) -> tuple[str, ...]:
    """Modalities that a bucket may pad to less than `steps`: those with a time axis, whose padding the model ignores.

    Where each step has a target, all share one time axis, and one that is fixed fixes all.
    """
    narrowed = tuple(m for m, length in steps.items() if length and m not in fixed)
    return () if has_steps and len(narrowed) < len(steps) else narrowed
