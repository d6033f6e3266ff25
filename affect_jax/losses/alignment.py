"""Deep canonical correlation analysis (Andrew et al., 2013), per batch and with a running covariance.

Two views a [p, d] and b [p, d'] of the same samples; the canonical correlations are the singular values of
T = (Sa + ra I)^-1/2 Sab (Sb + rb I)^-1/2 (eqs. 5.5-5.8 of the thesis, for samples in rows). Three choices:

- Whitening is by Cholesky: any factor L of a regularised covariance gives the same singular values, and unlike
  `eigh` it has no trouble with repeated eigenvalues.
- Gradients come from the envelope theorem. The i-th correlation is the correlation of a @ P_i with b @ Q_i, where the
  directions P_i, Q_i maximise it; to first order their own movement changes nothing. So the decomposition is taken
  once, behind `stop_gradient`, and what is differentiated is p x k projections. This is Andrew et al.'s closed form
  at rank k. It is right at repeated singular values (except where the k-th and the (k+1)-th meet, where the sum itself
  has a kink) and never divides by a difference of them. Only first derivatives are right.
- Where there are fewer samples than dimensions, a view is first rotated onto the span of its own samples (p columns).
  That changes no regularised correlation and no gradient, and is an order of magnitude faster at p = 32, d = 128.

MultiBench's public code (objective_functions/cca.py) has another loss for "all singular values": the trace of the root
of T^T T taken entry by entry. That is the sum of the lengths of T's columns and not that of its singular values, and it
has no gradient: the root of each negative entry off the diagonal is NaN, and 0 times its slope too. `k` may be the
width of the codes here, which is the sum of all.

With fewer samples than about twice the dimensions the correlations of even unrelated views are near 1 and carry
almost no gradient; `dcca_ema` is meant for that case.
"""

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from affect_jax.losses import views

RidgeMode = Literal["scale", "absolute"]


def dcca(
    a: jax.Array,
    b: jax.Array,
    where: jax.Array,
    *,
    k: int,
    ridge: float = 1e-3,
    ridge_mode: RidgeMode = "scale",
    root_ridge: float = 0.0,
) -> jax.Array:
    """Minus the sum of the k largest canonical correlations of the valid steps: in [-k, 0].

    Arguments and errors as in `canonical_correlations`. Fewer than two valid steps: 0, with zero gradients.
    root_ridge: what some public code (MultiBench's, 1e-3) adds to T^T T in front of its root, so that a correlation s
    counts as sqrt(s^2 + root_ridge), perfect ones for a bit more than 1 and none for more than 0. Not traced.
    """
    correlations = canonical_correlations(a, b, where, k=k, ridge=ridge, ridge_mode=ridge_mode)
    return -jnp.sum(jnp.sqrt(jnp.square(correlations) + root_ridge) if root_ridge else correlations)


def canonical_correlations(
    a: jax.Array, b: jax.Array, where: jax.Array, *, k: int, ridge: float = 1e-3, ridge_mode: RidgeMode = "scale"
) -> jax.Array:
    """The k largest regularised canonical correlations, descending, [k].

    a: [..., d], b: [..., d'], where: bool [...]; every valid step is a sample. ridge: added to the diagonal of each
    covariance, as `ridge` times its mean diagonal entry ("scale", so that the result does not depend on the units of
    a view) or as it is ("absolute", the thesis); never less than 8 machine epsilons of the trace, below which the
    Cholesky factor of a rank-deficient batch breaks down. It may be traced. A view without any variance has
    correlations 0, with zero gradients. Raises ValueError for shapes that do not fit, k outside 1..min(d, d'), or an
    unknown ridge_mode.
    """
    _check_arguments(a, b, k, ridge_mode)
    a, b, valid = views.flatten(a, b, where)
    dims = a.shape[1], b.shape[1]
    (a, mean_a), (b, mean_b) = views.centre(a, valid), views.centre(b, valid)
    noise = _bound_rounding(mean_a), _bound_rounding(mean_b)
    a, b = _project_onto_samples(a), _project_onto_samples(b)
    weight = 1 / jnp.maximum(views.count(valid, a.dtype) - 1, 1)
    covariances = _Covariances(*(weight * _product(x, y) for x, y in ((a, a), (b, b), (a, b))))
    pair = _View(a, dims[0], noise[0]), _View(b, dims[1], noise[1])
    return _correlate(pair, weight, lax.stop_gradient(covariances), k, _Ridge(ridge, ridge_mode))


class EmaState(NamedTuple):
    """Running moments of two views: a pytree of float32 arrays that a scan can carry."""

    weight: jax.Array  # [] samples seen, each discounted by decay for every later batch
    mean_a: jax.Array  # [d]
    mean_b: jax.Array  # [d']
    cov_aa: jax.Array  # [d, d], like the next two divided by `weight` and free of start-up bias
    cov_bb: jax.Array  # [d', d']
    cov_ab: jax.Array  # [d, d']


