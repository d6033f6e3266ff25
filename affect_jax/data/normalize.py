"""Feature standardisation by the training part's own statistics."""

from collections.abc import Sequence

import numpy as np

from affect_jax.datasets.stored_array import ArraySummary


def compute_moments(frames: np.ndarray, *, active: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each column of `frames` [F, D], float32 [D] each.

    A column that does not vary keeps scale 1, so that it becomes 0 instead of NaN. Not `active`: zeros and ones.
    """
    width = frames.shape[1]
    if not active:
        return np.zeros(width, np.float32), np.ones(width, np.float32)
    return _finish_moments(frames.mean(0, dtype=np.float64), frames.std(0, dtype=np.float64))


def merge_moments(parts: Sequence[ArraySummary], *, active: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """`moments` of all frames of recordings of which only the summaries are at hand (Chan et al. 1983)."""
    if not active:
        return np.zeros(len(parts[0].mean), np.float32), np.ones(len(parts[0].mean), np.float32)
    count_N = np.array([part.count for part in parts], np.float64)[:, None]
    mean_NxD = np.stack([part.mean for part in parts])
    mean = (count_N * mean_NxD).sum(0) / count_N.sum()
    between = count_N * np.square(mean_NxD - mean[None])
    return _finish_moments(
        mean, np.sqrt((np.stack([part.deviation for part in parts]) + between).sum(0) / count_N.sum())
    )


def _finish_moments(mean: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    varies = scale > 1e-6 * np.maximum(np.abs(mean), 1.0)
    return mean.astype(np.float32), np.where(varies, scale, 1.0).astype(np.float32)
