"""A corpus on the device: flat frames, and examples that are (start, length) into them.

Nothing is padded or copied in storage: a video of utterances, a 3-s window that overlaps its neighbours, a clip of raw
speech and a single frame are all a start and a length. A batch gathers its frames and pads them on the way.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from affect_jax.data.buckets import Bucket
from affect_jax.data.packing import Packing
from affect_jax.data.windows import list_examples
from affect_jax.datasets.recordings import Recording
from affect_jax.datasets.stored_array import StoredArray
from affect_jax.errors import UserError, join_words
from affect_jax.types import Array, Batch


@struct.dataclass
class Stream:
    """One modality (or the target) of N examples.

    Attributes:
      values: float32 [F, D] frames of all recordings end to end; the target is [F]; waveforms are int16 [F] with
        `steps` zeros behind them; None where they stay on the host, see data/streaming.py.
      start: int32 [N], an example's first frame.
      length: int32 [N], how many frames it has.
      gain: float32 [N], what a waveform is multiplied by; None for all others.
      steps: padded length T of a batch; None where an example is one frame and has no time axis.
      scored: int32 [N, 2], which frames of an example count, from the first up to but without the last; the others are
        context. Of the target alone, and None where all count.
      partial: some frames have no label, and are NaN. Of the target alone.
    """

    values: Array | None
    start: Array
    length: Array
    gain: Array | None
    steps: int | None = struct.field(pytree_node=False)
    scored: Array | None = None
    partial: bool = struct.field(pytree_node=False, default=False)


@struct.dataclass
class Corpus:
    """Everything a step reads: modality -> stream, and the target as a stream."""

    inputs: dict[str, Stream]
    target: Stream


class Index(NamedTuple):
    """What the host knows of the examples and frames of a corpus; none of it goes to the device.

    Attributes:
      recordings: R recording ids, in the frames' order.
      groups: R group names (speaker or video).
      labelled: bool [R], whether the recording has the target.
      offsets: int64 [R + 1], a recording's first frame of the target ...
      input_offsets: ... and of each modality, which differ where an example is an item.
      frame_ids: F step ids.
      recording_of: int32 [N], each example's recording.
      training: bool [N], whether the example is to be trained on (windows may overlap).
      evaluation: bool [N], whether it is to be predicted (every frame exactly once).
    """

    recordings: tuple[str, ...]
    groups: tuple[str, ...]
    labelled: np.ndarray
    offsets: np.ndarray
    input_offsets: dict[str, np.ndarray]
    frame_ids: np.ndarray
    recording_of: np.ndarray
    training: np.ndarray
    evaluation: np.ndarray


def build_corpus(
    recordings: Sequence[Recording],
    *,
    modalities: Sequence[str],
    target: str,
    unit: str,
    window: int = 0,
    hop: int = 0,
    steps: Mapping[str, int] | None = None,
    resident: bool = True,
) -> tuple[Corpus, Index]:
    """Lays recordings end to end, and cuts examples out of them.

    Args:
      recordings: in any order. An item may lack modalities, which a batch then shows as zeros whose mask is False.
      modalities: to keep.
      target: name of the target; recordings without it have `labelled` False, and NaN beside others that have it.
      unit: what an example is: a whole `recording` with a target a step, an `item` (a whole recording with one target,
        its modalities of any lengths), a `window`, or a `frame`.
      window: frames of a window; with the unit `recording` 0 for whole ones.
      hop: frames between starts of windows (`data.windows`).
      steps: modality -> length to which an item is cut or padded with zeros; by default that of the longest item.
      resident: False leaves out the inputs' `values`, for `streaming.make_source`.

    Raises:
      UserError: no recordings, a modality that is missing or too long, silence, or windows that do not fit.
    """
    _check_recordings(recordings, modalities, unit)
    lengths = [len(recording.steps) for recording in recordings]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    # Those to evaluate follow those to train on, unless they are the same ones.
    train, evaluate = list_examples(lengths, unit, window, hop)
    examples = train if train is evaluate else train + evaluate
    recording_of, begin, lengths_of, first, last = (np.array(x, np.int32) for x in zip(*examples, strict=True))
    start, length = _to_device(offsets[recording_of] + begin, np.int32), jnp.asarray(lengths_of)
    is_train = np.arange(len(examples)) < len(train)
    longest = None if unit in ("frame", "item") else int(lengths_of.max())

    inputs, input_offsets = {}, dict.fromkeys(modalities, offsets)
    for m in modalities:
        if unit == "item":
            inputs[m], input_offsets[m] = _lay_out_items(recordings, m, (steps or {}).get(m, 0), resident)
        else:
            inputs[m] = Stream(_join_frames(recordings, m) if resident else None, start, length, None, longest)
    scored = None if (last - first == lengths_of).all() else jnp.asarray(np.stack([first, last], 1))
    values, has = _join_targets(recordings, target)
    corpus = Corpus(inputs, Stream(values, start, length, None, longest, scored, partial=has.any() and not has.all()))
    index = Index(
        recordings=tuple(r.id for r in recordings),
        groups=tuple(r.group for r in recordings),
        labelled=has,
        offsets=offsets,
        input_offsets=input_offsets,
        frame_ids=np.array([s for r in recordings for s in r.steps]),
        recording_of=recording_of,
        training=is_train,
        evaluation=np.ones(len(examples), bool) if train is evaluate else ~is_train,
    )
    return corpus, index


def _to_device(array: np.ndarray, dtype: type[np.generic]) -> Array:
    """The array in another type, which it gets on the host: jnp would compile a program for every shape."""
    return jnp.asarray(np.asarray(array, dtype))


def _join_frames(recordings: Sequence[Recording], modality: str) -> Array:
    """float32 [F, D]: the frames of all recordings, end to end."""
    return _to_device(np.concatenate([r.features[modality] for r in recordings]), np.float32)


def _join_targets(recordings: Sequence[Recording], target: str) -> tuple[Array, np.ndarray]:
    """float32 [F], NaN where some recordings have no target and 0 where none has, and bool [R], which have one."""
    has = np.array([target in recording.targets for recording in recordings])
    missing = np.nan if has.any() else 0.0
    values = [recording.targets.get(target, np.full(len(recording.steps), missing)) for recording in recordings]
    return _to_device(np.concatenate(values), np.float32), has


def _check_recordings(recordings: Sequence[Recording], modalities: Sequence[str], unit: str) -> None:
    """Raises UserError where there are none, or where they lack a modality or its lengths do not fit."""
    if not recordings:
        raise UserError("this split of the corpus has no recordings; check config.corpus and the release's files")
    for m in modalities:
        missing = [recording for recording in recordings if m not in recording.features]
        if missing and (unit != "item" or len(missing) == len(recordings)):
            raise UserError(
                f"recording {missing[0].id} has no modality {m!r}; it has {join_words(sorted(missing[0].features))}"
                + (", and only items may lack one (config.data.unit)" if len(missing) < len(recordings) else "")
            )
    _check_lengths(recordings, modalities, unit)


def _check_lengths(recordings: Sequence[Recording], modalities: Sequence[str], unit: str) -> None:
    for r in recordings:
        if unit == "item" and len(r.steps) != 1:
            raise UserError(
                f"config.data.unit is 'item' but recording {r.id} has {len(r.steps)} labels; set it to 'recording'"
            )
        for m in modalities:
            if unit != "item" and len(r.features[m]) != len(r.steps):
                raise UserError(
                    f"recording {r.id} has {len(r.features[m])} frames of {m!r} and {len(r.steps)} labels; "
                    "set config.data.unit to 'item', or give both the same length"
                )


def _lay_out_items(
    recordings: Sequence[Recording], modality: str, steps: int, resident: bool
) -> tuple[Stream, np.ndarray]:
    """One modality of whole recordings, and its offsets int64 [R + 1]. `steps` 0: the longest one's."""
    has = np.array([modality in r.features for r in recordings])
    pieces = [r.features[modality] for r in recordings if modality in r.features]
    lengths = np.zeros(len(recordings), np.int64)
    lengths[has] = [len(piece) for piece in pieces]
    if not lengths[has].all():
        empty = recordings[int(np.argmax(has & (lengths == 0)))].id
        raise UserError(f"recording {empty} has no frames of {modality!r}; remove it or mend its file")
    steps = steps or int(lengths.max())
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    # Frames are addressed by int32 on the device.
    if resident and offsets[-1] + steps >= 2**31:
        raise UserError(
            f"the corpus has {offsets[-1]} frames of {modality!r} and a device holds at most {2**31 - steps - 1}; "
            "set config.engine.stream to True, or use a lower rate or fewer recordings"
        )
    start = _to_device(offsets[:-1], np.int32) if resident else offsets[:-1]
    length = _to_device(np.minimum(lengths, steps), np.int32)
    if pieces[0].ndim == 2:
        frames = _to_device(np.concatenate(pieces), np.float32) if resident else None
        return Stream(frames, start, length, None, steps), offsets
    # A waveform is cut out `steps` long from anywhere, so there are that many zeros behind the last one.
    samples = jnp.asarray(np.concatenate([*pieces, np.zeros(steps, pieces[0].dtype)])) if resident else None
    return Stream(samples, start, length, _compute_gains(recordings, has, pieces), steps), offsets


