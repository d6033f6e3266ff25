"""Arrays that stay in a built corpus' files until somebody asks for them: the features of a corpus that is streamed."""

import functools
import operator
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np


class Summary(NamedTuple):
    """What statistics need of an array, in float64.

    Attributes:
      count: frames F.
      mean: [D] of frames [F, D]; a waveform [F] has only its power.
      deviation: [D], sums of the squared differences to the mean, likewise.
      power: mean of all squares.
    """

    count: int
    mean: np.ndarray
    deviation: np.ndarray
    power: float


def summary(frames: np.ndarray) -> Summary:
    """Of frames [F, D], or a waveform [F]."""
    columns = frames.astype(np.float64) if frames.ndim > 1 else np.zeros((len(frames), 0))
    if not len(frames):
        return Summary(0, np.zeros(columns.shape[1]), np.zeros(columns.shape[1]), 0.0)
    mean = columns.mean(0)
    power = float(np.mean(np.square(frames, dtype=np.float64)))
    return Summary(len(frames), mean, np.square(columns - mean[None]).sum(0), power)


class Stored:
    """An array that is read again whenever numpy asks for it, e.g. by `np.asarray`; nothing is kept but its summary.

    Attributes:
      shape: of the array.
      dtype: of the array.
      ndim: of the array.
      summary: of its frames.
    """

    def __init__(self, array: np.ndarray, read: Callable[[], np.ndarray]):
        self.shape, self.dtype, self.ndim, self.summary = array.shape, array.dtype, array.ndim, summary(array)
        self._read = read

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self._read(), dtype, copy=copy)


class _Reader:
    """Examples by number, each thread's last one kept: its arrays are asked for one by one."""

    def __init__(self, source: Sequence[Any]):
        self._source, self._last = source, threading.local()

    def __call__(self, number: int) -> Any:
        if getattr(self._last, "number", None) != number:
            self._last.example, self._last.number = self._source[number], number
        return self._last.example


KEYS = ("features", "speech")
"""Where the examples of our builders have their features."""


def examples(source: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every example of a data source, its features `Stored`; reads each once.

    Args:
      source: examples by number; several threads may read it at once.
    """
    reader = _Reader(source)

    def kept(number: int, path: tuple[str, ...], value: Any) -> Any:
        if isinstance(value, dict):
            return {key: kept(number, (*path, key), of_key) for key, of_key in value.items()}
        return Stored(value, lambda: functools.reduce(operator.getitem, path, reader(number)))

    found = []
    for number in range(len(source)):
        example = reader(number)
        found.append({key: kept(number, (key,), x) if key in KEYS else x for key, x in example.items()})
    return found
