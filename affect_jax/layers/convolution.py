"""Convolution over time, ReLU, batch norm and max pooling, as Keras defines them: one block of ConflictNET's trunk."""

import jax
import jax.numpy as jnp
from flax import linen as nn


class ConvBlock(nn.Module):
    """Valid convolution, ReLU, batch norm, max pool without overlap: [B, T, C] -> [B, (T - width + 1) // pool, filters].

    Parameters: `kernel` [width, C, filters] (Glorot uniform), `bias`, `gamma`, `beta` [filters]. The collection
    `batch_stats` holds the running `mean` and `variance` [filters]; training moves each by 1 - momentum towards the
    batch's, whose variance is the biased one. A batch without a valid example leaves them.

    Attributes:
      filters: how many.
      width: steps of a filter.
      pool: steps of a pooling window; what is left over at the end is dropped.
      momentum: of the running statistics.
      epsilon: added to a variance.
    """

    filters: int
    width: int
    pool: int
    momentum: float = 0.99
    epsilon: float = 1e-3

    @nn.compact
    def __call__(self, x: jax.Array, valid: jax.Array, *, train: bool) -> jax.Array:
        """Applies the block.

        Args:
          x: float32 [B, T, C].
          valid: bool [B]. Examples that are False reach no statistic.
          train: normalise by the batch's statistics and move the running ones, else normalise by the running ones.
        """
        shape = (self.width, x.shape[-1], self.filters)
        kernel = self.param("kernel", nn.initializers.glorot_uniform(), shape)
        bias = self.param("bias", nn.initializers.zeros, (self.filters,))
        gamma = self.param("gamma", nn.initializers.ones, (self.filters,))
        beta = self.param("beta", nn.initializers.zeros, (self.filters,))
        mean = self.variable("batch_stats", "mean", jnp.zeros, (self.filters,))
        variance = self.variable("batch_stats", "variance", jnp.ones, (self.filters,))
        a = jax.lax.conv_general_dilated(x, kernel, (1,), "VALID", dimension_numbers=("NWC", "WIO", "NWC"))
        a = jax.nn.relu(a + bias[None, None, :])
        m, v = mean.value, variance.value
        if train:
            weight = valid.astype(a.dtype)[:, None, None]
            count = jnp.maximum(weight.sum() * a.shape[1], 1)
            m = (a * weight).sum(axis=(0, 1)) / count
            v = (jnp.square(a - m[None, None, :]) * weight).sum(axis=(0, 1)) / count
            if not self.is_initializing() and self.is_mutable_collection("batch_stats"):
                rate = jnp.where(valid.any(), 1 - self.momentum, 0.0)
                mean.value = mean.value + rate * (jax.lax.stop_gradient(m) - mean.value)
                variance.value = variance.value + rate * (jax.lax.stop_gradient(v) - variance.value)
        y = (a - m[None, None, :]) * (gamma * jax.lax.rsqrt(v + self.epsilon))[None, None, :] + beta[None, None, :]
        return jax.lax.reduce_window(y, -jnp.inf, jax.lax.max, (1, self.pool, 1), (1, self.pool, 1), "VALID")