def init_dcca_ema(d_a: int, d_b: int) -> EmaState:
    """The state before any batch, for views of d_a and d_b units."""
    shapes = (), (d_a,), (d_b,), (d_a, d_a), (d_b, d_b), (d_a, d_b)
    return EmaState(*(jnp.zeros(shape, jnp.float32) for shape in shapes))


def dcca_ema(
    a: jax.Array,
    b: jax.Array,
    where: jax.Array,
    state: EmaState,
    *,
    k: int,
    ridge: float = 1e-3,
    ridge_mode: RidgeMode = "scale",
    decay: float = 0.99,
) -> tuple[jax.Array, EmaState]:
    """`dcca` on exponentially weighted moments of all batches so far (Wang et al., 2015) -> (loss, next state).

    The moments pool every sample seen, weighted by decay^(batches since), means included, so that they need no
    debiasing: the first batch gives `dcca` itself. Earlier batches are constants. The gradient is that of the
    correlations at the pooled covariance with this batch standing for the whole population, x_i - running mean over n:
    an unbiased estimate of the population's gradient. (The literal derivative would be smaller by the batch's share
    of the weight, about 1 - decay, and fall over the first epochs.) A batch without valid steps leaves means and
    covariances as they were and has zero gradients. Raises ValueError as `dcca`, and for a state of other widths.
    """
    _check_arguments(a, b, k, ridge_mode)
    if state.cov_ab.shape != (a.shape[-1], b.shape[-1]):
        raise ValueError(f"the state {state.cov_ab.shape} must fit the widths {a.shape[-1]} and {b.shape[-1]}")
    a, b, valid = views.flatten(a, b, where)
    dims = a.shape[1], b.shape[1]
    n = views.count(valid, a.dtype)
    state = lax.stop_gradient(_pool_moments(a, b, valid, state, decay))
    a, b = views.subtract(a, state.mean_a, valid), views.subtract(b, state.mean_b, valid)
    bessel = state.weight / jnp.maximum(state.weight - 1, 1)
    covariances = _Covariances(*(bessel * c for c in (state.cov_aa, state.cov_bb, state.cov_ab)))
    noise = _bound_rounding(state.mean_a), _bound_rounding(state.mean_b)
    weight = bessel / jnp.maximum(n, 1)
    pair = _View(a, dims[0], noise[0]), _View(b, dims[1], noise[1])
    return -jnp.sum(_correlate(pair, weight, covariances, k, _Ridge(ridge, ridge_mode))), state


class _View(NamedTuple):
    samples: jax.Array  # [p, d], centred; d may be less than `dim`, see `_project_onto_samples`
    dim: int  # width of the view as it was given
    noise: jax.Array  # the trace of a covariance that is rounding alone


class _Ridge(NamedTuple):
    size: float | jax.Array
    mode: RidgeMode


class _Covariances(NamedTuple):
    aa: jax.Array
    bb: jax.Array
    ab: jax.Array


class _Whitener(NamedTuple):
    factor: jax.Array  # lower Cholesky factor of the regularised covariance
    rate: jax.Array  # share of the ridge that is proportional to the trace, which the gradient must follow too
    alive: jax.Array  # bool: the view has any variance


def _correlate(
    pair: tuple[_View, _View], weight: jax.Array, covariances: _Covariances, k: int, ridge: _Ridge
) -> jax.Array:
    """[k] correlations at constant covariances; gradients as if those were weight * (a^T a, b^T b, a^T b)."""
    a, b = pair
    white_a, white_b = _make_whitener(covariances.aa, a, ridge), _make_whitener(covariances.bb, b, ridge)
    cross = jnp.where(white_a.alive & white_b.alive, covariances.ab, 0)
    t = lax.linalg.triangular_solve(white_a.factor, cross, left_side=True, lower=True)
    t = lax.linalg.triangular_solve(white_b.factor, t, left_side=False, lower=True, transpose_a=True)
    u, s, v = _find_leading_triplets(t, k)
    p = lax.stop_gradient(_undo_whitening(white_a.factor, u))
    q = lax.stop_gradient(_undo_whitening(white_b.factor, v))
    s = lax.stop_gradient(s)
    x, y = _matmul(a.samples, p), _matmul(b.samples, q)

    def compute_variance(z, whole, rate, directions):
        size = jnp.sum(jnp.square(directions), axis=0)
        return jnp.sum(jnp.square(z), axis=0) + rate * jnp.sum(jnp.square(whole)) * size

    variance = compute_variance(x, a.samples, white_a.rate, p) + compute_variance(y, b.samples, white_b.rate, q)
    # The envelope theorem: with p and q constant, the derivative of a projection's correlation is that of its
    # covariance less s / 2 times that of both variances. They are 1 by construction, so s is the value already.
    change = weight * (jnp.sum(x * y, axis=0) - s / 2 * variance)
    values = s + change - lax.stop_gradient(change)
    return jnp.pad(values, (0, k - values.shape[0]))


