"""Deep canonical correlation analysis (Andrew et al., 2013), per batch and with a running covariance.

Two views a [p, d] and b [p, d'] of the same samples; the canonical correlations are the singular values of
T = (Sa + ra I)^-1/2 Sab (Sb + rb I)^-1/2 (eqs. 5.5-5.8 of the thesis, read for samples in rows). Three choices:

- Whitening is by Cholesky: any factor L of a regularised covariance gives the same singular values, and unlike
  `eigh` it has no trouble with repeated eigenvalues.
- Gradients come from the envelope theorem. The i-th correlation is the correlation of a @ P_i with b @ Q_i, where the
  directions P_i, Q_i maximise it; to first order their own movement changes nothing. So the decomposition is taken
  once, behind `stop_gradient`, and what is differentiated is p x k projections. This is Andrew et al.'s closed form
  at rank k. It is right at repeated singular values (but where the k-th and the (k+1)-th meet, the sum itself has a
  kink) and never divides by a difference of them. Only first derivatives are right.
- Where samples are few beside dimensions, a view is first rotated onto the span of its own samples (p columns). That
  changes no regularised correlation and no gradient, and is an order of magnitude faster at p = 32, d = 128.

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
    a: jax.Array, b: jax.Array, where: jax.Array, *, k: int, ridge: float = 1e-3, ridge_mode: RidgeMode = "scale"
) -> jax.Array:
    """Minus the sum of the k largest canonical correlations of the valid steps: in [-k, 0].

    Arguments and errors as in `canonical_correlations`. Fewer than two valid steps: 0, with zero gradients.
    """
    return -jnp.sum(canonical_correlations(a, b, where, k=k, ridge=ridge, ridge_mode=ridge_mode))


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
    _check(a, b, k, ridge_mode)
    a, b, valid = views.flatten(a, b, where)
    dims = a.shape[1], b.shape[1]
    (a, mean_a), (b, mean_b) = views.centre(a, valid), views.centre(b, valid)
    noise = _rounding(mean_a), _rounding(mean_b)
    a, b = _onto_samples(a), _onto_samples(b)
    weight = 1 / jnp.maximum(views.count(valid, a.dtype) - 1, 1)
    spread = _Spread(*(weight * _product(x, y) for x, y in ((a, a), (b, b), (a, b))))
    return _correlations(a, b, weight, lax.stop_gradient(spread), dims, noise, k, ridge, ridge_mode)


class EmaState(NamedTuple):
    """Running moments of two views: a pytree of float32 arrays that a scan can carry."""

    weight: jax.Array  # [] samples seen, each discounted by decay for every later batch
    mean_a: jax.Array  # [d]
    mean_b: jax.Array  # [d']
    cov_aa: jax.Array  # [d, d], like the next two divided by `weight` and free of start-up bias
    cov_bb: jax.Array  # [d', d']
    cov_ab: jax.Array  # [d, d']


def dcca_ema_init(d_a: int, d_b: int) -> EmaState:
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
    _check(a, b, k, ridge_mode)
    if state.cov_ab.shape != (a.shape[-1], b.shape[-1]):
        raise ValueError(f"the state {state.cov_ab.shape} must fit the widths {a.shape[-1]} and {b.shape[-1]}")
    a, b, valid = views.flatten(a, b, where)
    dims = a.shape[1], b.shape[1]
    n = views.count(valid, a.dtype)
    state = lax.stop_gradient(_pool(a, b, valid, state, decay))
    a, b = views.subtract(a, state.mean_a, valid), views.subtract(b, state.mean_b, valid)
    bessel = state.weight / jnp.maximum(state.weight - 1, 1)
    spread = _Spread(*(bessel * c for c in (state.cov_aa, state.cov_bb, state.cov_ab)))
    noise = _rounding(state.mean_a), _rounding(state.mean_b)
    weight = bessel / jnp.maximum(n, 1)
    return -jnp.sum(_correlations(a, b, weight, spread, dims, noise, k, ridge, ridge_mode)), state


class _Spread(NamedTuple):
    aa: jax.Array
    bb: jax.Array
    ab: jax.Array


class _Whitener(NamedTuple):
    factor: jax.Array  # lower Cholesky factor of the regularised covariance
    rate: jax.Array  # the part of the ridge that follows the trace, which the gradient must follow too
    alive: jax.Array  # bool: the view has any variance


def _correlations(a, b, weight, spread, dims, noise, k, ridge, ridge_mode) -> jax.Array:
    """[k] correlations at the constant covariances `spread`; gradients as if spread were weight * (a^T a, ...)."""
    white_a = _whitener(spread.aa, dims[0], ridge, ridge_mode, noise[0])
    white_b = _whitener(spread.bb, dims[1], ridge, ridge_mode, noise[1])
    cross = jnp.where(white_a.alive & white_b.alive, spread.ab, 0)
    t = lax.linalg.triangular_solve(white_a.factor, cross, left_side=True, lower=True)
    t = lax.linalg.triangular_solve(white_b.factor, t, left_side=False, lower=True, transpose_a=True)
    u, s, v = _leading(t, k)
    p = lax.stop_gradient(_unwhiten(white_a.factor, u))
    q = lax.stop_gradient(_unwhiten(white_b.factor, v))
    s = lax.stop_gradient(s)
    x, y = _matmul(a, p), _matmul(b, q)

    def variance(z, whole, rate, directions):
        size = jnp.sum(jnp.square(directions), axis=0)
        return jnp.sum(jnp.square(z), axis=0) + rate * jnp.sum(jnp.square(whole)) * size

    varied = variance(x, a, white_a.rate, p) + variance(y, b, white_b.rate, q)
    change = weight * (jnp.sum(x * y, axis=0) - s / 2 * varied)
    values = s + change - lax.stop_gradient(change)  # the projections have unit variance, so s is the value already
    return jnp.pad(values, (0, k - values.shape[0]))


def _whitener(covariance, dim, ridge, ridge_mode, noise) -> _Whitener:
    trace = jnp.trace(covariance)
    least = 8 * jnp.finfo(covariance.dtype).eps
    wanted = ridge * trace / dim if ridge_mode == "scale" else jnp.asarray(ridge, covariance.dtype)
    floored = wanted < least * trace
    added = jnp.where(floored, least * trace, wanted)
    rate = jnp.where(floored, least, ridge / dim if ridge_mode == "scale" else 0)
    dead = trace <= noise  # not `alive = trace > noise`: a NaN must come out as a NaN, not as a dead view
    eye = jnp.eye(covariance.shape[0], dtype=covariance.dtype)
    regularised = jnp.where(dead, eye, covariance + added * eye)
    return _Whitener(lax.linalg.cholesky(regularised, symmetrize_input=False), rate, ~dead)


def _leading(t, k):
    """The leading singular triplets u [m, k], s [k] (descending), v [m', k] of t [m, m']; k at most min(m, m')."""
    if t.shape[0] > t.shape[1]:
        v, s, u = _leading(t.T, k)
        return u, s, v
    # eigh of the smaller product: as fast as an SVD or faster, on accelerators by far. Its eigenvalues carry an
    # absolute error of eps, so s is taken from t itself, and what eps cannot tell from 0 has no direction.
    _, vectors = lax.linalg.eigh(_matmul(t, t.T))[::-1]
    u = vectors[:, ::-1][:, :k]
    v = _matmul(t.T, u)
    s = jnp.sqrt(jnp.sum(jnp.square(v), axis=0))
    clear = ~(s <= 2 * jnp.finfo(t.dtype).eps ** 0.5)
    inverse = jnp.where(clear, 1 / jnp.where(clear, s, 1), 0)
    return jnp.where(clear[None, :], u, 0), s, v * inverse[None, :]


def _pool(a, b, valid, state, decay) -> EmaState:
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


def _onto_samples(x: jax.Array) -> jax.Array:
    """x [p, d] in an orthonormal basis of its samples, [p, p], where that is worth a QR (measured: p up to d / 2).

    The basis is a constant: the gradient of a regularised correlation lies in the span of the samples already.
    """
    if 2 * x.shape[0] > x.shape[1]:
        return x
    return _matmul(x, lax.stop_gradient(jnp.linalg.qr(lax.stop_gradient(x).T)[0]))


def _rounding(mean: jax.Array) -> jax.Array:
    """The trace that a constant view of this mean may show through rounding alone."""
    return lax.stop_gradient(jnp.sum(jnp.square(8 * jnp.finfo(mean.dtype).eps * mean)))


def _unwhiten(factor, directions):
    return lax.linalg.triangular_solve(factor, directions, left_side=True, lower=True, transpose_a=True)


def _product(x: jax.Array, y: jax.Array) -> jax.Array:
    return _matmul(x.T, y)


def _matmul(x: jax.Array, y: jax.Array) -> jax.Array:
    # An accelerator's default for float32 is TF32 or bfloat16: too coarse to whiten with.
    return jnp.matmul(x, y, precision=lax.Precision.HIGHEST)


def _check(a, b, k, ridge_mode) -> None:
    widest = min(a.shape[-1], b.shape[-1])
    if not 1 <= k <= widest:
        raise ValueError(f"k must lie in 1..{widest} for views of {a.shape[-1]} and {b.shape[-1]} units, not {k}")
    if ridge_mode not in ("scale", "absolute"):
        raise ValueError(f"ridge_mode must be 'scale' or 'absolute', not {ridge_mode!r}")
