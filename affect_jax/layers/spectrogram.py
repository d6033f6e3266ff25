"""Convolution over time and frequency, a maximum pool, batch norm and ReLU, of spectrograms that are padded in time.

Letters in names of arrays are axes: B batch, T steps, F bands, C and D channels.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.batch_norm import BatchNorm
from affect_jax.layers.convolve import convolve
from affect_jax.layers.masking import zero_padding

WIDTH = 3
"""Steps and bands of a filter."""
_LEAST = -1e30
"""Less than any value of a spectrogram, and finite, so that no gradient of it is NaN."""


class SpectrogramBlock(nn.Module):
    """x [B, T, F, C] -> [B, T', F', filters], and the mask [B, T'] of its steps.

    T' and F' are T and F divided by `stride` and then, with `pooled`, by 2, each rounded up. Padded steps are zeros to
    the convolution, as what lies beyond the ends is, so a valid step is the same however many padded ones follow; they
    reach no pool and no statistic of the batch norm. A pooled step is valid where one of its two is.

    The pool stands in front of the norm and ReLU, which then pass over a quarter of the values; behind them, as in VGG,
    it would give the same wherever the norm's `scale` is not negative, but for the moments.

    Attributes:
      filters: channels of the result.
      stride: of the convolution, in time and frequency.
      pooled: whether every two steps and bands become one.
    """

    filters: int
    stride: int = 1
    pooled: bool = True

    @nn.compact
    def __call__(self, x: jax.Array, mask: jax.Array, *, train: bool) -> tuple[jax.Array, jax.Array]:
        shape = (WIDTH, WIDTH, x.shape[-1], self.filters)
        kernel = self.param("kernel", nn.initializers.he_normal(), shape).astype(x.dtype)
        x_BxTxFxD = convolve(zero_padding(x, mask[..., None]), kernel, (self.stride,) * 2, [(1, 1)] * 2)
        mask = mask[:, :: self.stride]
        if self.pooled:
            x_BxTxFxD = jnp.where(mask[..., None, None], x_BxTxFxD, jnp.asarray(_LEAST, x.dtype))
            x_BxTxFxD, mask = _pool(_pool(x_BxTxFxD, 1), 2), _pool(mask, 1)
        x_BxTxFxD = zero_padding(x_BxTxFxD, mask[..., None])
        valid_BxTxF = jnp.broadcast_to(mask[..., None], x_BxTxFxD.shape[:3])
        return nn.relu(BatchNorm(name="norm")(x_BxTxFxD, valid_BxTxF, train=train)), mask


def _pool(x: jax.Array, axis: int) -> jax.Array:
    """The larger of every two neighbours (of bool: either); an odd last one stays.

    By pairs, not as a reduction: its gradient would look for the elements that equal the maximum, and find none where
    XLA forms x twice and rounds it in two ways.
    """
    if x.shape[axis] % 2:
        least = False if x.dtype == bool else _LEAST
        x = jnp.pad(x, [(0, int(at == axis)) for at in range(x.ndim)], constant_values=least)
    pairs = x.reshape(*x.shape[:axis], x.shape[axis] // 2, 2, *x.shape[axis + 1 :])
    even, odd = (jax.lax.index_in_dim(pairs, place, axis + 1, keepdims=False) for place in range(2))
    return even | odd if x.dtype == bool else jnp.maximum(even, odd)