def _make_whitener(covariance: jax.Array, view: _View, ridge: _Ridge) -> _Whitener:
    trace = jnp.trace(covariance)
    least = 8 * jnp.finfo(covariance.dtype).eps
    follows_trace = ridge.mode == "scale"
    asked = ridge.size * trace / view.dim if follows_trace else jnp.asarray(ridge.size, covariance.dtype)
    is_too_small = asked < least * trace
    added = jnp.where(is_too_small, least * trace, asked)
    rate = jnp.where(is_too_small, least, ridge.size / view.dim if follows_trace else 0)
    dead = trace <= view.noise  # not `alive = trace > noise`: a NaN must come out as a NaN, not as a dead view
    eye = jnp.eye(covariance.shape[0], dtype=covariance.dtype)
    regularised = jnp.where(dead, eye, covariance + added * eye)
    return _Whitener(lax.linalg.cholesky(regularised, symmetrize_input=False), rate, ~dead)


def _find_leading_triplets(t: jax.Array, k: int) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The leading singular triplets u [m, k], s [k] (descending), v [m', k] of t [m, m']; k at most min(m, m')."""
    if t.shape[0] > t.shape[1]:
        v, s, u = _find_leading_triplets(t.T, k)
        return u, s, v
    # eigh of the smaller product: as fast as an SVD or faster, on accelerators by far. Its eigenvalues carry an
    # absolute error of eps, so s is taken from t itself, and what eps cannot tell from 0 has no direction.
    _, vectors = lax.linalg.eigh(_matmul(t, t.T))[::-1]
    u = vectors[:, ::-1][:, :k]
    v = _matmul(t.T, u)
    s = jnp.sqrt(jnp.sum(jnp.square(v), axis=0))
    has_direction = ~(s <= 2 * jnp.finfo(t.dtype).eps ** 0.5)  # a NaN has one, so that it is seen
    inverse = jnp.where(has_direction, 1 / jnp.where(has_direction, s, 1), 0)
    return jnp.where(has_direction[None, :], u, 0), s, v * inverse[None, :]


def _pool_moments(a: jax.Array, b: jax.Array, valid: jax.Array, state: EmaState, decay: float) -> EmaState:
    """Chan et al.'s pairwise update, the past discounted by `decay`."""
    (a, mean_a), (b, mean_b) = views.centre(a, valid), views.centre(b, valid)
    n = views.count(valid, a.dtype)
    weight = decay * state.weight + n
    share = n / jnp.maximum(weight, 1)
    step_a, step_b = mean_a - state.mean_a, mean_b - state.mean_b

    def mix(old, x, y, step_x, step_y):
        within = _product(x, y) / jnp.maximum(n, 1)
        between = (1 - share) * step_x[:, None] * step_y[None, :]
        return (1 - share) * old + share * (within + between)

    return EmaState(
        weight=weight,
        mean_a=state.mean_a + share * step_a,
        mean_b=state.mean_b + share * step_b,
        cov_aa=mix(state.cov_aa, a, a, step_a, step_a),
        cov_bb=mix(state.cov_bb, b, b, step_b, step_b),
        cov_ab=mix(state.cov_ab, a, b, step_a, step_b),
    )


def _project_onto_samples(x: jax.Array) -> jax.Array:
    """x [p, d] in an orthonormal basis of its samples, [p, p], where that is worth a QR (measured: p up to d / 2).

    The basis is a constant: the gradient of a regularised correlation lies in the span of the samples already.
    """
    if 2 * x.shape[0] > x.shape[1]:
        return x
    return _matmul(x, lax.stop_gradient(jnp.linalg.qr(lax.stop_gradient(x).T)[0]))


def _bound_rounding(mean: jax.Array) -> jax.Array:
    """The trace that a constant view of this mean may show through rounding alone."""
    return lax.stop_gradient(jnp.sum(jnp.square(8 * jnp.finfo(mean.dtype).eps * mean)))


def _undo_whitening(factor: jax.Array, directions: jax.Array) -> jax.Array:
    return lax.linalg.triangular_solve(factor, directions, left_side=True, lower=True, transpose_a=True)


def _product(x: jax.Array, y: jax.Array) -> jax.Array:
    return _matmul(x.T, y)


def _matmul(x: jax.Array, y: jax.Array) -> jax.Array:
    # An accelerator's default for float32 is TF32 or bfloat16: too coarse to whiten with.
    return jnp.matmul(x, y, precision=lax.Precision.HIGHEST)


def _check_arguments(a: jax.Array, b: jax.Array, k: int, ridge_mode: str) -> None:
    widest = min(a.shape[-1], b.shape[-1])
    if not 1 <= k <= widest:
        raise ValueError(f"k must lie in 1..{widest} for views of {a.shape[-1]} and {b.shape[-1]} units, not {k}")
    if ridge_mode not in ("scale", "absolute"):
        raise ValueError(f"ridge_mode must be 'scale' or 'absolute', not {ridge_mode!r}")
