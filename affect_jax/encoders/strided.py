"""Convolutions over time of the encoders of speech, and their norm over time.

Letters in names of arrays are axes: B batch, T steps, C channels.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.convolve import convolve
from affect_jax.layers.dense import uniform
from affect_jax.layers.masking import zero_padding
from affect_jax.layers.wide import to_wide


class StridedConvolution(nn.Module):
    """Valid convolution over time: [B, T, C] -> [B, (T - width) // stride + 1, channels]."""

    channels: int
    width: int
    stride: int
    bias: bool

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        init = nn.initializers.he_normal()
        kernel = self.param("kernel", init, (self.width, x.shape[-1], self.channels)).astype(x.dtype)
        y = convolve(x, kernel, (self.stride,), "VALID")
        if self.bias:
            y = y + self.param("bias", nn.initializers.zeros, (self.channels,)).astype(x.dtype).reshape(1, 1, -1)
        return y


class Moments(NamedTuple):
    """Mean and variance of each channel over time, [B, C]."""

    mean: jax.Array
    variance: jax.Array


class GroupNorm(nn.Module):
    """Mean 0 and variance 1 of each channel over the valid steps of each clip: x [B, T, C], valid [B, T] -> [B, T, C].

    PyTorch's group norm with a group a channel takes the moments over padding, too; here a clip is normalised as it is
    alone. A window of a longer recording is normalised by `moments` of the whole.
    """

    @nn.compact
    def __call__(self, x: jax.Array, valid: jax.Array, moments: Moments | None = None) -> jax.Array:
        scale = self.param("scale", nn.initializers.ones, (x.shape[-1],))
        bias = self.param("bias", nn.initializers.zeros, (x.shape[-1],))
        wide = to_wide(x)
        if moments is None:
            count = jnp.maximum(valid.sum(axis=1), 1).astype(wide.dtype)[:, None, None]
            centred = wide - zero_padding(wide, valid).sum(axis=1, keepdims=True) / count
            variance = zero_padding(jnp.square(centred), valid).sum(axis=1, keepdims=True) / count
        else:
            centred, variance = wide - moments.mean[:, None], moments.variance[:, None]
        y = centred * jax.lax.rsqrt(variance + 1e-5) * scale.reshape(1, 1, -1) + bias.reshape(1, 1, -1)
        return y.astype(x.dtype)


class PositionalConvolution(nn.Module):
    """A convolution over time in groups of channels, with as many steps as it reads: [B, T, C] -> [B, T, C].

    Its kernel is `weight_g` v / |v|, with the norm over all but time (weight norm, Salimans & Kingma 2016).
    """

    width: int
    groups: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        return _WeightNormed(self.width, self.groups, name="conv")(x)


class _WeightNormed(nn.Module):
    width: int
    groups: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        channels = x.shape[-1]
        shape = (channels, channels // self.groups, self.width)
        v = self.param("weight_v", uniform((shape[1] * self.width) ** -0.5), shape)
        g = self.param("weight_g", nn.initializers.ones, (1, 1, self.width))
        bias = self.param("bias", nn.initializers.zeros, (channels,))
        norm = jnp.sqrt(jnp.square(v).sum(axis=(0, 1), keepdims=True))
        kernel = (v * (g / norm)).transpose(2, 1, 0).astype(x.dtype)
        # As many steps before as behind, but of an even width one fewer behind.
        before = self.width // 2
        ends = ((before, self.width - 1 - before),)
        y = convolve(x, kernel, (1,), ends, feature_group_count=self.groups)
        return y + bias.astype(x.dtype).reshape(1, 1, -1)
