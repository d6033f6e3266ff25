"""A corpus larger than the device: its frames stay on the host, most of them in their files, and what a few batches
need is cut out at a time.

What is cut is a small `Corpus` with example numbers of its own. So `take` gathers, pads and standardises a batch of it
as it does one of a corpus that lies on the device whole, and the batch has the same bits.
"""

import bisect
import collections
import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np

from affect_jax.data.corpus import Corpus, Index, Stream
from affect_jax.datasets.recordings import Recording
from affect_jax.datasets.stored_array import ArraySummary, StoredArray, order_cached_first, summarize_array

Q = TypeVar("Q")
T = TypeVar("T")


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """A corpus whose frames are not on the device; who reads lengths and targets alone takes it for a `Corpus`.

    Attributes:
      inputs: modality -> stream; its `values` are None, all else is numpy.
      target: the targets, all of them.
      recordings: R recordings, their features in files or in the host's memory.
      recording_of: int [N], each example's recording.
      first: modality -> int64 [N], an example's first frame in its recording.
      example: a corpus of the first two examples, to trace programs with.
    """

    inputs: dict[str, Stream]
    target: Stream
    recordings: tuple[Recording, ...]
    recording_of: np.ndarray
    first: dict[str, np.ndarray]
    example: Corpus = dataclasses.field(init=False)

    def __post_init__(self):
        few = np.arange(min(2, len(self.recording_of)))
        object.__setattr__(self, "example", cut_features(self, few, measure_room(self, few[None], len(few))))


_LINE = 64
"""Bytes to a multiple of which XLA wants an array to begin."""


class Room(NamedTuple):
    """What so many examples need at most, so that all that is cut for a program has the same shapes.

    Attributes:
      examples: how many.
      frames: modality -> frames of all of them.
      target: frames of the target.
    """

    examples: int
    frames: dict[str, int]
    target: int


def make_source(corpus: Corpus, index: Index, recordings: Sequence[Recording]) -> Source:
    """What `corpus.build(..., resident=False)` laid out, with the recordings that it laid out."""
    inputs = {m: _on_host(stream) for m, stream in corpus.inputs.items()}
    first = {m: s.start - index.input_offsets[m][index.recording_of] for m, s in inputs.items()}
    return Source(inputs, _on_host(corpus.target), tuple(recordings), index.recording_of, first)


def _on_host(stream: Stream) -> Stream:
    parts = (None if x is None else np.asarray(x) for x in (stream.values, stream.start, stream.length, stream.gain))
    return Stream(*parts, stream.steps)


def _kind(source: Source, modality: str) -> tuple[np.dtype, tuple[int, ...]]:
    """(dtype, shape of a frame) of what is cut of a modality."""
    there = next(r.features[modality] for r in source.recordings if modality in r.features)
    return np.dtype(there.dtype if source.inputs[modality].gain is not None else np.float32), there.shape[1:]


def measure_room(source: Source, folds: np.ndarray, count: int) -> Room:
    """What any `count` examples of one line of `folds` (int [K, n], -1 for padding) need at most."""

    def longest(stream: Stream) -> int:
        most = max(int(np.sort(stream.length[line[line >= 0]])[::-1][:count].sum()) for line in folds)
        return max(most, 1)  # where all lack a modality there is still something to look at

    return Room(count, {m: longest(stream) for m, stream in source.inputs.items()}, longest(source.target))


def count_bytes(source: Source, of: Room) -> int:
    """Bytes of a corpus with this room."""
    frames = 0
    for modality, count in of.frames.items():
        dtype, shape = _kind(source, modality)
        behind = 0 if source.inputs[modality].gain is None else source.inputs[modality].steps
        frames += (count + behind) * dtype.itemsize * int(np.prod(shape, dtype=np.int64))
    return frames + 4 * of.target + 8 * of.examples * (len(of.frames) + 1)


def cut_features(source: Source, examples: np.ndarray, of: Room) -> Corpus:
    """A corpus of some examples, in numpy, which are number 0, 1, ... in it; each recording is read once.

    Args:
      source: the whole.
      examples: int [n], their numbers, each once.
      of: room for them and perhaps more; what is left over has length 0.
    """
    order = np.argsort(source.recording_of[examples], kind="stable")
    examples = examples[order]
    recording = source.recording_of[examples]
    inputs, places = {}, {}
    for m, stream in source.inputs.items():
        dtype, shape = _kind(source, m)
        behind = 0 if stream.gain is None else stream.steps  # a waveform is cut out `steps` long
        places[m] = _Places.of(source.first[m][examples], stream.length[examples])
        gain = None if stream.gain is None else _fill(stream.gain[examples], order, of.examples, 1)
        values = _align((of.frames[m] + behind, *shape), dtype)
        values[places[m].edge[-1] :] = 0  # what nobody's frames are copied to below
        inputs[m] = _lay_out(places[m], order, values, gain, stream.steps, of)
    edges = np.flatnonzero(np.diff(recording, prepend=-1, append=-1))
    features = [source.recordings[r].features for r in recording[edges[:-1]]]
    for n in order_cached_first(features):
        for m in features[n].keys() & inputs.keys():
            places[m].copy(np.asarray(features[n][m]), inputs[m].values, edges[n], edges[n + 1])
    gold = _Places.of(source.target.start[examples], source.target.length[examples])
    target = _lay_out(gold, order, np.zeros(of.target, np.float32), None, source.target.steps, of)
    gold.copy(source.target.values, target.values, 0, len(examples))
    return Corpus(inputs, target)


