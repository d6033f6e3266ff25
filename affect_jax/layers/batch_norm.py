"""Batch normalisation with PyTorch's numbers, of batches that are padded (Ioffe & Szegedy 2015).

flax's differs in what it keeps: PyTorch's running variance is of the unbiased estimate, and its momentum is the share
of the new value, .1.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.sums import sum_rows
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
        if not train or self.is_initializing():
            moments = Moments(running_mean.value, running_variance.value, jnp.ones(()))
            return _apply(x, scale, bias, moments)
        y, (mean, variance, count) = normalize_batch(x, scale, bias, mask)
        if self.is_mutable_collection("batch_stats"):
            unbiased = variance * count / jnp.maximum(count - 1, 1)
            # A batch without a valid entry has nothing to say.
            share = jnp.where(count > 0, _SHARE, 0.0)
            running_mean.value += share * (mean - running_mean.value)
            running_variance.value += share * (unbiased - running_variance.value)
        return y


class Moments(NamedTuple):
    """Mean [D], biased variance [D] and the number of entries [] that count."""

    mean: jax.Array
    variance: jax.Array
    count: jax.Array


@jax.custom_vjp
def normalize_batch(
    x: jax.Array, scale: jax.Array, bias: jax.Array, mask: jax.Array | None
) -> tuple[jax.Array, Moments]:
    """x [..., D] normalised by its own moments over all axes but the last, and these, through which no gradient goes.

    The gradient is written by hand: two sums and one pass over x, where autodiff's passes over it about twice as often.
    With r = (variance + epsilon)^-1/2 and n valid entries,

        dL/dx = scale r dL/dy - [valid] (scale r (sum of dL/dy) + scale r^3 (x - mean) (sum of dL/dy (x - mean))) / n
    """
    moments = _compute_moments(to_wide(x), mask)
    return _apply(x, scale, bias, moments), moments


def _normalize_forward(
    x: jax.Array, scale: jax.Array, bias: jax.Array, mask: jax.Array | None
) -> tuple[tuple[jax.Array, Moments], Any]:
    y, moments = normalize_batch(x, scale, bias, mask)
    return (y, moments), (x, scale, mask, moments)


def _normalize_backward(kept: Any, back: tuple[jax.Array, Moments]) -> tuple[jax.Array, jax.Array, jax.Array, None]:
    x, scale, mask, (mean, variance, count) = kept
    lead = (1,) * (x.ndim - 1) + (-1,)
    d_y, centred = to_wide(back[0]), to_wide(x) - mean.reshape(lead)
    total, along = sum_rows(d_y), sum_rows(d_y * centred)
    root, safe = jax.lax.rsqrt(variance + _EPSILON), jnp.maximum(count, 1)
    factor = scale * root
    by_mean, by_variance = factor * total / safe, factor * root * root * along / safe
    by_moments = by_mean.reshape(lead) + centred * by_variance.reshape(lead)
    if mask is not None:
        by_moments = jnp.where(mask[..., None], by_moments, 0)
    d_x = d_y * factor.reshape(lead) - by_moments
    return d_x.astype(x.dtype), (along * root).astype(scale.dtype), total.astype(scale.dtype), None


normalize_batch.defvjp(_normalize_forward, _normalize_backward)


def _apply(x: jax.Array, scale: jax.Array, bias: jax.Array, moments: Moments) -> jax.Array:
    lead = (1,) * (x.ndim - 1) + (-1,)
    factor = jax.lax.rsqrt(moments.variance + _EPSILON) * scale
    y = (to_wide(x) - moments.mean.reshape(lead)) * factor.reshape(lead) + bias.reshape(lead)
    return y.astype(x.dtype)


def _compute_moments(x: jax.Array, mask: jax.Array | None) -> Moments:
    valid = jnp.ones(x.shape[:-1], bool) if mask is None else mask
    count = jnp.sum(valid, dtype=x.dtype)
    safe = jnp.maximum(count, 1)
    mean = sum_rows(jnp.where(valid[..., None], x, 0)) / safe
    centred = x - mean.reshape((1,) * (x.ndim - 1) + (-1,))
    return Moments(mean, sum_rows(jnp.where(valid[..., None], jnp.square(centred), 0)) / safe, count)
