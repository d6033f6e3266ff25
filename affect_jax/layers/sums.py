"""Sums over rows, in pairs.

XLA's CPU compiler cuts a long sum into windows and forms each number of a window by itself: of what it has fused with
the sum, as the gradient of a norm's scale, it takes 3 ns a number (12,544 rows of 256 numbers on one core: 9.5 ms).
Halves that are added to one another are plain passes (1.0 ms), and round less.
"""

import math

import jax

from affect_jax.layers.spread import is_left_to_xla

_FEW = 64
"""Rows that are summed as they are."""


def sum_rows(x: jax.Array) -> jax.Array:
    """The sum of x [..., D] over all axes but the last, [D]."""
    if jax.default_backend() != "cpu" or is_left_to_xla():
        return x.sum(axis=tuple(range(x.ndim - 1)))
    rows, odd = x.reshape(math.prod(x.shape[:-1]), x.shape[-1]), []
    while len(rows) > _FEW:
        half = len(rows) // 2
        if len(rows) % 2:
            odd.append(rows[-1])
        rows = rows[:half] + rows[half : 2 * half]
    return rows.sum(axis=0) + sum(odd)