def _compute_gains(
    recordings: Sequence[Recording], has: np.ndarray, pieces: Sequence[np.ndarray | StoredArray]
) -> Array:
    """float32 [R], what brings each waveform to a root mean square of 1; 1 where a recording has none."""
    power = np.ones(len(recordings))
    power[has] = [x.summary.power if isinstance(x, StoredArray) else _compute_power(x) for x in pieces]
    if not power.all():
        silent = recordings[int(np.argmin(power))].id
        raise UserError(f"recording {silent} is silent (all its samples are 0); remove it or mend its file")
    return _to_device(1 / np.sqrt(power), np.float32)


def _compute_power(samples: np.ndarray) -> float:
    return float(np.mean(np.square(samples, dtype=np.float64)))


def _narrow(corpus: Corpus, bucket: Bucket) -> Corpus:
    """The corpus whose batches are padded to the lengths of a bucket; its examples must fit."""
    inputs = {m: corpus.inputs[m].replace(steps=steps) for m, steps in bucket.steps}
    target = corpus.target if bucket.target is None else corpus.target.replace(steps=bucket.target)
    return Corpus({**corpus.inputs, **inputs}, target)


def _gather_waveforms(stream: Stream, index: Array) -> tuple[Array, Array]:
    """float32 [B, T, 1] with a root mean square of 1 over each clip's own samples (thesis eq. 3.4), bool [B, T]."""
    cut_BxT = jax.vmap(lambda at: jax.lax.dynamic_slice_in_dim(stream.values, at, stream.steps))(stream.start[index])
    length = jnp.where(index >= 0, stream.length[index], 0)
    mask_BxT = jnp.arange(stream.steps)[None, :] < length[:, None]
    return (cut_BxT.astype(jnp.float32) * stream.gain[index][:, None])[..., None], mask_BxT


