"""Pooling over time or pictures without overlap and across vectors, and what a stack of convolutions and pools needs.

Letters in names of arrays are axes: B batch, T steps, D features, P vectors.
"""

import functools
import itertools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from affect_jax.layers.wide import to_wide


def average_pool(x: jax.Array, size: int) -> jax.Array:
    """Means of `size` steps each, [B, T, D] -> [B, T // size, D]; the rest at the end is dropped, as in Keras."""
    steps = x.shape[1] // size
    return x[:, : steps * size].reshape(x.shape[0], steps, size, x.shape[2]).mean(axis=2)


def max_pool(x: jax.Array, sizes: Sequence[int]) -> jax.Array:
    """The greatest of each window, [B, S_1, S_2, ..., D] -> [B, S_1 // size_1, S_2 // size_2, ..., D].

    What is left at an end is dropped. The first of equal entries has the gradient, as in PyTorch and Keras. XLA's CPU
    compiler scatters the gradient of its own pooling (`nn.max_pool`) entry by entry; here it is one elementwise pass.

    Args:
      x: entries.
      sizes: of a window, one for each axis between the first and the last.
    """
    counts = [length // size for length, size in zip(x.shape[1:-1], sizes, strict=True)]
    whole = x[:, *(slice(count * size) for count, size in zip(counts, sizes, strict=True))]
    return _pool_whole(whole, tuple(sizes))


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def _pool_whole(x: jax.Array, sizes: tuple[int, ...]) -> jax.Array:
    return _find_greatest(x, sizes)[0]


def _find_greatest(x: jax.Array, sizes: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    """The greatest of each window, and its number within the window, row by row."""
    windows = x.reshape(_split_axes(x.shape, sizes))
    greatest = number = None
    for at, place in enumerate(itertools.product(*map(range, sizes))):
        entry = windows[:, *(index for within in place for index in (slice(None), within))]
        if greatest is None:
            greatest, number = entry, jnp.zeros(entry.shape, jnp.uint8 if math.prod(sizes) <= 256 else jnp.int32)
        else:
            number = jnp.where(entry > greatest, jnp.asarray(at, number.dtype), number)
            greatest = jnp.maximum(greatest, entry)
    return greatest, number


def _split_axes(shape: Sequence[int], sizes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape whose inner axes are two each: windows, and entries of a window."""
    inner = (part for length, size in zip(shape[1:-1], sizes, strict=True) for part in (length // size, size))
    return shape[0], *inner, shape[-1]


def _pool_backward(sizes: tuple[int, ...], number: jax.Array, d_y: jax.Array) -> tuple[jax.Array]:
    axes = range(2, 2 * len(sizes) + 1, 2)  # of a window's entries
    entries = jnp.arange(math.prod(sizes), dtype=number.dtype).reshape(sizes)
    entries = jnp.expand_dims(entries, (0, *(axis - 1 for axis in axes), 2 * len(sizes) + 1))
    d_windows = jnp.where(jnp.expand_dims(number, axes) == entries, jnp.expand_dims(d_y, axes), 0)
    lengths = (count * size for count, size in zip(d_y.shape[1:-1], sizes, strict=True))
    return (d_windows.reshape(d_y.shape[0], *lengths, d_y.shape[-1]),)


_pool_whole.defvjp(_find_greatest, _pool_backward)


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
