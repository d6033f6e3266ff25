"""How `pooled_convolution.py` cuts clips into pieces, and reads and writes the pieces.

Letters in names of arrays are axes, see there.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from affect_jax.layers.wide import to_wide, wide_type

# Values of the activation in one piece. On a CPU 512 KiB, which stays in a core's cache (from 64 to 1,024 windows of 8
# steps and 64 filters time hardly changes, whole clips take four times as long); elsewhere whole clips, to launch less.
_PIECE_CPU, _PIECE = 1 << 17, 1 << 27


class Clips(NamedTuple):
    """What a layer reads: x [B, T, C], and valid bool [B]; an example that is False is read as zeros."""

    x: jax.Array
    valid: jax.Array


class Filters(NamedTuple):
    """A convolution's parameters: kernel [width, C, F] and bias [F]."""

    kernel: jax.Array
    bias: jax.Array


class Piece(NamedTuple):
    """A piece of a batch: its example, its first window, and is_new bool [W, 1]: windows that no earlier piece had."""

    example: jax.Array
    first: jax.Array
    is_new_Wx1: jax.Array


class Cut(NamedTuple):
    """How clips are cut.

    Attributes:
      total: pooled windows of a clip.
      windows: those of a piece. The last piece of a clip begins early enough to be whole.
      count: pieces of a clip.
    """

    total: int
    windows: int
    count: int

    def place(self, number: jax.Array) -> Piece:
        """Returns a piece of the batch by its number."""
        example, piece = number // self.count, number % self.count
        first = jnp.minimum(piece * self.windows, self.total - self.windows)
        return Piece(example, first, (first + jnp.arange(self.windows) >= piece * self.windows)[:, None])


def cut_clips(x: jax.Array, kernel: jax.Array, pool: int) -> Cut:
    """Decides how clips x [B, T, C] are cut for a kernel [width, C, F]."""
    width, filters = kernel.shape[0], kernel.shape[-1]
    total = (x.shape[1] - width + 1) // pool
    if not isinstance(total, int):  # jax.export traces with a symbolic length: whole clips
        return Cut(total, total, 1)
    most = max(1, (_PIECE_CPU if jax.default_backend() == "cpu" else _PIECE) // (pool * filters))
    count = -(-total // most)
    return Cut(total, -(-total // count), count)


def count_activations(clips: Clips, filters: Filters) -> jax.Array:
    """Returns how many activations a channel has; 1 where no example is valid, as it divides."""
    steps = clips.x.shape[1] - filters.kernel.shape[0] + 1
    return jnp.maximum(clips.valid.sum() * steps, 1).astype(wide_type(clips.x.dtype))


def take_windows(a_BxPxF: jax.Array, piece: Piece, windows: int) -> jax.Array:
    """Returns a piece's windows [W, F]."""
    return lax.dynamic_slice(a_BxPxF, (piece.example, piece.first, 0), (1, windows, a_BxPxF.shape[2]))[0]


def slice_steps(clips: Clips, piece: Piece, pool: int, steps: int) -> jax.Array:
    """Returns a piece's steps [steps, C]; zeros where the example is padding, as NaN * 0 is NaN."""
    begin = piece.example, piece.first * pool, 0
    return jnp.where(clips.valid[piece.example], lax.dynamic_slice(clips.x, begin, (1, steps, clips.x.shape[2]))[0], 0)


def read_rest(clips: Clips, begin: int) -> jax.Array:
    """Returns the steps that no window has, with those before them that their filters reach.

    They are [B, < pool + width - 1, C], few and so in float32 at least.
    """
    return to_wide(jnp.where(clips.valid[:, None, None], clips.x[:, begin:], 0))


def activate(x: jax.Array, kernel: jax.Array, bias: jax.Array) -> jax.Array:
    """Runs the plain layer, [B, T, C] -> [B, T - width + 1, F], for a few steps."""
    steps = x.shape[1] - kernel.shape[0] + 1
    return jax.nn.relu(sum(x[:, k : k + steps] @ tap for k, tap in enumerate(kernel)) + bias[None, None, :])


def make_columns(x: jax.Array, width: int) -> jax.Array:
    """Returns what the kernel sees at every step, [N + width - 1, C] -> [N, width * C]."""
    steps = x.shape[0] - width + 1
    return jnp.concatenate([x[k : k + steps] for k in range(width)], axis=-1)


def add_columns(x_BxTxC: jax.Array, columns_NxK: jax.Array, piece: Piece, pool: int) -> jax.Array:
    """Adds columns to the steps of x that they were made of: the transpose of `make_columns` of a `slice_steps`."""
    steps, channels = columns_NxK.shape[0], x_BxTxC.shape[2]
    width = columns_NxK.shape[1] // channels
    begin = piece.example, piece.first * pool, 0
    slice_SxC = lax.dynamic_slice(x_BxTxC, begin, (1, steps + width - 1, channels))[0].astype(columns_NxK.dtype)
    for k in range(width):
        slice_SxC = slice_SxC.at[k : k + steps].add(columns_NxK[:, k * channels : (k + 1) * channels])
    return lax.dynamic_update_slice(x_BxTxC, slice_SxC[None].astype(x_BxTxC.dtype), begin)
