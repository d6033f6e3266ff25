"""Convolutions of 3 by 3 places with fewer products (Lavin & Gray 2016, "Fast algorithms for convolutional neural
networks", CVPR, section 4.1): F(2 x 2, 3 x 3).

Of each 2 by 2 outputs, the 4 by 4 inputs and the kernel are transformed by sums and differences; then every one of 16
places is a matrix product over channels. That is 16 products for 4 outputs, where the plain sum has 36. Letters in
names of arrays are axes: N images, H height, W width, C channels in, D channels out.
"""

from collections.abc import Iterable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

_KERNEL = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]], np.float32)
"""G of equation 8: 3 numbers of a kernel -> 4."""


def convolve_same(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """The cross-correlation of x [N, H, W, C] and kernel [3, 3, C, D] at stride 1, padded to as many places.

    Equal to `lax.conv_general_dilated` but for rounding, which is of the order of its own.

    Returns:
      [N, H, W, D].
    """
    n, height, width, channels = x.shape
    rows, columns = -(-height // 2), -(-width // 2)  # tiles of 2 by 2 outputs
    padded = jnp.pad(x, ((0, 0), (1, 1 + 2 * rows - height), (1, 1 + 2 * columns - width), (0, 0)))
    tiles = [tile for part in _transform(padded, rows, 1) for tile in _transform(part, columns, 2)]
    g = _KERNEL.astype(kernel.dtype)
    kernels = jnp.einsum("ia,jb,abcd->ijcd", g, g, kernel).reshape(16, channels, -1)
    products = (jnp.stack(tiles).reshape(16, -1, channels) @ kernels).reshape(4, 4, n, rows, columns, -1)
    across = [_sum_up(row) for row in products]
    # [row of a tile][column of a tile]
    outputs = zip(*(_sum_up([part[column] for part in across]) for column in range(2)), strict=True)
    y = jnp.stack([jnp.stack(row, axis=3) for row in outputs], axis=2)
    return y.reshape(n, 2 * rows, 2 * columns, -1)[:, :height, :width]


def _transform(x: jax.Array, tiles: int, axis: int) -> Sequence[jax.Array]:
    """B^T d of equation 8 along an axis: the 4 numbers of each tile; tiles begin every 2 places."""
    a, b, c, d = (lax.slice_in_dim(x, first, first + 2 * tiles - 1, 2, axis) for first in range(4))
    return a - c, b + c, c - b, b - d


def _sum_up(products: Iterable[jax.Array]) -> tuple[jax.Array, jax.Array]:
    """A^T m of equation 8: 4 products of each tile -> its 2 outputs."""
    a, b, c, d = products
    return a + b + c, b - c - d
