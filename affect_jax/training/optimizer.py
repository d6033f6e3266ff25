"""From gradients to parameters: the optimizers of a stage and their learning rate, with traced hyper-parameters."""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import optax

from affect_jax.config.hyper import Hyper
from affect_jax.config.stages import Stage
from affect_jax.types import Array, Params

_FIRST, _LAST = 1 / 25, 1 / 25 / 1e4
"""Of one cycle: shares of the learning rate at its beginning and end, PyTorch's."""

# Each gives directions, not steps: `compute_learning_rate` is applied behind them, because it depends on the state.
# `initial.init_states` relies on each one's first state being zeros.
_DIRECTIONS: dict[str, Callable[[Stage, Hyper], optax.GradientTransformation]] = {
    "sgd": lambda stage, hyper: optax.trace(hyper.momentum),
    "adam": lambda stage, hyper: optax.scale_by_adam(eps=stage.epsilon),
    "adamw": lambda stage, hyper: optax.scale_by_adam(eps=stage.epsilon),
}


def make_transform(stage: Stage, hyper: Hyper) -> optax.GradientTransformation:
    """Gradients -> directions; the caller multiplies by minus the learning rate.

    The L2 penalty is added to the gradient before momentum and moments see it, as PyTorch's optimizers do; of AdamW it
    is added to the direction (Loshchilov & Hutter 2019, algorithm 2), to that of every parameter.
    """
    decay, directions = optax.add_decayed_weights(hyper.weight_decay), _DIRECTIONS[stage.optimizer](stage, hyper)
    return optax.chain(directions, decay) if stage.optimizer == "adamw" else optax.chain(decay, directions)


def clip_gradients(gradients: Params, largest: Array) -> Params:
    """The gradients, scaled down where their norm, over all parameters, is above `largest` (Pascanu et al. 2013)."""
    norm = optax.tree.norm(gradients)
    return jax.tree.map(lambda gradient: gradient * (largest / jnp.maximum(norm, largest)), gradients)


def scale_directions(directions: Params, rate: Array, factors: Mapping[str, Array]) -> Params:
    """Steps of each submodule along its directions: minus the learning rate, times a factor of those that have one."""
    rates = {name: rate * factors[name] if name in factors else rate for name in directions}
    return {name: jax.tree.map(lambda d, r=rates[name]: -r * d, of_name) for name, of_name in directions.items()}


def schedule_rate(schedule: str, warmup: float, updates: Array, total: Array) -> Array:
    """Factor of the learning rate at update number `updates` of `total`, float32 [].

    'cosine' rises linearly over a share `warmup` of all updates and falls to 0 as half a cosine (Loshchilov & Hutter
    2017, without restarts); 'linear' rises likewise and falls to 0 in a line, as where BERT is fine-tuned. 'one_cycle'
    rises from a 25th as half a cosine and falls to nearly 0 (Smith & Topin 2019, with cosines for lines, as PyTorch).
    """
    rise = warmup * total
    after = jnp.clip((updates - rise) / jnp.maximum(total - 1 - rise, 1), 0, 1)
    if schedule == "cosine":
        return jnp.where(updates < rise, (updates + 1) / jnp.maximum(rise, 1), _bend(1.0, 0.0, after))
    if schedule == "linear":
        return jnp.where(updates < rise, (updates + 1) / jnp.maximum(rise, 1), 1 - after)
    before = jnp.clip(updates / jnp.maximum(rise, 1), 0, 1)
    return jnp.where(updates < rise, _bend(_FIRST, 1.0, before), _bend(1.0, _LAST, after))


def _bend(start: float, end: float, share: Array) -> Array:
    """Half a cosine from start to end."""
    return end + (start - end) * 0.5 * (1 + jnp.cos(jnp.pi * share))


def compute_learning_rate(hyper: Hyper, scale: Array, updates: Array) -> Array:
    """lr * scale / (1 + decay * updates): Keras' inverse time decay, which counts updates, not epochs.

    Args:
      hyper: of the stage.
      scale: float32, what the plateau schedule has made of the rate so far.
      updates: int32, updates done in this stage.
    """
    return hyper.learning_rate * scale / (1.0 + hyper.inverse_time_decay * updates)
