"""What every alignment shares: two views as matrices of samples, and their masked means."""

import jax
import jax.numpy as jnp


def flatten(a: jax.Array, b: jax.Array, where: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """a [..., d], b [..., d'], where bool [...] -> a [p, d], b [p, d'], valid [p], every step one sample.

    Invalid rows become 0, whatever they held, and get a gradient of exactly zero. Lower precisions become float32.
    Raises ValueError where the shapes do not fit.
    """
    if a.shape[:-1] != where.shape or b.shape[:-1] != where.shape:
        raise ValueError(f"views {a.shape} and {b.shape} must each be the mask's shape {where.shape} and a width")
    valid = where.reshape(-1)
    return _flatten_samples(a, valid), _flatten_samples(b, valid), valid


def check_width(a: jax.Array, b: jax.Array) -> None:
    """Raises ValueError where the views differ in width, for methods that compare unit with unit."""
    if a.shape[-1] != b.shape[-1]:
        raise ValueError(f"this alignment compares unit with unit: widths {a.shape[-1]} and {b.shape[-1]} must agree")


def count(valid: jax.Array, dtype: jnp.dtype) -> jax.Array:
    """The number of valid samples."""
    return jnp.sum(valid, dtype=dtype)


def centre(x: jax.Array, valid: jax.Array) -> tuple[jax.Array, jax.Array]:
    """x [p, d] -> (x less its mean over the valid rows, 0 in the others; that mean [d]). No valid row: zeros."""
    n = jnp.maximum(count(valid, x.dtype), 1)
    mean = jnp.sum(x, axis=0) / n
    # The second pass removes the rounding error of a mean that is large beside the deviations.
    mean = mean + jnp.sum(subtract(x, mean, valid), axis=0) / n
    return subtract(x, mean, valid), mean


def subtract(x: jax.Array, mean: jax.Array, valid: jax.Array) -> jax.Array:
    """x [p, d] - mean [d] in the valid rows, 0 in the others."""
    return jnp.where(valid[:, None], x - mean[None, :], 0)


def _flatten_samples(x: jax.Array, valid: jax.Array) -> jax.Array:
    x = x.reshape(-1, x.shape[-1]).astype(jnp.promote_types(x.dtype, jnp.float32))
    return jnp.where(valid[:, None], x, 0)
