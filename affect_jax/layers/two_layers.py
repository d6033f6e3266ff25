"""Two dense layers with a ReLU and dropout between them, and weights that a scan multiplies itself."""

import jax
from flax import linen as nn

from affect_jax.layers.dense import Dense, uniform
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.step_products import Notes, multiply


class TwoLayers(nn.Module):
    """[..., D] -> [..., features]: `dense_0` to `hidden`, ReLU, dropout, `dense_1`."""

    hidden: int
    features: int

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool = False, dropout: float | jax.Array = 0.0) -> jax.Array:
        x = nn.relu(Dense(self.hidden, name="dense_0")(x))
        return Dense(self.features, name="dense_1")(Dropout(name="drop")(x, dropout, train=train))


class Weights(nn.Module):
    """`kernel` [inputs, features] and `bias` [features] of a dense layer that is applied elsewhere, as in a scan."""

    inputs: int
    features: int

    @nn.compact
    def __call__(self) -> tuple[jax.Array, jax.Array]:
        init = uniform(self.inputs**-0.5)
        return self.param("kernel", init, (self.inputs, self.features)), self.param("bias", init, (self.features,))


def apply_weights(weights: tuple[jax.Array, jax.Array], x: jax.Array, note: Notes) -> jax.Array:
    """The dense layer of these weights on x [B, D] at one step of a scan, float32 at least."""
    kernel, bias = weights
    return multiply(x, kernel, note) + bias[None, :]
