"""AVEC post-processing of continuous predictions, and compensation of the annotators' delay. numpy only.

The chain of the AVEC baselines (Ringeval et al., 2015; Valstar et al., 2016; Trigeorgis et al., 2016): median filter,
centring, scaling, time shift, in this order. Every value is chosen on the validation split, and a step is kept only
if it raises the CCC there, over all recordings together. Lengths are in frames (RECOLA: 25 a second).

A sequence is one recording, float [T] without padding; filter and shift never reach from one into another.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

# At 25 frames a second: windows of about .4 to 20 s, shifts of .04 to 10 s.
WINDOWS = tuple(range(11, 502, 10))
SHIFTS = tuple(range(1, 251))


class PostProcess(NamedTuple):
    """The chosen values; the defaults leave predictions as they are."""

    window: int = 1  # of the median filter, odd
    offset: float = 0.0  # added: centring
    scale: float = 1.0  # factor about `centre`
    centre: float = 0.0
    shift: int = 0  # frames towards later


def fit(
    predictions: Sequence[np.ndarray],
    targets: Sequence[np.ndarray],
    *,
    windows: Sequence[int] = WINDOWS,
    shifts: Sequence[int] = SHIFTS,
) -> PostProcess:
    """Chooses each step in turn by the CCC on the validation split; of equal ones, the simplest stays.

    predictions, targets: one [T] a recording, equal lengths. Centring adds the difference of the means, scaling
    matches the standard deviations about the mean of the predictions. Raises ValueError where lengths differ or a
    window is even.
    """
    lengths = [len(x) for x in predictions], [len(x) for x in targets]
    if lengths[0] != lengths[1]:
        raise ValueError(f"predictions of lengths {lengths[0]} do not fit targets of lengths {lengths[1]}")
    gold = np.concatenate([np.asarray(x, np.float64) for x in targets])
    values = [np.asarray(x, np.float64) for x in predictions]
    chain = _Chain(PostProcess(), values, _compute_ccc(np.concatenate(values), gold))

    chain = _extend(chain, [chain.post._replace(window=w) for w in windows], _filter_values, gold)
    joined = np.concatenate(chain.values)
    offset = float(gold.mean() - joined.mean())
    chain = _extend(chain, [chain.post._replace(offset=offset)], _add_offset, gold)
    joined = np.concatenate(chain.values)
    if joined.std() > 0:  # a constant has no scale
        scaled = chain.post._replace(scale=float(gold.std() / joined.std()), centre=float(joined.mean()))
        chain = _extend(chain, [scaled], _scale_values, gold)
    return _extend(chain, [chain.post._replace(shift=n) for n in shifts], _shift_values, gold).post


class _Chain(NamedTuple):
    post: PostProcess
    values: list[np.ndarray]  # the predictions after the steps chosen so far
    score: float  # their CCC


def _extend(
    chain: _Chain,
    candidates: Sequence[PostProcess],
    step: Callable[[PostProcess, np.ndarray], np.ndarray],
    gold: np.ndarray,
) -> _Chain:
    """The chain with the best of the candidates for its next step, or as it is where none raises the CCC."""
    best = chain
    for candidate in candidates:
        values = [step(candidate, x) for x in chain.values]
        score = _compute_ccc(np.concatenate(values), gold)
        if score > best.score + 1e-9:  # more than rounding
            best = _Chain(candidate, values, score)
    return best


def apply(post: PostProcess, predictions: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The chain on any recordings, [T] each, in the types they came in."""
    out = []
    for prediction in predictions:
        values = np.asarray(prediction, np.float64)
        for step in (_filter_values, _add_offset, _scale_values, _shift_values):
            values = step(post, values)
        out.append(values.astype(np.asarray(prediction).dtype))
    return out


def median_filter(values: np.ndarray, window: int) -> np.ndarray:
    """Running median of an odd window, [T] -> [T]; the first and last values stand in beyond the ends."""
    if window < 1 or window % 2 == 0:
        raise ValueError(f"the median filter's window must be odd and positive, not {window}")
    if window == 1 or not len(values):
        return values
    half = window // 2
    framed = np.lib.stride_tricks.sliding_window_view(np.pad(values, half, mode="edge"), window)
    # In pieces: the windows of a whole recording at once would take 30 MB of copies.
    pieces = np.array_split(framed, max(1, framed.size // 500_000))
    return np.concatenate([np.partition(piece, half, axis=1)[:, half] for piece in pieces])


def shift(values: np.ndarray, frames: int) -> np.ndarray:
    """[..., T] moved `frames` later (earlier where negative); the value at the open end is repeated."""
    length = values.shape[-1]
    source = np.clip(np.arange(length) - frames, 0, max(length - 1, 0))
    return values[..., source]


def delay_targets(target: np.ndarray, mask: np.ndarray, frames: int) -> np.ndarray:
    """The gold standard moved `frames` earlier: features at t meet what was annotated at t + frames.

    target: [..., T], mask: bool of that shape, valid steps first. The last valid value of a sequence is repeated over
    its last `frames` valid steps; padding stays as it is. `restore_delay` brings the predictions of a model trained
    like this back to the time of the gold standard. Raises ValueError for gaps in a mask or negative frames.
    """
    return _move_valid_steps(target, mask, frames, +1)


def restore_delay(prediction: np.ndarray, mask: np.ndarray, frames: int) -> np.ndarray:
    """The inverse of `delay_targets`, for predictions: moved `frames` later, the first value repeated."""
    return _move_valid_steps(prediction, mask, frames, -1)


def _move_valid_steps(values: np.ndarray, mask: np.ndarray, frames: int, sign: int) -> np.ndarray:
    values, mask = np.asarray(values), np.asarray(mask)
    if values.shape != mask.shape:
        raise ValueError(f"values {values.shape} and mask {mask.shape} must have one shape")
    if frames < 0:
        raise ValueError(f"a delay is 0 frames or more, not {frames}")
    if np.any(mask[..., 1:] & ~mask[..., :-1]):
        raise ValueError("a delay needs the valid steps of every sequence to come first, without gaps")
    last = np.maximum(mask.sum(axis=-1, keepdims=True) - 1, 0)
    steps = np.broadcast_to(np.arange(values.shape[-1]), values.shape)
    source = np.where(mask, np.clip(steps + sign * frames, 0, last), steps)
    return np.take_along_axis(values, source, axis=-1)


def _filter_values(post: PostProcess, values: np.ndarray) -> np.ndarray:
    return median_filter(values, post.window)


def _add_offset(post: PostProcess, values: np.ndarray) -> np.ndarray:
    return values + post.offset


def _scale_values(post: PostProcess, values: np.ndarray) -> np.ndarray:
    return post.centre + post.scale * (values - post.centre)


def _shift_values(post: PostProcess, values: np.ndarray) -> np.ndarray:
    return shift(values, post.shift)


def _compute_ccc(x: np.ndarray, y: np.ndarray) -> float:
    whole = x.var() + y.var() + (x.mean() - y.mean()) ** 2
    return float(2 * np.mean((x - x.mean()) * (y - y.mean())) / whole) if whole > 0 else 0.0
