"""A corpus on the device: flat frames, and examples that are (start, length) into them.

Nothing is padded or copied in storage: a video of utterances, a 3-s window that overlaps its neighbours and a
single frame are all a start and a length. A batch gathers its frames and pads them on the way.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from affect_jax.data.packing import Packing
from affect_jax.datasets.recordings import Recording
from affect_jax.errors import UserError
from affect_jax.types import Array, Batch


@struct.dataclass
class Stream:
    """One modality (or the target) of N examples.

    Attributes:
      values: float32 [F, D] frames of all recordings end to end; the target is [F].
      start: int32 [N], an example's first frame.
      length: int32 [N], how many frames it has.
      steps: padded length T of a batch; None where an example is one frame and has no time axis.
    """

    values: Array
    start: Array
    length: Array
    steps: int | None = struct.field(pytree_node=False)


@struct.dataclass
class Corpus:
    """Everything a step reads: modality -> stream, and the target as a stream."""

    inputs: dict[str, Stream]
    target: Stream


class Index(NamedTuple):
    """What the host knows of a corpus' examples and frames; none of it goes to the device.

    Attributes:
      recordings: R recording ids, in the frames' order.
      groups: R group names (speaker or video).
      labelled: bool [R], whether the recording has the target.
      offsets: int64 [R + 1], a recording's first frame.
      frame_ids: F step ids.
      recording_of: int32 [N], each example's recording.
      training: bool [N], example is one to train on (windows may overlap).
      evaluation: bool [N], example is one to evaluate on (every frame exactly once).
    """

    recordings: tuple[str, ...]
    groups: tuple[str, ...]
    labelled: np.ndarray
    offsets: np.ndarray
    frame_ids: np.ndarray
    recording_of: np.ndarray
    training: np.ndarray
    evaluation: np.ndarray


def windows(length: int, window: int, hop: int, *, remainder: bool) -> list[tuple[int, int]]:
    """(start, length) of the windows over `length` frames; `remainder` adds what a last whole window leaves over.

    Raises:
      UserError: no window fits and no remainder is wanted.
    """
    starts = list(range(0, length - window + 1, hop))
    found = [(start, window) for start in starts]
    covered = starts[-1] + window if starts else 0
    if remainder and covered < length:
        start = starts[-1] + hop if starts else 0
        found.append((start, length - start))
    if not found:
        raise UserError(
            f"a recording has {length} frames but config.data.window is {window}; choose a window of at most {length}"
        )
    return found


def _examples(lengths: Sequence[int], unit: str, window: int, hop: int) -> tuple[list, list]:
    """Training and evaluation examples as (recording, start within it, length)."""
    if unit == "recording":
        whole = [(r, 0, n) for r, n in enumerate(lengths)]
        return whole, whole
    if unit == "frame":
        frames = [(r, t, 1) for r, n in enumerate(lengths) for t in range(n)]
        return frames, frames
    if unit == "window":
        train = [(r, *w) for r, n in enumerate(lengths) for w in windows(n, window, hop, remainder=False)]
        evaluate = [(r, *w) for r, n in enumerate(lengths) for w in windows(n, window, window, remainder=True)]
        return train, evaluate
    raise UserError(f"config.data.unit is {unit!r}; choose recording, window or frame")


def build(
    recordings: Sequence[Recording],
    *,
    modalities: Sequence[str],
    target: str,
    unit: str,
    window: int = 0,
    hop: int = 0,
) -> tuple[Corpus, Index]:
    """Lays recordings end to end.

    Args:
      recordings: in any order; they keep it.
      modalities: the ones to keep.
      target: name of the target; recordings without it get zeros and `labelled` False.
      unit: what an example is: a whole `recording`, a `window`, or a `frame`.
      window: frames of a window.
      hop: frames between the starts of training windows; evaluation windows never overlap.

    Raises:
      UserError: no recordings, a modality that is not there, or windows that do not fit.
    """
    if not recordings:
        raise UserError("the corpus part has no recordings; check config.corpus and the release's files")
    for recording in recordings:
        missing = [m for m in modalities if m not in recording.features]
        if missing:
            raise UserError(
                f"recording {recording.id} has no modality {missing[0]!r}; it has {sorted(recording.features)}"
            )
    lengths = [len(recording.steps) for recording in recordings]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    train, evaluate = _examples(lengths, unit, window, hop)
    together = train if train is evaluate else train + evaluate
    recording_of = np.array([e[0] for e in together], np.int32)
    start = jnp.asarray(offsets[recording_of] + np.array([e[1] for e in together]), jnp.int32)
    length = jnp.asarray([e[2] for e in together], jnp.int32)
    is_train = np.zeros(len(together), bool)
    is_train[: len(train)] = True
    steps = None if unit == "frame" else max(e[2] for e in together)
    labelled = np.array([target in recording.targets for recording in recordings])
    values = np.concatenate(
        [r.targets.get(target, np.zeros(n, np.float32)) for r, n in zip(recordings, lengths, strict=True)]
    )

    def stream(frames: np.ndarray) -> Stream:
        return Stream(jnp.asarray(frames, jnp.float32), start, length, steps)

    corpus = Corpus(
        inputs={m: stream(np.concatenate([r.features[m] for r in recordings])) for m in modalities},
        target=stream(values),
    )
    index = Index(
        recordings=tuple(r.id for r in recordings),
        groups=tuple(r.group for r in recordings),
        labelled=labelled,
        offsets=offsets,
        frame_ids=np.array([s for r in recordings for s in r.steps]),
        recording_of=recording_of,
        training=is_train,
        evaluation=np.ones(len(together), bool) if train is evaluate else ~is_train,
    )
    return corpus, index


def _gather(stream: Stream, index: Array, packing: Packing | None) -> tuple[Array, Array]:
    valid = index >= 0
    start = stream.start[index]
    if stream.steps is None:
        return stream.values[start], valid
    length = jnp.where(valid, stream.length[index], 0)
    if packing is None:
        at_BxT = jnp.arange(stream.steps)[None, :]
        frame_BxT, mask_BxT = start[:, None] + at_BxT, at_BxT < length[:, None]
    else:
        by_length = jnp.argsort(-length)
        rank_BxT, at_BxT = jnp.array(packing.rank), jnp.array(packing.step)
        frame_BxT = start[by_length][rank_BxT] + at_BxT
        mask_BxT = (at_BxT < length[by_length][rank_BxT]) & (rank_BxT >= 0)
    last = stream.values.shape[0] - 1
    return stream.values[jnp.minimum(frame_BxT, last)], mask_BxT


def take(
    corpus: Corpus,
    index: Array,
    mean: Mapping[str, Array],
    scale: Mapping[str, Array],
    packing: Packing | None = None,
) -> Batch:
    """The batch of examples `index` (int32 [B]; -1 is padding), its features standardised.

    Args:
      corpus: the corpus.
      index: int32 [B].
      mean: modality -> [D], subtracted.
      scale: modality -> [D], divided by.
      packing: how several examples share a line of the batch; None for one example a line. All modalities of a
        packed corpus have the same lengths.
    """
    inputs, masks = {}, {}
    for name, stream in corpus.inputs.items():
        values, mask = _gather(stream, index, packing)
        lead = (None,) * (values.ndim - 1)
        values = (values - mean[name][lead]) / scale[name][lead]
        inputs[name] = jnp.where(mask[..., None], values, 0.0)
        masks[name] = mask
    target, mask = _gather(corpus.target, index, packing)
    batch = Batch(inputs=inputs, masks=masks, target=jnp.where(mask, target, 0.0), mask=mask)
    return batch if packing is None else Batch(**batch, segments=jnp.array(packing.rank, jnp.int32))


def frame_positions(corpus: Corpus, index: np.ndarray) -> np.ndarray:
    """int64 [N, T] (or [N]): the frame that each step of the examples `index` shows, -1 for padding. On the host."""
    stream = corpus.target
    start, length = np.asarray(stream.start)[index], np.asarray(stream.length)[index]
    if stream.steps is None:
        return np.where(index >= 0, start, -1)
    at = np.arange(stream.steps)[None, :]
    return np.where((at < length[:, None]) & (index >= 0)[:, None], start[:, None] + at, -1)


def nbytes(corpus: Corpus) -> int:
    """Bytes of the corpus on one device."""
    return sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(corpus))
