"""Convolution over time, ReLU, batch norm and max pooling, as Keras defines them: one block of ConflictNET's trunk.

What takes time and memory is in affect_jax/layers/pooled_convolution.py; here are parameters and running statistics.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.errors import UserError
from affect_jax.layers.pooled_convolution import conv_norm_pool, conv_pool


class ConvBlock(nn.Module):
    """Valid convolution, ReLU, batch norm, max pool: [B, T, C] -> [B, (T - width + 1) // pool, filters].

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
          valid: bool [B]. Examples that are False are read as zeros, reach no statistic and have no gradient.
          train: normalise by the batch's statistics and move the running ones, else normalise by the running ones.

        Raises:
          UserError: x is too short for one pooled value.
        """
        shape = (self.width, x.shape[-1], self.filters)
        kernel = self.param("kernel", nn.initializers.glorot_uniform(), shape)
        bias = self.param("bias", nn.initializers.zeros, (self.filters,))
        gamma = self.param("gamma", nn.initializers.ones, (self.filters,))
        beta = self.param("beta", nn.initializers.zeros, (self.filters,))
        mean = self.variable("batch_stats", "mean", jnp.zeros, (self.filters,))
        variance = self.variable("batch_stats", "variance", jnp.ones, (self.filters,))
        needed = self.width + self.pool - 1
        if x.shape[1] < needed:
            raise UserError(
                f"a convolution of width {self.width} with pooling by {self.pool} got {x.shape[1]} steps and needs "
                f"{needed} at least; make the clips longer"
            )
        if not train:
            # Pooled before it is normalised, which is fewer numbers: a positive gamma keeps the order of values, and
            # under a negative one the smallest value is the largest after it.
            scale = gamma * jax.lax.rsqrt(variance.value + self.epsilon)
            pooled = conv_pool(x, kernel, bias, gamma < 0, valid, pool=self.pool)
            y = (pooled - mean.value[None, None, :]) * scale[None, None, :] + beta[None, None, :]
            return y.astype(x.dtype)
        y, of_batch = conv_norm_pool(x, kernel, bias, gamma, beta, valid, pool=self.pool, epsilon=self.epsilon)
        if self.is_mutable_collection("batch_stats") and not self.is_initializing():
            # A batch of padding alone has no statistics to learn from.
            rate = jnp.where(valid.any(), 1 - self.momentum, 0.0)
            for running, now in zip((mean, variance), of_batch, strict=True):
                running.value += rate * (now - running.value)
        return y
