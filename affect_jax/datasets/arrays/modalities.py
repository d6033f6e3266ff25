"""Checks the modalities of all splits against one another and against the labels, and finds what is padding."""

import collections
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from affect_jax.datasets.arrays import padding
from affect_jax.datasets.arrays.fields import Field
from affect_jax.datasets.arrays.padding import Spans
from affect_jax.datasets.arrays.roles import Roles
from affect_jax.datasets.release_files import convert_to_float32
from affect_jax.errors import UserError


class Modality(NamedTuple):
    """A modality of one split.

    Attributes:
      field: that it is read from.
      values: [N, T, D], or a list of N arrays [T, D].
      columns: of these, that are the modality; None for all.
      width: D.
      spans: each item's steps.
    """

    field: Field
    values: np.ndarray | list[np.ndarray]
    columns: slice | None
    width: int
    spans: Spans

    def cut(self, item: int) -> np.ndarray:
        """float32 [T, D] of an item, without padding."""
        rows = self.values[item][self.spans.start[item] : self.spans.stop[item]]
        return convert_to_float32(rows[:, self.columns] if self.columns else rows)


class SplitModalities(NamedTuple):
    """The modalities of one split, and remarks about their lengths."""

    modalities: dict[str, Modality]
    remarks: tuple[str, ...]


def read_modalities(roles: Roles, names: tuple[str, ...], count: int, use_padding: bool) -> SplitModalities:
    """Reads the modalities of a split.

    Args:
      roles: of its fields.
      names: of the modalities to read.
      count: N, by the labels.
      use_padding: whether rows of zeros at either end are padding.

    Raises:
      UserError: another number of items, an array on its side, a list of arrays of several widths, or lengths that
        cannot be.
    """
    modalities = {}
    for name in names:
        field, columns = roles.modalities[name]
        values = _shape(field, count)
        width = len(range(*columns.indices(values.shape[2]))) if columns else values[0].shape[-1]
        modalities[name] = Modality(field, values, columns, width, _whole(values))
    _check_sides(modalities)
    if not use_padding:
        return SplitModalities(modalities, ())
    return _cut_padding(modalities, roles.lengths, count)


def _shape(field: Field, count: int) -> np.ndarray | list[np.ndarray]:
    """The field as [N, T, D], or as a list of [T, D]."""
    if field.shape[0] != count:
        axes = [axis for axis, length in enumerate(field.shape) if length == count]
        fault = (
            f"lies on its side: axis {axes[0]} has the {count} items, expected axis 0; transpose it"
            if axes
            else f"has {field.shape[0]} items, but there are {count} labels; both need one entry for each item"
        )
        raise UserError(f"{field} {fault}")
    values = field.read()
    if isinstance(values, np.ndarray):
        if not values.size:
            raise UserError(f"{field} is empty; expected [items, steps, columns]")
        return values[:, None] if values.ndim == 2 else values
    arrays = [one for one in values if isinstance(one, np.ndarray) and one.ndim == 2 and one.dtype.kind in "fiu"]
    if len(arrays) < len(values):
        raise UserError(f"{field} has entries that are no arrays [steps, columns] of numbers; write it again")
    widths = collections.Counter(one.shape[1] for one in arrays)
    if len(widths) > 1 or 0 in widths:
        item = next(i for i, one in enumerate(arrays) if one.shape[1] != widths.most_common(1)[0][0])
        raise UserError(
            f"{field} has arrays of several widths: item {item} (from 0) has {arrays[item].shape[1]} columns, most"
            f" others have {widths.most_common(1)[0][0]}; compute it again"
        )
    return arrays


def _whole(values: np.ndarray | list[np.ndarray]) -> Spans:
    lengths = np.array([len(one) for one in values], np.int64)
    return Spans(np.zeros_like(lengths), lengths)


def _check_sides(modalities: Mapping[str, Modality]) -> None:
    """Refuses [N, D, T] where two other modalities or more share T on the axis where steps belong."""
    shapes = {m: one.field.shape for m, one in modalities.items() if len(one.field.shape) == 3}
    for name, (_, steps, columns) in shapes.items():
        others = [shape[1] for other, shape in shapes.items() if other != name]
        if len(others) > 1 and len(set(others)) == 1 and columns == others[0] != steps:
            raise UserError(
                f"{modalities[name].field} lies on its side: the other modalities have {others[0]} steps in axis 1,"
                " this one has as many in axis 2; swap its last two axes"
            )


def _cut_padding(modalities: dict[str, Modality], lengths: Mapping[str, Field], count: int) -> SplitModalities:
    remarks = []
    padded = {m: one for m, one in modalities.items() if isinstance(one.values, np.ndarray) and one.values.shape[1] > 1}
    nonzero = {m: padding.find_nonzero_spans(_select(one)) for m, one in padded.items()}
    spans: dict[str, Spans] = {}
    for m, one in padded.items():
        field = lengths.get(m) or lengths.get("")
        if field is None:
            continue
        steps = one.values.shape[1]
        numbers = padding.check_lengths(field.read(), count, steps, f"{field.file}: {field.place}")
        if (numbers == steps).all():
            continue  # which says nothing about padding
        spans[m], outside = padding.place_lengths(numbers, nonzero[m], steps)
        if outside:
            remarks.append(
                f"{outside} items have rows of {m} that are not zero beyond their length in {field.place}; these rows"
                " are left out"
            )
    # Modalities of as many steps, without lengths of their own, are aligned: their steps stay so.
    by_steps = collections.defaultdict(list)
    for m, one in padded.items():
        if m not in spans:
            by_steps[one.values.shape[1]].append(m)
    for sharing in by_steps.values():
        spans.update(zip(sharing, padding.join_spans([nonzero[m] for m in sharing]), strict=True))
    cut = {m: one._replace(spans=spans[m]) if m in spans else one for m, one in modalities.items()}
    return SplitModalities(cut, tuple(remarks))


def _select(one: Modality) -> Any:
    return one.values[:, :, one.columns] if one.columns else one.values
