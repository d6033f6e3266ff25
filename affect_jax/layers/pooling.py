"""Pooling over time without overlap and across vectors, and what a stack of convolutions and pools needs at least."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from affect_jax.layers.wide import to_wide


def average_pool(x: jax.Array, size: int) -> jax.Array:
    """Means of `size` steps each, [B, T, D] -> [B, T // size, D]; the rest at the end is dropped, as in Keras."""
    steps = x.shape[1] // size
    return x[:, : steps * size].reshape(x.shape[0], steps, size, x.shape[2]).mean(axis=2)


def shortest_input(widths: Sequence[int], pools: Sequence[int], least: int = 1) -> int:
    """Steps that blocks of a valid convolution and a pool must get so that the last one gives `least` steps."""
    for width, pool in reversed(list(zip(widths, pools, strict=True))):
        least = least * pool + width - 1
    return least


def statistics_across(x_BxPxD: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Mean and unbiased standard deviation across P >= 2 vectors, [B, D] each (statistical pooling, thesis 4.2).

    Where all P are equal the deviation is 0 and its gradient 0, not infinite. Of bfloat16 formed in float32.
    """
    dtype = x_BxPxD.dtype
    x_BxPxD = to_wide(x_BxPxD)
    mean = x_BxPxD.mean(axis=1)
    variance = jnp.square(x_BxPxD - mean[:, None]).sum(axis=1) / (x_BxPxD.shape[1] - 1)
    varies = variance > 0
    deviation = jnp.where(varies, jnp.sqrt(jnp.where(varies, variance, 1.0)), 0.0)
    return mean.astype(dtype), deviation.astype(dtype)
