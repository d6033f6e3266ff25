"""Arrays that stay in a built corpus' files until they are needed: the features of a corpus that is streamed."""

import functools
import operator
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from affect_jax.datasets.cache import Cache


class ArraySummary(NamedTuple):
    """What statistics over a corpus need of one array, in float64.

    Attributes:
      count: frames F.
      mean: [D] of frames [F, D]; [0] of a waveform [F], which has only its power.
      deviation: [D], sums of the squared differences from the mean; [0] of a waveform.
      power: mean of all squares.
    """

    count: int
    mean: np.ndarray
    deviation: np.ndarray
    power: float


def summarize_array(frames: np.ndarray) -> ArraySummary:
    """The summary of frames [F, D], or of a waveform [F]."""
    columns = frames.astype(np.float64) if frames.ndim > 1 else np.zeros((len(frames), 0))
    if not len(frames):
        return ArraySummary(0, np.zeros(columns.shape[1]), np.zeros(columns.shape[1]), 0.0)
    mean = columns.mean(0)
    power = float(np.mean(np.square(frames, dtype=np.float64)))
    return ArraySummary(len(frames), mean, np.square(columns - mean[None]).sum(0), power)


class StoredArray:
    """An array that is read again whenever numpy asks for it, as in `np.asarray`; only its summary stays in memory.

    Attributes:
      shape: of the array.
      dtype: of the array.
      ndim: of the array.
      summary: of its frames.
      cached: () -> whether the array would come from memory now.
    """

    def __init__(self, array: np.ndarray, read: Callable[[], np.ndarray], cached: Callable[[], bool]):
        self.shape, self.dtype, self.ndim, self.summary = array.shape, array.dtype, array.ndim, summarize_array(array)
        self._read, self.cached = read, cached

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self._read(), dtype, copy=copy)


class _FeatureReader:
    """Reads the features of an example by its number.

    Each thread remembers the example that it read last, because its arrays are asked for one after another.
    """

    def __init__(self, source: Sequence[dict[str, Any]], cache: Cache):
        self._source, self._cache, self._last = source, cache, threading.local()

    def __call__(self, number: int) -> dict[str, Any]:
        if getattr(self._last, "number", None) != number:
            read = functools.partial(self._read, number)
            self._last.features = self._cache.get((self, number), read)  # several sources share the cache
            self._last.number = number
        return self._last.features

    def read_whole(self, number: int) -> dict[str, Any]:
        """The whole example; its features are cached where there is room."""
        example = self._source[number]
        self._cache.get((self, number), functools.partial(_select_features, example))
        return example

    def is_cached(self, number: int) -> bool:
        return (self, number) in self._cache

    def _read(self, number: int) -> dict[str, Any]:
        return _select_features(self._source[number])


FEATURE_KEYS = ("features", "speech")
"""Where the examples of our builders have their features."""


def _select_features(example: dict[str, Any]) -> dict[str, Any]:
    return {key: example[key] for key in FEATURE_KEYS if key in example}


def store_features(source: Sequence[dict[str, Any]], cache: Cache) -> list[dict[str, Any]]:
    """Reads each example of a data source once and replaces its features by `StoredArray`s.

    Args:
      source: examples by number; several threads may read it at once.
      cache: keeps features that were read; other sources may share it.
    """
    reader = _FeatureReader(source, cache)

    def replace_arrays(number: int, path: tuple[str, ...], value: Any) -> Any:
        if isinstance(value, dict):
            return {key: replace_arrays(number, (*path, key), child) for key, child in value.items()}
        return StoredArray(
            value,
            lambda: functools.reduce(operator.getitem, path, reader(number)),
            lambda: reader.is_cached(number),
        )

    examples = []
    for number in range(len(source)):
        example = reader.read_whole(number)
        examples.append(
            {key: replace_arrays(number, (key,), x) if key in FEATURE_KEYS else x for key, x in example.items()}
        )
    return examples


def order_cached_first(all_features: Sequence[Mapping[str, Any]]) -> list[int]:
    """The order in which to read these recordings' features: those in memory come before reading evicts them."""

    def needs_reading(number: int) -> bool:
        return any(isinstance(x, StoredArray) and not x.cached() for x in all_features[number].values())

    return sorted(range(len(all_features)), key=needs_reading)
