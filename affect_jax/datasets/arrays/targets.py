"""Label fields -> labels with one value for each utterance: numbers, or classes by name."""

from typing import Any, NamedTuple

import numpy as np

from affect_jax.datasets.arrays.names import decode_names

IEMOCAP_EMOTIONS = ("neutral", "happy", "sad", "angry")
"""Of the labels [N, 4, 2] of MulT's iemocap_data.pkl, in this order (its eval_metrics.py)."""
POLARITIES = ("negative", "neutral", "positive")
"""0, 1, 2 of MMSA's classification_labels."""
_MOST_COLUMNS = 64


class RawLabel(NamedTuple):
    """A label of one split.

    Attributes:
      values: float64 [N], or N texts.
      classes: names of 0, 1, ... where they are known; () otherwise.
      are_classes: whether numbers are classes.
    """

    values: np.ndarray | list[str]
    classes: tuple[str, ...] = ()
    are_classes: bool = False


def split_labels(name: str, values: Any) -> dict[str, RawLabel]:
    """The labels in a field: one, or one for each column of a table.

    [N], [N, 1] and [N, 1, 1] are one label under the field's name; [N, K], [N, 1, K] and [N, K, 1] are `name_0`,
    `name_1`, ...; [N, 4, 2], two-way labels of four emotions, are `happy` and so on, with the classes `no` and `yes`.

    Raises:
      ValueError: the field is no table of numbers, and no list of texts; in words that follow "is".
    """
    if isinstance(values, list):
        values = _stack(values)
    if isinstance(values, list) or values.dtype.kind in "US":
        texts = decode_names(values)
        if not all(isinstance(text, str) for text in texts):
            raise ValueError("a table of texts, expected one an item")
        return {name: RawLabel(texts)}
    if values.dtype.kind not in "fiub":
        raise ValueError("neither numbers nor text")
    if values.shape[1:] == (len(IEMOCAP_EMOTIONS), 2):
        chosen = np.argmax(values, axis=2).astype(np.float64)
        return {e: RawLabel(chosen[:, k], ("no", "yes"), True) for k, e in enumerate(IEMOCAP_EMOTIONS)}
    columns = [n for n in values.shape[1:] if n != 1]
    if len(columns) > 1 or (columns and columns[0] > _MOST_COLUMNS):
        raise ValueError(f"of the shape {list(values.shape)}, expected [items] or [items, a few labels]")
    table = values.reshape(len(values), -1).astype(np.float64)
    are_classes = values.dtype.kind == "b" or "classification" in name.lower()
    classes = _name_polarities(table) if "classification" in name.lower() else ()
    if table.shape[1] == 1:
        return {name: RawLabel(table[:, 0], classes, are_classes)}
    return {f"{name}_{k}": RawLabel(table[:, k], classes, are_classes) for k in range(table.shape[1])}


def _name_polarities(table: np.ndarray) -> tuple[str, ...]:
    return POLARITIES if np.isin(table, range(len(POLARITIES))).all() else ()


def _stack(values: list) -> np.ndarray | list:
    """An array of a list of arrays or numbers of one shape; other lists as they are."""
    if values and all(isinstance(one, np.ndarray | int | float) for one in values):
        arrays = [np.asarray(one) for one in values]
        if len({one.shape for one in arrays}) > 1 or any(one.dtype.kind not in "fiub" for one in arrays):
            raise ValueError("a list of arrays of several shapes or types")
        return np.stack(arrays)
    return values
