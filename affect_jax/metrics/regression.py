"""Regression metrics over a whole split, from moments that merge exactly.

Chan, Golub and LeVeque's pairwise update (1983): two-pass moments within a part, shifted sums between parts, so that
10^5 float32 entries far from 0 lose nothing that float32 can hold. Never average these metrics over batches: merge.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Moments(NamedTuple):
    """Sums over the valid entries of a part of a split; `merge` joins parts. All are scalars."""

    count: jax.Array
    mean_prediction: jax.Array
    mean_target: jax.Array
    square_prediction: jax.Array  # sum of squared deviations from the mean
    square_target: jax.Array
    product: jax.Array  # sum of products of deviations
    squared_error: jax.Array  # sum of (prediction - target)^2


def moments(prediction: jax.Array, target: jax.Array, where: jax.Array) -> Moments:
    """prediction, target (float) and where (bool) of one shape, any rank; entries outside `where` never matter.

    Raises ValueError where the shapes differ.
    """
    if not prediction.shape == target.shape == where.shape:
        raise ValueError(
            f"prediction {prediction.shape}, target {target.shape} and where {where.shape} must have one shape"
        )
    dtype = jnp.promote_types(prediction.dtype, jnp.float32)
    x, y = (jnp.where(where, v.astype(dtype), 0) for v in (prediction, target))
    count = jnp.sum(where, dtype=dtype)
    mean_x, dx = _centre(x, where, count)
    mean_y, dy = _centre(y, where, count)
    return Moments(
        count=count,
        mean_prediction=mean_x,
        mean_target=mean_y,
        square_prediction=jnp.sum(jnp.square(dx)),
        square_target=jnp.sum(jnp.square(dy)),
        product=jnp.sum(dx * dy),
        squared_error=jnp.sum(jnp.square(x - y)),
    )


def merge(a: Moments, b: Moments) -> Moments:
    """The moments of two disjoint parts together; either may be empty."""
    count = a.count + b.count
    share = b.count / jnp.maximum(count, 1)
    step_x = b.mean_prediction - a.mean_prediction
    step_y = b.mean_target - a.mean_target
    between = a.count * share
    return Moments(
        count=count,
        mean_prediction=a.mean_prediction + step_x * share,
        mean_target=a.mean_target + step_y * share,
        square_prediction=a.square_prediction + b.square_prediction + step_x * step_x * between,
        square_target=a.square_target + b.square_target + step_y * step_y * between,
        product=a.product + b.product + step_x * step_y * between,
        squared_error=a.squared_error + b.squared_error,
    )


def ccc(m: Moments) -> jax.Array:
    """Concordance correlation coefficient (Lin, 1989; eq. 2.8), with population (1/n) moments.

    2 cov / (var_x + var_y + (mean_x - mean_y)^2). A constant side gives 0; so do two equal constants and no entries.
    """
    gap = m.mean_prediction - m.mean_target
    whole = m.square_prediction + m.square_target + m.count * gap * gap
    defined = ~(whole <= _rounding(m.count, m.mean_prediction) + _rounding(m.count, m.mean_target))
    return jnp.where(defined, 2 * m.product / jnp.where(defined, whole, 1), 0)


def pcc(m: Moments) -> jax.Array:
    """Pearson's correlation coefficient (eq. 2.6); 0 where either side has no variance beyond rounding."""
    # "Not at most", so that a NaN stays a NaN.
    defined = ~(m.square_prediction <= _rounding(m.count, m.mean_prediction))
    defined &= ~(m.square_target <= _rounding(m.count, m.mean_target))
    x, y = (jnp.where(defined, v, 1) for v in (m.square_prediction, m.square_target))
    return jnp.where(defined, m.product / (jnp.sqrt(x) * jnp.sqrt(y)), 0)


def rmse(m: Moments) -> jax.Array:
    """Root of the mean squared error. No entries: NaN, since 0 would read as a perfect score."""
    return jnp.sqrt(m.squared_error / m.count)


def _centre(x: jax.Array, where: jax.Array, count: jax.Array) -> tuple[jax.Array, jax.Array]:
    n = jnp.maximum(count, 1)
    mean = jnp.sum(x) / n
    # The second pass takes away what summing 10^5 large values in float32 left of the mean.
    mean = mean + jnp.sum(jnp.where(where, x - mean, 0)) / n
    return mean, jnp.where(where, x - mean, 0)


def _rounding(count: jax.Array, mean: jax.Array) -> jax.Array:
    """The sum of squared deviations that a constant of this size may show through rounding alone."""
    return count * jnp.square(8 * jnp.finfo(mean.dtype).eps * mean)
