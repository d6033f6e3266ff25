"""A batch in pieces, one after another, so that less of it is in memory at a time: gradients are added up."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from affect_jax.errors import UserError
from affect_jax.types import Array, Batch, Params


def add_over_pieces(
    compute: Callable[[Batch, Params, Array], tuple[Any, Params]],
    batch: Batch,
    pieces: int,
    statistics: Params,
    key: Array,
) -> tuple[Any, Params]:
    """What `compute` makes of the pieces of a batch, summed by their shares of the batch's valid steps.

    For means over steps, and their gradients, that is what it makes of the whole batch.

    Args:
      compute: (piece, statistics, key) -> tree of means over the piece's valid steps, and the statistics behind it.
      batch: leaves [B, ...].
      pieces: how many.
      statistics: running statistics, which go from piece to piece.
      key: of the batch; each piece gets another.
    """
    if "labelled" in batch:
        raise UserError(
            "config.stages.<stage>.pieces cuts batches, whose parts have other shares of what has no label "
            "(config.corpus.unlabelled); set pieces to 1"
        )
    cut = jax.tree.map(lambda x: _cut_into_pieces(x, pieces), batch)
    valid = jnp.maximum(batch["mask"].sum(), 1)

    def add_piece(carry: tuple[Any, Params], numbered: tuple[Array, Batch]) -> tuple[tuple[Any, Params], None]:
        (total, before), (number, piece) = carry, numbered
        means, behind = compute(piece, before, jax.random.fold_in(key, number))
        share = piece["mask"].sum() / valid
        # A piece of padding alone has a share of 0, but its means may be NaN.
        total = jax.tree.map(lambda sums, x: sums + jnp.where(share > 0, share * x, 0).astype(x.dtype), total, means)
        return (total, jax.tree.map(lambda new, old: jnp.where(share > 0, new, old), behind, before)), None

    shapes = jax.eval_shape(compute, jax.tree.map(lambda x: x[0], cut), statistics, key)[0]
    nothing = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
    return jax.lax.scan(add_piece, (nothing, statistics), (jnp.arange(pieces), cut))[0]


def _cut_into_pieces(x: Array, pieces: int) -> Array:
    """[B, ...] -> [pieces, ceil(B / pieces), ...], zeros behind, which a mask leaves out."""
    size = -(-x.shape[0] // pieces)
    padded = jnp.pad(x, ((0, size * pieces - x.shape[0]), *((0, 0) for _ in x.shape[1:])))
    # Neighbours go to different pieces, so that padding at a batch's end is shared among them.
    return padded.reshape(size, pieces, *x.shape[1:]).swapaxes(0, 1)