def _gather(stream: Stream, index: Array, packing: Packing | None) -> tuple[Array, Array]:
    """(frames, mask) of the examples `index` int32 [B]; what is behind an example's end is any frame, and masked."""
    if stream.gain is not None:
        return _gather_waveforms(stream, index)
    valid = index >= 0
    start = stream.start[index]
    if stream.steps is None:
        return stream.values[start], valid
    length = jnp.where(valid, stream.length[index], 0)
    if packing is None:
        at_BxT = jnp.arange(stream.steps)[None, :]
        frame_BxT, mask_BxT = start[:, None] + at_BxT, at_BxT < length[:, None]
        if stream.scored is not None:
            first_B, last_B = stream.scored[index].T
            mask_BxT = mask_BxT & (at_BxT >= first_B[:, None]) & (at_BxT < last_B[:, None])
    else:
        # Places belong to ranks by length, see data/packing.py; [P, T] of the plan takes the place of [B, T].
        by_length = jnp.argsort(-length)
        rank_BxT, at_BxT = jnp.array(packing.rank), jnp.array(packing.step)
        frame_BxT = start[by_length][rank_BxT] + at_BxT
        mask_BxT = (at_BxT < length[by_length][rank_BxT]) & (rank_BxT >= 0)
    # Past the last frame of the corpus there is nothing to read; such steps are padding.
    last = stream.values.shape[0] - 1
    return stream.values[jnp.minimum(frame_BxT, last)], mask_BxT


def take_batch(
    corpus: Corpus,
    index: Array,
    mean: Mapping[str, Array],
    scale: Mapping[str, Array],
    packing: Packing | None = None,
    bucket: Bucket | None = None,
) -> Batch:
    """Takes the examples `index` (int32 [B]; -1 is padding) as a batch, with features standardised.

    Args:
      corpus: the corpus.
      index: int32 [B].
      mean: modality -> [D], subtracted.
      scale: modality -> [D], divided by.
      packing: how several examples share a packed sequence; None for one example a sequence. All modalities of a
        packed corpus have the same lengths.
      bucket: that all these examples are of; None pads them to the longest of all.
    """
    corpus = corpus if bucket is None else _narrow(corpus, bucket)
    inputs, masks = {}, {}
    for name, stream in corpus.inputs.items():
        values, mask = _gather(stream, index, packing)
        lead = (None,) * (values.ndim - 1)
        values = (values - mean[name][lead]) / scale[name][lead]
        # Standardised padding would be -mean / scale, and the frames behind an example are its neighbour's.
        inputs[name] = jnp.where(mask[..., None], values, 0.0)
        masks[name] = mask
    target, mask = _gather(corpus.target, index, packing)
    has_label = mask & ~jnp.isnan(target) if corpus.target.partial else mask
    batch = Batch(inputs=inputs, masks=masks, target=jnp.where(has_label, target, 0.0), mask=mask)
    if corpus.target.partial:
        batch["labelled"] = has_label
    return batch if packing is None else Batch(**batch, segments=jnp.array(packing.rank, jnp.int32))


def locate_frames(corpus: Corpus, index: np.ndarray) -> np.ndarray:
    """int64 [N, T] (or [N]), on the host: the frame that each step of the examples `index` is scored as, -1 for padding
    and context."""
    stream = corpus.target
    start, length = np.asarray(stream.start)[index], np.asarray(stream.length)[index]
    if stream.steps is None:
        return np.where(index >= 0, start, -1)
    at = np.arange(stream.steps)[None, :]
    first, last = (0, length) if stream.scored is None else np.asarray(stream.scored)[index].T
    is_scored = (at >= np.reshape(first, (-1, 1))) & (at < last[:, None])
    return np.where(is_scored & (index >= 0)[:, None], start[:, None] + at, -1)


def count_bytes(corpus: Corpus) -> int:
    """Bytes of the corpus on one device."""
    return sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(corpus))
