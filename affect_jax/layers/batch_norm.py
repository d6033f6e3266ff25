"""Batch normalisation with PyTorch's numbers, of batches that are padded (Ioffe & Szegedy 2015).

flax's differs in what it keeps: PyTorch's running variance is of the unbiased estimate, and its momentum is the share
of the new value, .1.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.wide import to_wide

_EPSILON = 1e-5
_SHARE = 0.1


class BatchNorm(nn.Module):
    """x [..., D] with mean 0 and variance 1 over all axes but the last, times `scale`, plus `bias`.

    In training the moments are the batch's, over entries where `mask` [...] is True (None: all), and the running ones
    in the collection `batch_stats` (`mean`, `var`, [D]) follow them by a tenth. Else the running ones are used. Padded
    entries must be finite.
    """

    @nn.compact
    def __call__(self, x: jax.Array, mask: jax.Array | None = None, *, train: bool = False) -> jax.Array:
        shape = (x.shape[-1],)
        scale = self.param("scale", nn.initializers.ones, shape)
        bias = self.param("bias", nn.initializers.zeros, shape)
        running_mean = self.variable("batch_stats", "mean", jnp.zeros, shape)
        running_variance = self.variable("batch_stats", "var", jnp.ones, shape)
        mean, variance = running_mean.value, running_variance.value
        if train and not self.is_initializing():
            mean, variance, count = _compute_moments(to_wide(x), mask)
            if self.is_mutable_collection("batch_stats"):
                unbiased = variance * count / jnp.maximum(count - 1, 1)
                # A batch without a valid entry has nothing to say.
                share = jnp.where(count > 0, _SHARE, 0.0)
                running_mean.value += share * (jax.lax.stop_gradient(mean) - running_mean.value)
                running_variance.value += share * (jax.lax.stop_gradient(unbiased) - running_variance.value)
        lead = (1,) * (x.ndim - 1) + (-1,)
        factor = jax.lax.rsqrt(variance + _EPSILON) * scale
        y = (to_wide(x) - mean.reshape(lead)) * factor.reshape(lead) + bias.reshape(lead)
        return y.astype(x.dtype)


def _compute_moments(x: jax.Array, mask: jax.Array | None) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Mean [D], biased variance [D] and the number of entries [] that count."""
    valid = jnp.ones(x.shape[:-1], bool) if mask is None else mask
    axes = tuple(range(x.ndim - 1))
    count = jnp.sum(valid, dtype=x.dtype)
    safe = jnp.maximum(count, 1)
    mean = jnp.where(valid[..., None], x, 0).sum(axis=axes) / safe
    variance = (
        jnp.where(valid[..., None], jnp.square(x - mean.reshape((1,) * len(axes) + (-1,))), 0).sum(axis=axes) / safe
    )
    return mean, variance, count
