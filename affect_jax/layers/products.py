"""Products of vectors of several modalities."""

from collections.abc import Iterable

import jax
import jax.numpy as jnp


def multiply_outer(vectors: Iterable[jax.Array]) -> jax.Array:
    """The outer product of [1; v] of all vectors [B, V_m]: [B, (V_1 + 1) (V_2 + 1) ...], the last one's index fastest.

    It holds every product of entries of some of the vectors, each once (Zadeh et al. 2017, eq. 3).
    """
    product = None
    for vector in vectors:
        vector = jnp.concatenate([jnp.ones_like(vector[:, :1]), vector], axis=-1)
        if product is None:
            product = vector
        else:
            pairs = product[:, :, None] * vector[:, None, :]
            product = pairs.reshape(pairs.shape[0], pairs.shape[1] * pairs.shape[2])
    return product
