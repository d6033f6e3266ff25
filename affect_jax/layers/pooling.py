"""Pooling over time without overlap, and what a stack of convolutions and pools needs at least."""

from collections.abc import Sequence

import jax


def average_pool(x: jax.Array, size: int) -> jax.Array:
    """Means of `size` steps each, [B, T, D] -> [B, T // size, D]; the rest at the end is dropped, as in Keras."""
    steps = x.shape[1] // size
    return x[:, : steps * size].reshape(x.shape[0], steps, size, x.shape[2]).mean(axis=2)


def shortest_input(widths: Sequence[int], pools: Sequence[int], least: int = 1) -> int:
    """Steps that blocks of a valid convolution and a pool must get so that the last one gives `least` steps."""
    for width, pool in reversed(list(zip(widths, pools, strict=True))):
        least = least * pool + width - 1
    return least
