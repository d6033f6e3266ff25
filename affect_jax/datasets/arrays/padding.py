"""Where an item's steps begin and end in arrays that are padded to one length [N, T, D]."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from affect_jax.datasets.release_files import convert_to_float32
from affect_jax.errors import UserError

_CHUNK = 256  # items at a time, as whole corpora do not fit into memory twice


class Spans(NamedTuple):
    """The steps of N items.

    Attributes:
      start: int64 [N], the first step.
      stop: int64 [N], behind the last step; equal to `start` where an item has nothing.
    """

    start: np.ndarray
    stop: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """int64 [N]."""
        return self.stop - self.start


class Finiteness(NamedTuple):
    """NaN and infinite values of a modality.

    Attributes:
      count: how many.
      first: (item, step, column) of the first one; None where there is none.
    """

    count: int
    first: tuple[int, int, int] | None


def find_nonzero_spans(values: np.ndarray) -> Spans:
    """The spans between rows of zeros at the beginning and at the end; values [N, T, D]."""
    start, stop = np.zeros(len(values), np.int64), np.zeros(len(values), np.int64)
    for begin in range(0, len(values), _CHUNK):
        is_row = (np.asarray(values[begin : begin + _CHUNK]) != 0).any(axis=2)
        has_rows, at = is_row.any(axis=1), slice(begin, begin + len(is_row))
        start[at] = np.where(has_rows, is_row.argmax(axis=1), 0)
        stop[at] = np.where(has_rows, is_row.shape[1] - is_row[:, ::-1].argmax(axis=1), 0)
    return Spans(start, stop)


def join_spans(spans: Sequence[Spans]) -> list[Spans]:
    """Spans of modalities that share their steps: the outer span of an item, for each modality that has anything."""
    is_empty = np.stack([one.lengths == 0 for one in spans])
    far = np.iinfo(np.int64).max
    start = np.where(is_empty, far, np.stack([one.start for one in spans])).min(axis=0)
    stop = np.where(is_empty, 0, np.stack([one.stop for one in spans])).max(axis=0)
    return [Spans(np.where(empty, 0, start), np.where(empty, 0, stop)) for empty in is_empty]


def place_lengths(lengths: np.ndarray, nonzero: Spans, steps: int) -> tuple[Spans, int]:
    """Spans of these lengths: at the end where an item's rows are there (padding in front), else at the beginning.

    Args:
      lengths: int64 [N].
      nonzero: where each item has rows that are not zero.
      steps: T.

    Returns:
      The spans, and how many items have rows outside of theirs.
    """
    fits_end = (nonzero.stop > lengths) & (nonzero.start >= steps - lengths)
    start = np.where(fits_end, steps - lengths, 0)
    spans = Spans(start, start + lengths)
    outside = (nonzero.lengths > 0) & ((nonzero.start < spans.start) | (nonzero.stop > spans.stop))
    return spans, int(outside.sum())


def check_lengths(values: Any, count: int, steps: int, where: str) -> np.ndarray:
    """int64 [N] of whole numbers from 0 to T.

    Raises:
      UserError: another number of lengths, or one that is not whole, negative or beyond T; `where` names the array.
    """
    try:
        lengths = np.asarray(values, np.float64).reshape(-1)
    except (ValueError, TypeError) as error:
        raise UserError(f"{where} are not numbers; expected {count} lengths of 0 to {steps} steps") from error
    if len(lengths) != count:
        raise UserError(f"{where} are {len(lengths)}, expected one for each of {count} items; write them again")
    is_wrong = ~((lengths >= 0) & (lengths <= steps) & (lengths == np.rint(lengths)))
    if is_wrong.any():
        item = int(np.argmax(is_wrong))
        raise UserError(
            f"{where} have {lengths[item]:g} at item {item} (from 0), but its array has {steps} steps; correct the"
            " lengths, or leave them out so that rows of zeros are padding"
        )
    return lengths.astype(np.int64)


def count_not_finite(values: Any, columns: slice | None) -> Finiteness:
    """Counts values that are not finite in float32; values [N, T, D] or a list of [T, D]."""
    count, first = 0, None
    width = _CHUNK if isinstance(values, np.ndarray) else 1
    for begin in range(0, len(values), width):
        chunk = convert_to_float32(np.asarray(values[begin : begin + width]) if width > 1 else values[begin][None])
        is_bad = ~np.isfinite(chunk[..., columns] if columns else chunk)
        if is_bad.any():
            count += int(is_bad.sum())
            item, step, column = np.argwhere(is_bad)[0].tolist()
            first = first or (begin + item, step, column)
    return Finiteness(count, first)
