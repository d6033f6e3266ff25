"""Clips that are far longer than all others: named before anything is built, as every batch would be padded to them."""

from collections.abc import Sequence

import numpy as np

FAR = 5.0
"""An outlier is longer than this many times the longest of the others."""


def find_outliers(lengths: Sequence[float]) -> list[int]:
    """Places of the outliers in length, the longest first: at most a fifth of all, and at least three others."""
    values = np.asarray(lengths, float)
    order = np.argsort(-values, kind="stable")
    most = min(max(len(values) // 5, 1), len(values) - 3)
    # The largest number counts: of 3,000 s, 300 s and many of 1 s, both are outliers.
    count = next((k for k in range(most, 0, -1) if values[order[k - 1]] > FAR * values[order[k]]), 0)
    return order[:count].tolist()
