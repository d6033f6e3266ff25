"""Activations by the names that a model's fields may have."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.errors import UserError, join_words, suggest_nearest

ACTIVATIONS = {
    "": lambda x: x,
    "relu": nn.relu,
    "tanh": jnp.tanh,
    "sigmoid": nn.sigmoid,
    "elu": nn.elu,
    "leaky_relu": nn.leaky_relu,
}


def activate(x: jax.Array, name: str) -> jax.Array:
    """x through an activation of `ACTIVATIONS`; '' is none.

    Raises:
      UserError: there is no such activation.
    """
    if name not in ACTIVATIONS:
        near = suggest_nearest(name, ACTIVATIONS)
        raise UserError(f"an activation of config.model is {name!r}{near}; choose one of {join_words(ACTIVATIONS)}")
    return ACTIVATIONS[name](x)
