"""Standardisation of features by the statistics of the training split."""

from collections.abc import Sequence

import numpy as np

from affect_jax.datasets.stored_array import ArraySummary


def compute_moments(frames: np.ndarray, *, active: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each column of `frames` [F, D], float32 [D] each.

    A column that does not vary keeps scale 1, so that it becomes 0 instead of NaN. If not `active`: zeros and ones.
    """
    width = frames.shape[1]
    if not active:
        return np.zeros(width, np.float32), np.ones(width, np.float32)
    return _finish_moments(frames.mean(0, dtype=np.float64), frames.std(0, dtype=np.float64))


def merge_moments(summaries: Sequence[ArraySummary], *, active: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """`compute_moments` of all frames of some recordings, from their summaries alone (Chan et al., 1983)."""
    if not active:
        return np.zeros(len(summaries[0].mean), np.float32), np.ones(len(summaries[0].mean), np.float32)
    count_N = np.array([x.count for x in summaries], np.float64)[:, None]
    mean_NxD = np.stack([x.mean for x in summaries])
    mean = (count_N * mean_NxD).sum(0) / count_N.sum()
    between = count_N * np.square(mean_NxD - mean[None])
    return _finish_moments(mean, np.sqrt((np.stack([x.deviation for x in summaries]) + between).sum(0) / count_N.sum()))


def _finish_moments(mean: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # Rounding alone gives a constant column a deviation of about 1e-7 times its mean.
    varies = scale > 1e-6 * np.maximum(np.abs(mean), 1.0)
    return mean.astype(np.float32), np.where(varies, scale, 1.0).astype(np.float32)
