"""Frames that are too many for a recurrence, averaged.

Letters in names of arrays are axes: B batch, T frames, S means, D features.
"""

import jax
import jax.numpy as jnp

from affect_jax.errors import UserError


def average_frames(
    x_BxTxD: jax.Array, mask_BxT: jax.Array, size: int, model: str
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Means of `size` frames each: [B, S, D], their mask [B, S], and of each frame the mean that it is part of, [T].

    The mean is of the valid frames, padding may hold anything. Frames at the end that do not fill a mean have no part
    in any; they are told the last one.

    Raises:
      UserError: `size` is no number of frames, or the sequences have fewer.
    """
    frames = x_BxTxD.shape[1]
    # While jax.export traces with a symbolic length, there is no number to compare.
    if size < 1 or (isinstance(frames, int) and frames < size):
        raise UserError(
            f"model {model!r} averages {size} frames, but its sequences have {frames}; set config.model.pool to 1 or "
            "more, and no more than these"
        )
    means = frames // size
    mask_BxSxP = mask_BxT[:, : means * size].reshape(mask_BxT.shape[0], means, size)
    x_BxSxPxD = x_BxTxD[:, : means * size].reshape(*mask_BxSxP.shape, x_BxTxD.shape[-1])
    sums = jnp.where(mask_BxSxP[..., None], x_BxSxPxD, 0).sum(axis=2)
    count_BxS = mask_BxSxP.sum(axis=2, dtype=x_BxTxD.dtype)
    place_T = jnp.minimum(jnp.arange(frames) // size, means - 1)
    return sums / jnp.maximum(count_BxS, 1)[..., None], mask_BxSxP.any(axis=2), place_T
