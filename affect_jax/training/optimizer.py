"""From gradients to parameters: the optimizers of a stage and their learning rate, with traced hyper-parameters."""

from collections.abc import Callable

import optax

from affect_jax.config.hyper import Hyper
from affect_jax.config.stages import Stage
from affect_jax.types import Array

# Each gives directions, not steps: `compute_learning_rate` is applied behind them, because it depends on the state.
_DIRECTIONS: dict[str, Callable[[Stage, Hyper], optax.GradientTransformation]] = {
    "sgd": lambda stage, hyper: optax.trace(hyper.momentum),
    "adam": lambda stage, hyper: optax.scale_by_adam(eps=stage.epsilon),
}


def make_transform(stage: Stage, hyper: Hyper) -> optax.GradientTransformation:
    """Gradients -> directions; the caller multiplies by minus the learning rate.

    The L2 penalty is added to the gradient before momentum and moments see it, as PyTorch's optimizers do.
    """
    return optax.chain(optax.add_decayed_weights(hyper.weight_decay), _DIRECTIONS[stage.optimizer](stage, hyper))


def compute_learning_rate(hyper: Hyper, scale: Array, updates: Array) -> Array:
    """lr * scale / (1 + decay * updates): Keras' inverse time decay, which counts updates, not epochs.

    Args:
      hyper: of the stage.
      scale: float32, what the plateau schedule has made of the rate so far.
      updates: int32, updates done in this stage.
    """
    return hyper.learning_rate * scale / (1.0 + hyper.inverse_time_decay * updates)