class _Places(NamedTuple):
    """n examples' first frames and lengths where they come from, and their edges [n + 1] end to end."""

    first: np.ndarray
    length: np.ndarray
    edge: np.ndarray

    @classmethod
    def of(cls, first: np.ndarray, length: np.ndarray) -> "_Places":
        return cls(first, length, np.concatenate([[0], np.cumsum(length, dtype=np.int64)]))

    def copy(self, values: np.ndarray, to: np.ndarray, begin: int, end: int) -> None:
        """The frames of the examples begin, ..., end - 1, all of which lie in `values`."""
        goal = slice(self.edge[begin], self.edge[end])
        if end - begin == 1:
            to[goal] = values[self.first[begin] : self.first[begin] + self.length[begin]]
            return
        shift = np.repeat(self.first[begin:end] - self.edge[begin:end], self.length[begin:end])
        to[goal] = values[np.arange(goal.start, goal.stop) + shift]


def _align(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An array to be filled, which lies so that a CPU takes it for its own memory instead of copying it."""
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    memory = np.empty(size + _LINE, np.uint8)
    begin = -memory.ctypes.data % _LINE
    return memory[begin : begin + size].view(dtype).reshape(shape)


def _fill(values: np.ndarray, order: np.ndarray, count: int, fill: int) -> np.ndarray:
    """`values`, which are in `order`, in the order of before, and `fill` behind them."""
    out = np.full(count, fill, values.dtype)
    out[order] = values
    return out


def _lay_out(
    places: _Places, order: np.ndarray, values: np.ndarray, gain: np.ndarray | None, steps: int | None, of: Room
) -> Stream:
    start = _fill(places.edge[:-1].astype(np.int32), order, of.examples, 0)
    length = _fill(places.length.astype(np.int32), order, of.examples, 0)
    return Stream(values, start, length, gain, steps)


def make_chunk(source: Source, lines: np.ndarray, count: int, ways: int, of: Room) -> tuple[Corpus, np.ndarray]:
    """What some batches need.

    Args:
      source: the whole.
      lines: int32 [c, B] of `step.order_of`: examples, or example * ways + combination; -1 for padding.
      count: so many batches are wanted; those behind the c are empty.
      ways: combinations of Moddrop, else 1.
      of: room for the examples.

    Returns:
      A corpus, and the lines int32 [count, B] in its own numbers.
    """
    shown = lines >= 0
    examples, place = np.unique(lines[shown] // ways, return_inverse=True)
    mine = np.full((count, lines.shape[1]), -1, np.int32)
    mine[: len(lines)][shown] = place * ways + lines[shown] % ways
    return cut_features(source, examples, of), mine


def read_ahead(work: Callable[[Q], T], questions: Iterable[Q], *, threads: int, depth: int) -> Iterator[T]:
    """work(q) of every question in order; threads do up to `depth` of them before they are asked for."""
    asked = iter(questions)
    with ThreadPoolExecutor(threads, "affect_jax-streaming") as pool:
        waiting = collections.deque(pool.submit(work, q) for q in itertools.islice(asked, depth))
        try:
            while waiting:
                done = waiting.popleft().result()
                waiting.extend(pool.submit(work, q) for q in itertools.islice(asked, 1))
                yield done
                del done
        finally:
            for left in waiting:
                left.cancel()


def count_batches_at_once(source: Source, folds: np.ndarray, size: int, count: int, limit: float) -> int:
    """How many of `count` batches of `size` examples are to be cut at a time, all times about as many, at least one.

    Args:
      source: the whole.
      folds: int32 [K, n], the examples that the batches are of, -1 for padding.
      size: of a batch.
      count: of an epoch.
      limit: bytes of what is cut at a time, if one batch is not larger.
    """
    examples = folds.shape[1]
    most = bisect.bisect_right(
        range(1, count + 1),
        limit,
        key=lambda n: count_bytes(source, measure_room(source, folds, min(n * size, examples))),
    )
    times = -(-count // max(most, 1))
    return -(-count // times)


def summarize_features(source: Source, modality: str, recordings: np.ndarray) -> list[ArraySummary]:
    """Of the frames of these recordings (numbers) that have the modality."""
    of = [source.recordings[r].features for r in recordings]
    arrays = [features[modality] for features in of if modality in features]
    return [x.summary if isinstance(x, StoredArray) else summarize_array(x) for x in arrays]
