"""Convolution over time and frequency, batch norm, ReLU and a maximum pool, of spectrograms that are padded in time.

Letters in names of arrays are axes: B batch, T steps, F bands, C channels.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.batch_norm import BatchNorm
from affect_jax.layers.masking import zero_padding

WIDTH = 3
"""Steps and bands of a filter."""


class SpectrogramBlock(nn.Module):
    """x [B, T, F, C] -> [B, ceil(T / 2), ceil(F / 2), filters], and the mask [B, ceil(T / 2)] of its steps.

    Padded steps are zeros to the convolution, as what lies beyond the ends is, so a valid step is the same however many
    padded ones follow; they reach no statistic of the batch norm. A pooled step is valid where one of its two is.

    Attributes:
      filters: channels of the result.
    """

    filters: int

    @nn.compact
    def __call__(self, x: jax.Array, mask: jax.Array, *, train: bool) -> tuple[jax.Array, jax.Array]:
        shape = (WIDTH, WIDTH, x.shape[-1], self.filters)
        kernel = self.param("kernel", nn.initializers.he_normal(), shape)
        x_BxTxFxC = convolve(zero_padding(x, mask[..., None]), kernel)
        valid_BxTxF = jnp.broadcast_to(mask[..., None], x_BxTxFxC.shape[:3])
        x_BxTxFxC = nn.relu(BatchNorm(name="norm")(x_BxTxFxC, valid_BxTxF, train=train))
        # Nothing is below 0 behind ReLU, so a padded 0 is never larger than a valid step.
        return _pool(_pool(zero_padding(x_BxTxFxC, valid_BxTxF), 1), 2), _pool(mask, 1)


def convolve(x_BxTxFxC: jax.Array, kernel: jax.Array) -> jax.Array:
    """[B, T, F, C] * [3, 3, C, D] -> [B, T, F, D], zeros beyond the ends; the cross-correlation, as in all libraries.

    One product of all nine neighbours, not XLA's convolution: inside of a loop, as all training here is, XLA's CPU
    backend has no fast one.
    """
    steps, bands = x_BxTxFxC.shape[1:3]
    padded = jnp.pad(x_BxTxFxC, ((0, 0), (1, 1), (1, 1), (0, 0)))
    near = [padded[:, i : i + steps, j : j + bands] for i in range(WIDTH) for j in range(WIDTH)]
    return jnp.concatenate(near, axis=-1) @ kernel.reshape(-1, kernel.shape[-1]).astype(x_BxTxFxC.dtype)


def _pool(x: jax.Array, axis: int) -> jax.Array:
    """The larger of every two neighbours (of bool: either); an odd last one stays.

    By pairs, not as a reduction: its gradient would look for the elements that equal the maximum, and find none where
    XLA forms x twice and rounds it in two ways.
    """
    if x.shape[axis] % 2:
        x = jnp.pad(x, [(0, int(at == axis)) for at in range(x.ndim)])
    pairs = x.reshape(*x.shape[:axis], x.shape[axis] // 2, 2, *x.shape[axis + 1 :])
    even, odd = (jax.lax.index_in_dim(pairs, place, axis + 1, keepdims=False) for place in range(2))
    return even | odd if x.dtype == bool else jnp.maximum(even, odd)
