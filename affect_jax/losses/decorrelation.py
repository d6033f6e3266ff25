"""Alignments without a matrix factorisation: the views should agree unit by unit, and units not repeat each other.

All take a [..., d], b [..., d] and where bool [...], treat every valid step as a sample, and return a scalar to
minimise. Fewer than two valid steps: 0, with zero gradients. Unequal widths or shapes that do not fit: ValueError.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from affect_jax.losses import views


def barlow(a: jax.Array, b: jax.Array, where: jax.Array, *, redundancy: float = 5e-3) -> jax.Array:
    """Barlow twins (Zbontar et al., 2021, eq. 1): sum_i (1 - C_ii)^2 + redundancy * sum_{i != j} C_ij^2.

    C [d, d] is the cross-correlation of the two views over the valid steps.
    """
    a, b, valid = _flatten_pair(a, b, where)
    n = views.count(valid, a.dtype)
    c = _product(_standardise(a, valid), _standardise(b, valid)) / jnp.maximum(n, 1)
    loss = jnp.sum(jnp.square(1 - jnp.diagonal(c))) + redundancy * jnp.sum(jnp.square(_off_diagonal(c)))
    return _ignore_single_sample(loss, n)


def vicreg(
    a: jax.Array,
    b: jax.Array,
    where: jax.Array,
    *,
    invariance: float = 25.0,
    variance: float = 25.0,
    covariance: float = 1.0,
) -> jax.Array:
    """Variance-invariance-covariance regularisation (Bardes et al., 2022, eqs. 1-6).

    invariance * mean squared difference + variance * hinge of every unit's standard deviation below 1
    + covariance * squared off-diagonal covariances over d; the last two summed over the views. The first is averaged
    over units too, as the authors' code does.
    """
    a, b, valid = _flatten_pair(a, b, where)
    n, d = views.count(valid, a.dtype), a.shape[1]
    distance = jnp.sum(jnp.square(a - b)) / (jnp.maximum(n, 1) * d)

    def regularise(x):
        x, _ = views.centre(x, valid)
        c = _product(x, x) / jnp.maximum(n - 1, 1)
        # 1e-4 keeps the square root's gradient finite at a variance of 0; the authors' code has it too.
        hinge = jnp.mean(jax.nn.relu(1 - jnp.sqrt(jnp.diagonal(c) + 1e-4)))
        return variance * hinge + covariance * jnp.sum(jnp.square(_off_diagonal(c))) / d

    return _ignore_single_sample(invariance * distance + regularise(a) + regularise(b), n)


class SoftCcaState(NamedTuple):
    """Running correlations within each view: a pytree of float32 arrays that a scan can carry."""

    weight: jax.Array  # [] samples seen, each discounted by decay for every later batch
    corr_a: jax.Array  # [d, d]
    corr_b: jax.Array  # [d, d]


def init_soft_cca(d_a: int, d_b: int) -> SoftCcaState:
    """The state before any batch."""
    zeros = (jnp.zeros((d, d), jnp.float32) for d in (d_a, d_b))
    return SoftCcaState(jnp.zeros((), jnp.float32), *zeros)


def soft_cca(
    a: jax.Array,
    b: jax.Array,
    where: jax.Array,
    state: SoftCcaState,
    *,
    decorrelation: float = 1.0,
    decay: float = 0.99,
) -> tuple[jax.Array, SoftCcaState]:
    """Soft CCA (Chang et al., 2018) -> (loss, next state).

    The squared distance of the batch-normalised views, averaged over samples, + decorrelation * sum_{i != j} |C_ij|
    of either view, C being the running correlation of batch-normalised units ("stochastic decorrelation loss").
    Earlier batches are constants; this batch's gradient is taken at full size, not shrunk by its share of C, as in
    `alignment.dcca_ema`. decay 0 leaves only the batch. A batch without valid steps leaves C as it was.
    """
    a, b, valid = _flatten_pair(a, b, where)
    n = views.count(valid, a.dtype)
    a, b = _standardise(a, valid), _standardise(b, valid)
    distance = jnp.sum(jnp.square(a - b)) / jnp.maximum(n, 1)
    # One sample has no correlation to add.
    counted = jnp.where(n >= 2, n, 0)
    weight = decay * state.weight + counted
    share = counted / jnp.maximum(weight, 1)

    def update(x, old):
        """(the next running correlations, the same with the gradient of this batch at full size)."""
        batch = _product(x, x) / jnp.maximum(n, 1)
        new = lax.stop_gradient(old + share * (batch - old))
        # `batch` is added and subtracted: the value is the running estimate's, the gradient the batch's own.
        return new, new + batch - lax.stop_gradient(batch)

    corr_a, c_a = update(a, state.corr_a)
    corr_b, c_b = update(b, state.corr_b)
    penalty = jnp.sum(jnp.abs(_off_diagonal(c_a))) + jnp.sum(jnp.abs(_off_diagonal(c_b)))
    loss = _ignore_single_sample(distance + decorrelation * penalty, n)
    return loss, SoftCcaState(lax.stop_gradient(weight), corr_a, corr_b)


def _flatten_pair(a: jax.Array, b: jax.Array, where: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    views.check_width(a, b)
    return views.flatten(a, b, where)


def _standardise(x: jax.Array, valid: jax.Array) -> jax.Array:
    """Batch normalisation without scale and shift, over the valid rows; a unit without variance becomes 0."""
    x, _ = views.centre(x, valid)
    variance = jnp.sum(jnp.square(x), axis=0) / jnp.maximum(views.count(valid, x.dtype), 1)
    return x * lax.rsqrt(variance + 1e-5)[None, :]


def _off_diagonal(c: jax.Array) -> jax.Array:
    return jnp.where(jnp.eye(c.shape[0], dtype=bool), 0, c)


def _ignore_single_sample(loss: jax.Array, n: jax.Array) -> jax.Array:
    return jnp.where(n >= 2, loss, 0)


def _product(x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.matmul(x.T, y, precision=lax.Precision.HIGHEST)
