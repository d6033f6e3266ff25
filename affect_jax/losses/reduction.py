"""From per-step values to one scalar."""

import jax
import jax.numpy as jnp


def masked_mean(values: jax.Array, where: jax.Array) -> jax.Array:
    """Mean of `values` over the valid steps; 0, with zero gradients, where no step is valid.

    values: [...] like `where`, or [..., D] with one trailing feature axis, averaged first. where: bool [...].
    What an invalid step holds is selected away, so neither it nor its gradient reaches the result.
    Raises ValueError where the shapes do not fit.
    """
    if values.shape[: where.ndim] != where.shape or values.ndim > where.ndim + 1:
        raise ValueError(f"values {values.shape} fit neither the mask {where.shape} nor the mask and a feature axis")
    if values.ndim > where.ndim:
        values = jnp.mean(values, axis=-1)
    count = jnp.sum(where, dtype=values.dtype)
    return jnp.sum(jnp.where(where, values, 0)) / jnp.maximum(count, 1)
