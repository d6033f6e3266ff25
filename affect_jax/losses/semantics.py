"""Semantic alignment of feature maps, by which a better modality teaches a worse one (MTUT, Abavisani et al. 2019)."""

import jax
import jax.numpy as jnp
from jax import lax

from affect_jax.losses.reduction import masked_mean

_LEAST = 1e-8  # of the length of a channel


def ssa(
    a: jax.Array, b: jax.Array, where: jax.Array, error_a: jax.Array, error_b: jax.Array, *, beta: float = 2.0
) -> jax.Array:
    """Mean over examples of rho times the root mean square difference of two maps' correlations of positions.

    rho = exp(beta * max(own error - the other's, 0)) - 1 for each of the two in turn, so of an example the map whose
    modality does worse moves towards the other, which does not move; neither does rho.

    Args:
      a: [B, P, C], the channels of a map at its positions.
      b: [B, P, C'].
      where: bool [B].
      error_a: loss of each example by a's modality alone, [B].
      error_b: by b's.
      beta: how fast rho grows.

    Raises:
      ValueError: the maps have other positions.
    """
    if a.shape[:2] != b.shape[:2]:
        raise ValueError(f"maps of shapes {a.shape} and {b.shape} need the same positions")
    of_a, of_b = correlate_positions(a), correlate_positions(b)
    total = 0.0
    for own, other, gap in ((of_a, of_b, error_a - error_b), (of_b, of_a, error_b - error_a)):
        rho = lax.stop_gradient(jnp.expm1(beta * jnp.maximum(gap, 0)))
        square = jnp.square(own - lax.stop_gradient(other)).mean(axis=(1, 2))
        differs = square > 0  # the root of 0 has no slope
        total += rho * jnp.where(differs, jnp.sqrt(jnp.where(differs, square, 1.0)), 0.0)
    return masked_mean(total, where)


def correlate_positions(map_BxPxC: jax.Array) -> jax.Array:
    """[B, P, P], products of positions; every channel has unit length along its positions."""
    square = jnp.square(map_BxPxC).sum(axis=1, keepdims=True)
    is_long = square > _LEAST**2
    length = jnp.where(is_long, jnp.sqrt(jnp.where(is_long, square, 1.0)), _LEAST)
    unit = map_BxPxC / length
    return jnp.einsum("bpc,bqc->bpq", unit, unit)
