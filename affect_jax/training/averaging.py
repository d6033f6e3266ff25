"""The average of a trial's weights over its updates, which validation scores and a stage may keep.

`ema` is exponential: an update moves the average by 1 - decay towards the weights, at first faster, by at least
1 - (1 + n) / (10 + n) at update n, so that the initial weights are soon forgotten. `swa` is the mean of the weights
after every update from an epoch on (Polyak & Juditsky 1992; Izmailov et al. 2018, who take one an epoch); until that
epoch it is the weights themselves. Running statistics, such as batch norm's moments, are averaged like weights, where
Izmailov et al. compute them anew.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from affect_jax.config.stages import AVERAGES, Stage
from affect_jax.training.state import TrialState
from affect_jax.training.trials import TrialArrays
from affect_jax.types import Params


def start_average(stage: Stage, weights: Params, trials: int) -> dict[str, Any]:
    """The average before the first update, leaves [S, ...] on the host: the weights; {} where the stage keeps none."""
    return {"weights": weights, "count": np.zeros(trials, np.int32)} if stage.keep in AVERAGES else {}


def follow_average(stage: Stage, trial: TrialArrays, state: TrialState, weights: Params) -> dict[str, Any]:
    """The average of one trial after an update, whose weights and statistics are `weights`."""
    if stage.keep not in AVERAGES:
        return {}
    count = state.average["count"]
    if stage.keep == "ema":
        share = 1 - jnp.minimum(trial.hyper[stage.name].average_decay, (1 + count) / (10 + count))
        begun = jnp.array(True)
    else:
        begun = state.epoch >= stage.average_start
        share = jnp.where(begun, 1 / (count + 1), 1.0)
    mean = jax.tree.map(lambda old, new: old + share.astype(old.dtype) * (new - old), state.average["weights"], weights)
    return {"weights": mean, "count": count + begun}


def select_weights(state: TrialState) -> Params:
    """What validation scores and the stage keeps: parameters and statistics, or the average of them."""
    return state.average["weights"] if state.average else {**state.params, **state.statistics}
