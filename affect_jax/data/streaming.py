"""A corpus larger than the device: its frames stay on the host, most of them in their files, and what a few batches
need is cut out at a time.

What is cut out is a small `Corpus` with example numbers of its own. So `take_batch` gathers, pads and standardises a
batch of it as it does one of a resident corpus, and the batch has the same bits.
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

Request = TypeVar("Request")
Result = TypeVar("Result")


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """A corpus whose frames are not on the device. Code that only reads lengths and targets can treat it as a `Corpus`.

    Attributes:
      inputs: modality -> stream; `values` is None, the rest is numpy.
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
        object.__setattr__(self, "example", cut_features(self, few, measure_capacity(self, few[None], len(few))))


_ALIGNMENT = 64
"""XLA uses the host's memory in place where an array begins at a multiple of this many bytes."""


class Capacity(NamedTuple):
    """What a number of examples needs at most, so that all chunks of a program have the same shapes.

    Attributes:
      examples: how many.
      frames: modality -> frames of all of them.
      target: frames of the target.
    """

    examples: int
    frames: dict[str, int]
    target: int


def make_source(corpus: Corpus, index: Index, recordings: Sequence[Recording]) -> Source:
    """Joins what `corpus.build_corpus(..., resident=False)` laid out with the recordings that it was given."""
    inputs = {m: _copy_to_host(stream) for m, stream in corpus.inputs.items()}
    first = {m: s.start - index.input_offsets[m][index.recording_of] for m, s in inputs.items()}
    return Source(inputs, _copy_to_host(corpus.target), tuple(recordings), index.recording_of, first)


def _copy_to_host(stream: Stream) -> Stream:
    leaves = (None if x is None else np.asarray(x) for x in (stream.values, stream.start, stream.length, stream.gain))
    scored = None if stream.scored is None else np.asarray(stream.scored)
    return Stream(*leaves, stream.steps, scored, partial=stream.partial)


def _describe_frames(source: Source, modality: str) -> tuple[np.dtype, tuple[int, ...]]:
    """(dtype, shape of a frame) of a modality in a chunk."""
    features = next(r.features[modality] for r in source.recordings if modality in r.features)
    return np.dtype(features.dtype if source.inputs[modality].gain is not None else np.float32), features.shape[1:]


def measure_capacity(source: Source, folds: np.ndarray, count: int) -> Capacity:
    """What any `count` examples of one fold need at most; `folds` is int [K, n], -1 for padding."""

    def longest(stream: Stream) -> int:
        most = max(int(np.sort(stream.length[fold[fold >= 0]])[::-1][:count].sum()) for fold in folds)
        return max(most, 1)  # gathers need a frame to clip to, even where all examples lack the modality

    return Capacity(count, {m: longest(stream) for m, stream in source.inputs.items()}, longest(source.target))


def count_bytes(source: Source, capacity: Capacity) -> int:
    """Bytes of a chunk of this capacity."""
    frames = 0
    for modality, count in capacity.frames.items():
        dtype, shape = _describe_frames(source, modality)
        behind = 0 if source.inputs[modality].gain is None else source.inputs[modality].steps
        frames += (count + behind) * dtype.itemsize * int(np.prod(shape, dtype=np.int64))
    return frames + 4 * capacity.target + 8 * capacity.examples * (len(capacity.frames) + 1)


def cut_features(source: Source, examples: np.ndarray, capacity: Capacity) -> Corpus:
    """Cuts some examples out, as a corpus in numpy in which they are number 0, 1, ...; each recording is read once.

    Args:
      source: the whole corpus.
      examples: int [n], their numbers, each once.
      capacity: for them and perhaps more; examples that are left over have length 0.
    """
    # By recording, so that each is read once and its memory can be given back before the next.
    order = np.argsort(source.recording_of[examples], kind="stable")
    examples = examples[order]
    recording = source.recording_of[examples]
    inputs, places = {}, {}
    for m, stream in source.inputs.items():
        dtype, shape = _describe_frames(source, m)
        behind = 0 if stream.gain is None else stream.steps  # a waveform is cut out `steps` long
        places[m] = _Places.end_to_end(source.first[m][examples], stream.length[examples])
        gain = None if stream.gain is None else _restore_order(stream.gain[examples], order, capacity.examples, 1)
        values = _align((capacity.frames[m] + behind, *shape), dtype)
        values[places[m].edge[-1] :] = 0  # no frames are copied to the rest below
        inputs[m] = _lay_out(places[m], order, values, gain, stream.steps, capacity)
    edges = np.flatnonzero(np.diff(recording, prepend=-1, append=-1))
    features = [source.recordings[r].features for r in recording[edges[:-1]]]
    for n in order_cached_first(features):
        for m in features[n].keys() & inputs.keys():
            places[m].copy(np.asarray(features[n][m]), inputs[m].values, edges[n], edges[n + 1])
    gold = _Places.end_to_end(source.target.start[examples], source.target.length[examples])
    target = _lay_out(gold, order, np.zeros(capacity.target, np.float32), None, source.target.steps, capacity)
    gold.copy(source.target.values, target.values, 0, len(examples))
    if source.target.scored is not None:
        scored = _restore_order(source.target.scored[examples], order, capacity.examples, 0)
        target = target.replace(scored=scored)
    return Corpus(inputs, target)


