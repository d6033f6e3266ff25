"""What a fit gives: of one stage, and of a whole study."""

from typing import NamedTuple

import numpy as np

from affect_jax.types import Params


class Outcome(NamedTuple):
    """A finished stage of U distinct trials, on the host.

    Attributes:
      params: all parameters and statistics, the kept weights among them, leaves [U, ...].
      score: float32 [U], best validation score, in the metric's own sign.
      best_epoch: int32 [U].
      epochs: int32 [U], how many ran.
      finite: bool [U], False where a loss or a parameter became NaN or infinite; such a trial keeps the best weights it
        had until then.
      stopped: for the trials that are not finite, the first tensor that was not.
    """

    params: Params
    score: np.ndarray
    best_epoch: np.ndarray
    epochs: np.ndarray
    finite: np.ndarray
    stopped: dict[int, str]


class Fitted(NamedTuple):
    """A trained study of R trials, on the host: the last stage's outcome, and the epochs of each stage.

    Attributes:
      params: all parameters and statistics, leaves [R, ...].
      score: float32 [R], of the last stage.
      best_epoch: stage -> int32 [R].
      epochs: stage -> int32 [R].
      finite: bool [R], over all stages.
      stopped: for the trials that are not finite, in which stage and at which tensor.
      shared: submodules of which all trials read one copy, no trial axis; {} for most models.
    """

    params: Params
    score: np.ndarray
    best_epoch: dict[str, np.ndarray]
    epochs: dict[str, np.ndarray]
    finite: np.ndarray
    stopped: dict[int, str]
    shared: Params = {}
