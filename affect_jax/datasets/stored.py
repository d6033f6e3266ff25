"""Arrays that stay in a built corpus' files until somebody asks for them: the features of a corpus that is streamed."""

import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from affect_jax.datasets.recordings import Recording


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
    """Recordings by number from a data source, each thread's last one kept: its arrays are asked for one by one."""

    def __init__(self, source: Sequence[Any], make: Callable[[Any], Recording]):
        self._source, self._make, self._last = source, make, threading.local()

    def recording(self, number: int) -> Recording:
        if getattr(self._last, "number", None) != number:
            self._last.recording, self._last.number = self._make(self._source[number]), number
        return self._last.recording

    def array(self, number: int, modality: str) -> np.ndarray:
        return self.recording(number).features[modality]


def recordings(source: Sequence[Any], make: Callable[[Any], Recording]) -> list[Recording]:
    """Every example of a data source as a recording whose features are `Stored`; reads each example once.

    Args:
      source: examples by number; several threads may read it at once.
      make: example -> recording.
    """
    reader, found = _Reader(source, make), []
    for number in range(len(source)):
        whole = reader.recording(number)
        features = {m: Stored(x, lambda n=number, m=m: reader.array(n, m)) for m, x in whole.features.items()}
        found.append(whole._replace(features=features))
    return found