class _Places(NamedTuple):
    """Where the frames of n examples come from and go to.

    Attributes:
      first: int64 [n], in their recording.
      length: int [n].
      edge: int64 [n + 1], where they begin in the chunk, end to end.
    """

    first: np.ndarray
    length: np.ndarray
    edge: np.ndarray

    @classmethod
    def end_to_end(cls, first: np.ndarray, length: np.ndarray) -> "_Places":
        return cls(first, length, np.concatenate([[0], np.cumsum(length, dtype=np.int64)]))

    def copy(self, values: np.ndarray, to: np.ndarray, begin: int, end: int) -> None:
        """Copies the frames of the examples begin, ..., end - 1, all of which are in `values`."""
        target = slice(self.edge[begin], self.edge[end])
        if end - begin == 1:  # by far the usual case, and a copy of a slice is faster than a gather
            to[target] = values[self.first[begin] : self.first[begin] + self.length[begin]]
            return
        shift = np.repeat(self.first[begin:end] - self.edge[begin:end], self.length[begin:end])
        to[target] = values[np.arange(target.start, target.stop) + shift]


def _align(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An array to be filled, so aligned that a CPU device uses its memory instead of copying it."""
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    memory = np.empty(size + _ALIGNMENT, np.uint8)
    begin = -memory.ctypes.data % _ALIGNMENT
    return memory[begin : begin + size].view(dtype).reshape(shape)


def _restore_order(values: np.ndarray, order: np.ndarray, count: int, fill: int) -> np.ndarray:
    """Undoes the permutation `order` of `values`, and puts `fill` behind them up to `count`."""
    out = np.full((count, *values.shape[1:]), fill, values.dtype)
    out[order] = values
    return out


def _lay_out(
    places: _Places,
    order: np.ndarray,
    values: np.ndarray,
    gain: np.ndarray | None,
    steps: int | None,
    capacity: Capacity,
) -> Stream:
    start = _restore_order(places.edge[:-1].astype(np.int32), order, capacity.examples, 0)
    length = _restore_order(places.length.astype(np.int32), order, capacity.examples, 0)
    return Stream(values, start, length, gain, steps)


def make_chunk(
    source: Source, batches: np.ndarray, count: int, combinations: int, capacity: Capacity
) -> tuple[Corpus, np.ndarray]:
    """Cuts out what some batches need.

    Args:
      source: the whole corpus.
      batches: int32 [c, B] of `batching.order_epoch`: examples, or example * combinations + combination; -1 pads.
      count: batches of the chunk; those behind the c are empty.
      combinations: of Moddrop, else 1.
      capacity: of the chunk.

    Returns:
      A corpus, and the batches int32 [count, B] in its own numbers.
    """
    is_example = batches >= 0
    examples, place = np.unique(batches[is_example] // combinations, return_inverse=True)
    renumbered = np.full((count, batches.shape[1]), -1, np.int32)
    renumbered[: len(batches)][is_example] = place * combinations + batches[is_example] % combinations
    return cut_features(source, examples, capacity), renumbered


def read_ahead(
    work: Callable[[Request], Result], requests: Iterable[Request], *, threads: int, depth: int
) -> Iterator[Result]:
    """Yields work(request) of every request, in order; threads do up to `depth` of them before they are asked for."""
    remaining = iter(requests)
    with ThreadPoolExecutor(threads, "affect_jax-streaming") as pool:
        waiting = collections.deque(pool.submit(work, request) for request in itertools.islice(remaining, depth))
        try:
            while waiting:
                result = waiting.popleft().result()
                waiting.extend(pool.submit(work, request) for request in itertools.islice(remaining, 1))
                yield result
                del result  # a chunk that the caller is done with must not live on here
        finally:
            for future in waiting:
                future.cancel()


def size_chunk(source: Source, folds: np.ndarray, size: int, count: int, limit: float) -> int:
    """How many of `count` batches of `size` examples make a chunk: at least one, and chunks are of about one size.

    Args:
      source: the whole corpus.
      folds: int32 [K, n], the examples that the batches are of, -1 for padding.
      size: of a batch.
      count: batches of an epoch.
      limit: bytes of a chunk, unless a single batch is larger.
    """
    examples = folds.shape[1]
    most = bisect.bisect_right(
        range(1, count + 1),
        limit,
        key=lambda n: count_bytes(source, measure_capacity(source, folds, min(n * size, examples))),
    )
    chunks = -(-count // max(most, 1))
    return -(-count // chunks)


def summarize_features(source: Source, modality: str, recordings: np.ndarray) -> list[ArraySummary]:
    """Summaries of the modality in those of these recordings (numbers) that have it."""
    recorded = [source.recordings[r].features for r in recordings]
    arrays = [features[modality] for features in recorded if modality in features]
    return [x.summary if isinstance(x, StoredArray) else summarize_array(x) for x in arrays]
