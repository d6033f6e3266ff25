"""Linear layers with the initialisation that PyTorch gives `nn.Linear`, and plain stacks of them."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.typing import Initializer

from affect_jax.layers.products import multiply_rows


def uniform(bound: float) -> Initializer:
    """Initialiser of U(-bound, bound). PyTorch's default is bound = 1 / sqrt(fan in), 1 / sqrt(units) in a GRU."""

    def init(key: jax.Array, shape: Sequence[int], dtype: jnp.dtype = jnp.float32) -> jax.Array:
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return init


class Dense(nn.Module):
    """Affine map of the last axis, [..., D] -> [..., features].

    Parameters: `kernel` [D, features] (torch's `weight`, transposed) and `bias` [features], both U(+-1/sqrt(D)) unless
    initialisers are given.
    """

    features: int
    kernel_init: Initializer | None = None
    bias_init: Initializer | None = None

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        default = uniform(x.shape[-1] ** -0.5)
        kernel = self.param("kernel", self.kernel_init or default, (x.shape[-1], self.features))
        bias = self.param("bias", self.bias_init or default, (self.features,))
        product = multiply_rows(x, kernel.astype(jnp.promote_types(kernel.dtype, x.dtype)))  # x may be `wide`
        return (product + bias.reshape((1,) * (x.ndim - 1) + (-1,))).astype(product.dtype)


class MLP(nn.Module):
    """Dense layers of the given widths with an activation between them, and none after the last."""

    widths: Sequence[int]
    activation: Callable[[jax.Array], jax.Array] = jnp.tanh

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        for index, width in enumerate(self.widths):
            x = Dense(width, name=f"dense_{index}")(x if index == 0 else self.activation(x))
        return x
