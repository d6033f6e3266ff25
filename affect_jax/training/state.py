"""What one trial carries from step to step and from epoch to epoch."""

from typing import Any

import numpy as np
from flax import struct

from affect_jax.types import Array, Params


@struct.dataclass
class TrialState:
    """State of one trial in one stage (every leaf gets a leading trial axis in a study).

    Attributes:
      params: the parameters that this stage trains.
      statistics: running statistics of the model, such as batch norm's moments; {} for most models.
      opt_state: optax state of `params`.
      loss_state: running statistics of stateful losses.
      updates: int32, optimizer updates so far.
      epoch: int32, epochs done.
      live: bool, still training.
      finite: bool, False once a loss or parameter was NaN or infinite; the state is then that before that update.
      best: the parameters and statistics to keep.
      best_score: float32, validation score of `best`, larger is better.
      best_epoch: int32, the epoch (from 1) that gave it.
      plateau_best: float32, the plateau schedule's own score, larger is better.
      plateau_start: int32, epoch from which the plateau schedule counts.
      scale: float32, factor by which the plateau schedule has changed the learning rate.
      average: of the weights over updates, see `averaging`; {} where none is kept.
    """

    params: Params
    statistics: Params
    opt_state: Any
    loss_state: Any
    updates: Array
    epoch: Array
    live: Array
    finite: Array
    best: Params
    best_score: Array
    best_epoch: Array
    plateau_best: Array
    plateau_start: Array
    scale: Array
    average: Any = struct.field(default_factory=dict)


def create_state(params: Params, statistics: Params, opt_state: Any, loss_state: Any) -> TrialState:
    """The state before the first epoch. Its scalars are numpy's: jnp would compile a program for each of them."""
    zero, nothing = np.zeros((), np.int32), np.array(-np.inf, np.float32)
    return TrialState(
        params=params,
        statistics=statistics,
        opt_state=opt_state,
        loss_state=loss_state,
        updates=zero,
        epoch=zero,
        live=np.array(True),
        finite=np.array(True),
        # A trial that never improves keeps what it began with; -inf lets the first epoch always count as better.
        best={**params, **statistics},
        best_score=nothing,
        best_epoch=zero,
        plateau_best=nothing,
        plateau_start=zero,
        scale=np.ones((), np.float32),
    )
