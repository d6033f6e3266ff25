"""Who is told of a fit while it runs, and may end it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from affect_jax.runtime.signals import never_stop


class Progress(NamedTuple):
    """What `Listener.epoch` is told after each epoch of a stage.

    Attributes:
      stage: its name.
      epoch: from 1.
      epochs: at most this many.
      trials: numbers (in the study) of the trials that ran this epoch.
      log: name -> float32 [len(trials)].
      best: best validation score so far of any trial, in the metric's own sign.
      live: trials that are still training ...
      of: ... out of this many distinct ones.
    """

    stage: str
    epoch: int
    epochs: int
    trials: list[int]
    log: dict[str, np.ndarray]
    best: float
    live: int
    of: int


def _ignore(*_: Any) -> None:
    """The listener that does not care."""


class Listener(NamedTuple):
    """Who is told of a fit, and may end it.

    Attributes:
      epoch: told after each epoch.
      resumed: told (stage, epoch) before a stage starts or resumes where there is a folder; epoch 0 where it has no
        checkpoint, even if a process that died has already told of some epochs.
      stop: asked before a stage and after each epoch; at True the state is saved and `Stopped` raised.
    """

    epoch: Callable[[Progress], None] = _ignore
    resumed: Callable[[str, int], None] = _ignore
    stop: Callable[[], bool] = never_stop
