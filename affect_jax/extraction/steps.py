"""Features of one stretch of one file, as every extractor gives them."""

from typing import NamedTuple

import numpy as np

NO_TIMES = np.zeros(0)


class Steps(NamedTuple):
    """Features and their times.

    Attributes:
      values: float32 [T, D].
      times: float64 [T], seconds from the start of the stretch, increasing; [0] where nothing says them.
      confidence: float [T] from 0 to 1, how certain each step's face is; [0] of what has none.
    """

    values: np.ndarray
    times: np.ndarray = NO_TIMES
    confidence: np.ndarray = NO_TIMES
