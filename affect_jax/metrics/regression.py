"""Regression metrics over a whole split, from moments that merge.

The moments of a batch are formed in two passes and merged by the pairwise update of Chan, Golub and LeVeque (1983), so
that 10^5 float32 entries far from 0 lose nothing that float32 can hold. Never average these metrics over batches: merge
their moments.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Moments(NamedTuple):
    """Statistics of the valid entries of a split or of some of its batches, all scalars; `merge_moments` joins them.

    Attributes:
      count: number of entries.
      mean_prediction: mean of the predictions.
      mean_target: mean of the targets.
      square_prediction: sum of squared deviations of the predictions from their mean.
      square_target: the same of the targets.
      product: sum of products of the two deviations.
      squared_error: sum of (prediction - target)^2.
    """

    count: jax.Array
    mean_prediction: jax.Array
    mean_target: jax.Array
    square_prediction: jax.Array
    square_target: jax.Array
    product: jax.Array
    squared_error: jax.Array


def make_empty_moments() -> Moments:
    """Returns the moments of no entries, float32."""
    return Moments(*(jnp.zeros((), jnp.float32) for _ in Moments._fields))


def compute_moments(prediction: jax.Array, target: jax.Array, where: jax.Array) -> Moments:
    """Returns the moments of the entries in `where`; other entries never matter, whatever they hold.

    Args:
      prediction: float, any shape.
      target: float, the same shape.
      where: bool, the same shape.

    Raises:
      ValueError: the shapes differ.
    """
    if not prediction.shape == target.shape == where.shape:
        raise ValueError(
            f"prediction {prediction.shape}, target {target.shape} and where {where.shape} must have one shape"
        )
    dtype = jnp.promote_types(prediction.dtype, jnp.float32)
    x, y = (jnp.where(where, v.astype(dtype), 0) for v in (prediction, target))
    count = jnp.sum(where, dtype=dtype)
    mean_x, dx = _center(x, where, count)
    mean_y, dy = _center(y, where, count)
    return Moments(
        count=count,
        mean_prediction=mean_x,
        mean_target=mean_y,
        square_prediction=jnp.sum(jnp.square(dx)),
        square_target=jnp.sum(jnp.square(dy)),
        product=jnp.sum(dx * dy),
        squared_error=jnp.sum(jnp.square(x - y)),
    )


def merge_moments(a: Moments, b: Moments) -> Moments:
    """Returns the moments of two disjoint sets of entries together; either may be empty."""
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
    """Returns the concordance correlation coefficient (Lin, 1989; eq. 2.8), with population (1/n) moments.

    2 cov / (var_x + var_y + (mean_x - mean_y)^2). It is 0 where the predictions or the targets are constant, also where
    both are the same constant, and without entries.
    """
    gap = m.mean_prediction - m.mean_target
    whole = m.square_prediction + m.square_target + m.count * gap * gap
    defined = ~(whole <= _bound_rounding(m.count, m.mean_prediction) + _bound_rounding(m.count, m.mean_target))
    return jnp.where(defined, 2 * m.product / jnp.where(defined, whole, 1), 0)


def pcc(m: Moments) -> jax.Array:
    """Returns Pearson's correlation coefficient (eq. 2.6).

    It is 0 where the predictions or the targets have no variance beyond rounding.
    """
    # "Not at most", so that a NaN stays a NaN.
    defined = ~(m.square_prediction <= _bound_rounding(m.count, m.mean_prediction))
    defined &= ~(m.square_target <= _bound_rounding(m.count, m.mean_target))
    x, y = (jnp.where(defined, v, 1) for v in (m.square_prediction, m.square_target))
    return jnp.where(defined, m.product / (jnp.sqrt(x) * jnp.sqrt(y)), 0)


def rmse(m: Moments) -> jax.Array:
    """Returns the root of the mean squared error; NaN without entries, since 0 would read as a perfect score."""
    return jnp.sqrt(m.squared_error / m.count)


def _center(x: jax.Array, where: jax.Array, count: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns the mean of the entries, and their deviations from it, of x's shape and 0 elsewhere."""
    n = jnp.maximum(count, 1)
    mean = jnp.sum(x) / n
    # The second pass removes the error that summing 10^5 large values in float32 leaves in the mean.
    mean = mean + jnp.sum(jnp.where(where, x - mean, 0)) / n
    return mean, jnp.where(where, x - mean, 0)


def _bound_rounding(count: jax.Array, mean: jax.Array) -> jax.Array:
    """Returns the sum of squared deviations that a constant of this size may show through rounding alone."""
    return count * jnp.square(8 * jnp.finfo(mean.dtype).eps * mean)
