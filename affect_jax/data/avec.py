"""AVEC post-processing of continuous predictions, and compensation of the annotators' delay. numpy only.

The chain of the AVEC baselines (Ringeval et al., 2015; Valstar et al., 2016; Trigeorgis et al., 2016): median filter,
centring, scaling, time shift, in this order. Every value is chosen on the development part, and a step is kept only
where it raises the CCC there, over all recordings together. Lengths are in frames (RECOLA: 25 a second).

A sequence is one recording, float [T] without padding; filter and shift never reach from one into another.
"""

from collections.abc import Sequence
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
    """Chooses each step in turn by the development part's CCC; equal CCC keeps the simpler chain (the earlier value).

    predictions, targets: one [T] a recording, equal lengths. Centring adds the difference of the means, scaling
    matches the standard deviations about the mean of the predictions. Raises ValueError where lengths differ or a
    window is even.
    """
    lengths = [len(x) for x in predictions], [len(x) for x in targets]
    if lengths[0] != lengths[1]:
        raise ValueError(f"predictions of lengths {lengths[0]} do not fit targets of lengths {lengths[1]}")
    gold = np.concatenate([np.asarray(x, np.float64) for x in targets])
    best = PostProcess()
    current = [np.asarray(x, np.float64) for x in predictions]
    reached = _ccc(np.concatenate(current), gold)

    def keep(candidates: Sequence[PostProcess], step) -> None:
        nonlocal best, current, reached
        before = current
        for candidate in candidates:
            tried = [step(candidate, x) for x in before]
            score = _ccc(np.concatenate(tried), gold)
            if score > reached + 1e-9:  # more than rounding
                best, current, reached = candidate, tried, score

    keep([best._replace(window=w) for w in windows], _filter)
    keep([best._replace(offset=float(gold.mean() - np.concatenate(current).mean()))], _offset)
    values = np.concatenate(current)
    if values.std() > 0:
        keep([best._replace(scale=float(gold.std() / values.std()), centre=float(values.mean()))], _scale)
    keep([best._replace(shift=n) for n in shifts], _shift)
    return best


def apply(post: PostProcess, predictions: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The chain on any recordings, [T] each, in the types they came in."""
    out = []
    for prediction in predictions:
        values = np.asarray(prediction, np.float64)
        for step in (_filter, _offset, _scale, _shift):
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
    # In parts: the windows of a whole recording at once would take 30 MB of copies.
    parts = np.array_split(framed, max(1, framed.size // 500_000))
    return np.concatenate([np.partition(part, half, axis=1)[:, half] for part in parts])


def shift(values: np.ndarray, frames: int) -> np.ndarray:
    """[..., T] moved `frames` later (earlier where negative); the value at the open end is repeated."""
    length = values.shape[-1]
    source = np.clip(np.arange(length) - frames, 0, max(length - 1, 0))
    return values[..., source]


def delay_targets(target: np.ndarray, mask: np.ndarray, frames: int) -> np.ndarray:
    """The gold standard moved `frames` earlier: features at t meet what was annotated at t + frames.

    target: [..., T], mask: bool of that shape, valid steps first. The last valid value of a row is repeated over its
    last `frames` valid steps; padding stays as it is. Predictions of a model trained so are brought back to the time
    of the gold standard by `restore_delay`. Raises ValueError for gaps in a mask or negative frames.
    """
    return _along_valid(target, mask, frames, +1)


def restore_delay(prediction: np.ndarray, mask: np.ndarray, frames: int) -> np.ndarray:
    """The way back of `delay_targets`, for predictions: moved `frames` later, the first value repeated."""
    return _along_valid(prediction, mask, frames, -1)


def _along_valid(values: np.ndarray, mask: np.ndarray, frames: int, sign: int) -> np.ndarray:
    values, mask = np.asarray(values), np.asarray(mask)
    if values.shape != mask.shape:
        raise ValueError(f"values {values.shape} and mask {mask.shape} must have one shape")
    if frames < 0:
        raise ValueError(f"a delay is 0 frames or more, not {frames}")
    if np.any(mask[..., 1:] & ~mask[..., :-1]):
        raise ValueError("a delay needs every row's valid steps to come first, without gaps")
    last = np.maximum(mask.sum(axis=-1, keepdims=True) - 1, 0)
    steps = np.broadcast_to(np.arange(values.shape[-1]), values.shape)
    source = np.where(mask, np.clip(steps + sign * frames, 0, last), steps)
    return np.take_along_axis(values, source, axis=-1)


def _filter(post: PostProcess, values: np.ndarray) -> np.ndarray:
    return median_filter(values, post.window)


def _offset(post: PostProcess, values: np.ndarray) -> np.ndarray:
    return values + post.offset


def _scale(post: PostProcess, values: np.ndarray) -> np.ndarray:
    return post.centre + post.scale * (values - post.centre)


def _shift(post: PostProcess, values: np.ndarray) -> np.ndarray:
    return shift(values, post.shift)


def _ccc(x: np.ndarray, y: np.ndarray) -> float:
    whole = x.var() + y.var() + (x.mean() - y.mean()) ** 2
    return float(2 * np.mean((x - x.mean()) * (y - y.mean())) / whole) if whole > 0 else 0.0
