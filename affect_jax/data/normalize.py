"""Feature standardisation by the training part's own statistics."""

import numpy as np


def moments(frames: np.ndarray, *, active: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each column of `frames` [F, D], float32 [D] each.

    A column that does not vary keeps scale 1, so that it becomes 0 instead of NaN. Not `active`: zeros and ones.
    """
    width = frames.shape[1]
    if not active:
        return np.zeros(width, np.float32), np.ones(width, np.float32)
    mean = frames.mean(0, dtype=np.float64)
    scale = frames.std(0, dtype=np.float64)
    varies = scale > 1e-6 * np.maximum(np.abs(mean), 1.0)
    return mean.astype(np.float32), np.where(varies, scale, 1.0).astype(np.float32)
