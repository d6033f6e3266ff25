import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.sharding import PartitionSpec

from affect_jax.losses import canonical_correlations, dcca, dcca_ema, init_dcca_ema
from tests import conftest
from tests.losses.programs import keep_on_host

CCA = conftest.ROOT / "tests" / "zoo" / "data" / "dcca_small.npz"

# Programs with an eigh take long to compile, so the tests share a few, by the same shapes.


@keep_on_host
@functools.partial(jax.jit, static_argnames=("k", "ridge_mode"))
@functools.partial(jax.value_and_grad, argnums=(0, 1), has_aux=True)
def correlate(a, b, where, ridge=1e-3, k=3, ridge_mode="scale"):
    """((minus the sum, [k] correlations), gradients)"""
    correlations = canonical_correlations(a, b, where, k=k, ridge=ridge, ridge_mode=ridge_mode)
    return -jnp.sum(correlations), correlations


@keep_on_host
@functools.partial(jax.jit, static_argnames=("k", "ridge_mode"))
@functools.partial(jax.value_and_grad, argnums=(0, 1), has_aux=True)
def ema(a, b, where, state, ridge=1e-3, decay=0.99, k=3, ridge_mode="scale"):
    """((loss, next state), gradients)"""
    return dcca_ema(a, b, where, state, k=k, ridge=ridge, ridge_mode=ridge_mode, decay=decay)


def _views(p=24, d_a=12, d_b=12, seed=0, offset=0.0, shared=3):
    """Two float64 views with a shared part."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(p, shared))
    a = common @ rng.normal(size=(shared, d_a)) + rng.normal(size=(p, d_a)) + offset
    return a, common @ rng.normal(size=(shared, d_b)) + rng.normal(size=(p, d_b))


def _oracle(a, b, k, ridge=1e-3, ridge_mode="scale"):
    """Eqs. 5.6-5.8 as written, by inverse square roots, in float64."""
    centred = [x - x.mean(0) for x in (a, b)]
    roots = []
    for x in centred:
        covariance = x.T @ x / (len(x) - 1)
        r = ridge * np.trace(covariance) / x.shape[1] if ridge_mode == "scale" else ridge
        values, vectors = np.linalg.eigh(covariance + r * np.eye(x.shape[1]))
        roots.append(vectors / np.sqrt(values) @ vectors.T)
    t = roots[0] @ centred[0].T @ centred[1] @ roots[1] / (len(a) - 1)
    return np.linalg.svd(t, compute_uv=False)[:k]


def _f32(*arrays):
    return tuple(np.asarray(x, np.float32) for x in arrays)


def _all(x):
    return np.ones(x.shape[:-1], bool)


@pytest.mark.parametrize(
    ("size", "ridge_mode"),
    [
        ((40, 5, 4), "scale"),
        ((40, 5, 4), "absolute"),
        ((6, 16, 12), "scale"),  # both views rotated onto their samples
        ((6, 8, 14), "scale"),  # only the second
    ],
)
def test_values_and_gradients_of_the_valid_samples(size, ridge_mode, check_slopes):
    a, b = _views(*size, offset=2.0)
    where = np.arange(size[0]) % 5 != 1

    def f(x, y, padding=0.0):
        bad = (np.where(where[:, None], v, padding) for v in (x, y))
        (value, correlations), gradients = correlate(*bad, where, 0.05, ridge_mode=ridge_mode)
        np.testing.assert_allclose(correlations, _oracle(x[where], y[where], 3, 0.05, ridge_mode), rtol=1e-9)
        assert not any(np.any(g[~where]) for g in gradients)
        return value, gradients

    check_slopes(f, a, b)
    with jax.enable_x64(True):
        clean = f(a, b)
        for garbage in (1e30, np.nan):
            jax.tree.map(np.testing.assert_array_equal, f(a, b, garbage), clean)


def _plain(k, ridge):
    def f(a, b):
        (value, _), gradients = correlate(a, b, _all(a), ridge, k=k)
        return value, gradients

    return f


def test_gradients_of_a_rank_deficient_batch(check_slopes):
    a, b = _views(40, 5, 4)
    a[:, 3:] = a[:, :2] @ np.array([[1.0, 2], [1, 1]])  # the covariance has a repeated eigenvalue, the ridge
    b[:, 3] = 0.5  # a dead unit
    check_slopes(_plain(3, 0.1), a, b)


@pytest.mark.parametrize("k", [2, 4])
def test_gradients_at_repeated_singular_values(k, check_slopes):
    # Correlations exactly .8, .8, .3, .3; k = 2 and 4 cut between the pairs, not through one.
    basis = np.linalg.qr(np.hstack([np.ones((24, 1)), np.random.default_rng(0).normal(size=(24, 8))]))[0][:, 1:]
    rho = np.array([0.8, 0.8, 0.3, 0.3])
    a, b = basis[:, :4], basis[:, :4] * rho + basis[:, 4:] * np.sqrt(1 - rho**2)
    np.testing.assert_allclose(_oracle(a, b, k, 0.0), rho[:k])
    check_slopes(_plain(k, 0.0), a, b)


def test_float32_follows_float64():
    a, b = _views(48, shared=8)
    (value, _), got = correlate(*_f32(a, b), _all(a))
    with jax.enable_x64(True):
        (precise, _), expected = correlate(a, b, _all(a))
    np.testing.assert_allclose(value, precise, rtol=1e-6)
    for g, e in zip(got, expected, strict=True):
        assert np.linalg.norm(g - e) < 1e-4 * np.linalg.norm(e)


def test_without_a_ridge_they_are_the_classical_correlations():
    a, b = _views()
    bases = [np.linalg.qr(x - x.mean(0))[0] for x in (a, b)]
    cosines = np.linalg.svd(bases[0].T @ bases[1], compute_uv=False)
    (_, correlations), _ = correlate(*_f32(a, b), _all(a), 0.0)
    np.testing.assert_allclose(correlations, cosines[:3], rtol=1e-3)


def test_a_view_agrees_with_itself_in_any_basis():
    a, _ = _views()
    turned = a @ np.random.default_rng(1).normal(size=(12, 12)) + 3
    (value, _), _ = correlate(*_f32(a, turned), _all(a), 1e-6)
    np.testing.assert_allclose(value, -3, atol=1e-3)


def test_sequences_are_flattened_and_low_precision_is_raised():
    a, b = _f32(*_views())
    (expected, _), _ = correlate(a, b, _all(a))
    halves = a.astype(jnp.bfloat16).reshape(3, 8, 12), b.reshape(3, 8, 12)
    value, gradient = jax.jit(jax.value_and_grad(functools.partial(dcca, k=3)))(*halves, np.ones((3, 8), bool))
    assert value.dtype == jnp.float32
    assert gradient.dtype == jnp.bfloat16
    assert gradient.shape == (3, 8, 12)
    np.testing.assert_allclose(value, expected, rtol=1e-2)


def test_the_ridge_follows_the_scale_of_a_view():
    a, b = _f32(*_views())
    (expected, _), _ = correlate(a, b, _all(a), 0.1)
    for factor in (1e-6, 1e6):
        (value, _), _ = correlate(a * np.float32(factor), b, _all(a), 0.1)
        np.testing.assert_allclose(value, expected, rtol=1e-5)
    absolute = [correlate(x, b, _all(a), 0.1, ridge_mode="absolute")[0][0] for x in (a, a / 100)]
    assert absolute[1] - absolute[0] > 0.5


@pytest.mark.parametrize("valid", [0, 1])
def test_fewer_than_two_samples_are_no_loss(valid):
    a, b = _f32(*_views(offset=1e3))
    for (value, _), gradients in (
        correlate(a, b, np.arange(24) < valid),
        ema(a, b, np.arange(24) < valid, init_dcca_ema(12, 12)),
    ):
        assert value == 0
        assert not np.any(gradients[0])
        assert not np.any(gradients[1])


@pytest.mark.parametrize("ridge", [0.0, 1e-3])
@pytest.mark.parametrize("ridge_mode", ["scale", "absolute"])
def test_degenerate_views_stay_finite(ridge, ridge_mode):
    a, b = _views()
    constant = np.full((24, 12), 0.1)
    half_dead = np.where(np.arange(12) < 6, a, 0.7)
    one_direction = np.outer(a[:, 0], np.arange(1.0, 13.0)) * 1e3
    for x, y in [(constant, b), (b, constant), (constant, constant), (half_dead, b), (one_direction, b)]:
        (value, _), gradients = correlate(*_f32(x, y), _all(a), ridge, ridge_mode=ridge_mode)
        assert -3.001 <= value <= 0
        assert all(np.all(np.isfinite(g)) for g in gradients)
        if x is constant or y is constant:
            assert value == 0
            assert not np.any(gradients[0])
            assert not np.any(gradients[1])


def test_fewer_samples_than_k():
    (_, correlations), gradients = correlate(*_f32(*_views(3, 8, 8)), np.ones(3, bool), k=5)
    assert correlations.shape == (5,)
    assert all(np.all(np.isfinite(g)) for g in gradients)
    np.testing.assert_allclose(correlations[2:], 0, atol=2e-2)


def test_a_nan_is_not_hidden():
    a, b = _f32(*_views())
    assert np.isnan(correlate(np.where(a == a.max(), np.nan, a), b, _all(a))[0][0])


def test_vmap_is_the_loop():
    pairs = [_f32(*_views(10, 4, 3, seed)) for seed in range(3)]
    a, b = (np.stack(x) for x in zip(*pairs, strict=True))
    where = np.arange(10)[None, :] < np.array([10, 7, 1])[:, None]
    f = jax.value_and_grad(functools.partial(dcca, k=2), argnums=(0, 1))
    both = jax.jit(lambda *xs: (jax.vmap(f)(*xs), lax.map(lambda x: f(*x), xs)))
    together, mapped = both(a, b, where)
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, atol=1e-5), together, mapped)


def test_inside_the_study_program():
    """As training runs it: shard_map over rows, a scan over steps, rows mapped, value_and_grad, a traced ridge."""
    a, b = _f32(*_views(20, 4, 4))
    mesh = jax.make_mesh((1,), ("replica",), axis_types=(jax.sharding.AxisType.Auto,))
    rows = PartitionSpec("replica")

    def row(x):
        mixture, ridge, state = x

        def loss(mixture):
            mixed = jnp.tanh(mixture * a + (1 - mixture) * b)
            running, new = dcca_ema(mixed, a, _all(a), state, k=2, ridge=ridge)
            return dcca(mixed, a, _all(a), k=2, ridge=ridge) + running, new

        (value, state), gradient = jax.value_and_grad(loss, has_aux=True)(mixture)
        return (mixture - 0.1 * gradient, ridge, state), value

    @jax.jit
    @functools.partial(jax.shard_map, mesh=mesh, in_specs=rows, out_specs=rows)
    def epoch(carry):
        return lax.scan(lambda x, _: lax.map(row, x), carry, length=4)[1].T

    states = jax.tree.map(lambda x: np.stack([x, x]), init_dcca_ema(4, 4))
    values = epoch((np.float32([0.1, 0.5]), np.float32([0.01, 0.1]), states))
    assert values.shape == (2, 4)
    assert np.all(np.diff(values, axis=1) < 0)


def test_ema_starts_as_dcca():
    a, b = _f32(*_views(offset=3.0))
    where = np.arange(24) % 5 > 0
    (expected, _), slopes = correlate(a, b, where, 0.1, ridge_mode="absolute")
    (value, _), gradients = ema(a, b, where, init_dcca_ema(12, 12), 0.1, ridge_mode="absolute")
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    for g, e in zip(gradients, slopes, strict=True):
        np.testing.assert_allclose(g, e, atol=1e-5)


def test_ema_pools_what_it_saw():
    """Without decay the state is the pooled data, and the gradient its own, as if the batch were all of it."""
    a, b = _f32(*_views(48, 12, 12, offset=5.0))
    (_, state), _ = ema(a[:24], b[:24], np.ones(24, bool), init_dcca_ema(12, 12), 0.1, 1.0)
    (value, state), gradients = ema(a[24:], b[24:], np.ones(24, bool), state, 0.1, 1.0)
    (whole, _), expected = correlate(a, b, _all(a), 0.1)  # the shapes of the float32 test above
    np.testing.assert_allclose(value, whole, rtol=1e-5)
    for g, e in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(g, e[24:] * 2, atol=1e-5)
    np.testing.assert_allclose(state.mean_a, a.mean(0), rtol=1e-5)
    np.testing.assert_allclose(state.cov_ab, np.cov(a.T, b.T, ddof=0)[:12, 12:], atol=1e-4)


def test_ema_forgets_by_its_decay_but_not_for_empty_batches():
    a, b = _f32(*_views(48, 12, 12))
    state = init_dcca_ema(12, 12)
    for rows in (slice(0, 24), slice(24, 48)):
        (_, state), _ = ema(a[rows], b[rows], np.ones(24, bool), state, decay=0.5)
    weights = np.repeat([0.5, 1.0], 24)
    np.testing.assert_allclose(state.weight, 36)
    np.testing.assert_allclose(state.mean_a, np.average(a, axis=0, weights=weights), atol=1e-5)
    np.testing.assert_allclose(state.cov_aa, np.cov(a.T, aweights=weights, ddof=0), atol=1e-4)
    (_, after), gradients = ema(a[:24] * np.float32(np.nan), b[:24], np.zeros(24, bool), state)
    assert not np.any(gradients[0])
    assert not np.any(gradients[1])
    np.testing.assert_allclose(after.cov_ab, state.cov_ab)
    np.testing.assert_allclose(after.mean_b, state.mean_b)


def test_ema_is_not_saturated_by_small_batches():
    """Unrelated views: one batch of 24 samples calls 12 units related, the running covariance does not."""
    rng = np.random.default_rng(0)
    state = init_dcca_ema(12, 12)
    for _ in range(60):
        a, b = _f32(*rng.normal(size=(2, 24, 12)))
        (value, state), _ = ema(a, b, _all(a), state)
    assert correlate(a, b, _all(a))[0][0] < -2.4
    assert value > -0.8


def test_bad_arguments():
    a, b, where = np.zeros((5, 3)), np.zeros((5, 4)), np.ones(5, bool)
    for k in (0, 4):
        with pytest.raises(ValueError, match=r"1\.\.3"):
            dcca(a, b, where, k=k)
    with pytest.raises(ValueError, match="'scale' or 'absolute'"):
        dcca(a, b, where, k=1, ridge_mode="relative")
    with pytest.raises(ValueError, match=r"\(4, 3\)"):
        dcca(a[:4], b, where, k=1)
    with pytest.raises(ValueError, match="state"):
        dcca_ema(a, b, where, init_dcca_ema(4, 3), k=1)


def test_the_largest_correlations_are_those_of_multibench():
    with np.load(CCA) as numbers:
        views = numbers["in/h1"], numbers["in/h2"]
        loss, gradients = numbers["loss64"], [numbers["gradin64/h1"], numbers["gradin64/h2"]]
    run = functools.partial(dcca, k=4, ridge=1e-3, ridge_mode="absolute", root_ridge=1e-3)
    value, ours = jax.jit(jax.value_and_grad(run, argnums=(0, 1)))(*views, _all(views[0]))
    np.testing.assert_allclose(value, loss, rtol=1e-5)
    for gradient, theirs in zip(ours, gradients, strict=True):
        np.testing.assert_allclose(gradient, theirs, atol=1e-6 + 1e-4 * np.abs(theirs).max())


def test_the_trace_of_a_root_entry_by_entry_is_no_sum_of_correlations_and_has_no_gradient():
    t = np.random.default_rng(0).normal(size=(4, 4)).astype("f4") * np.array([[-1, 1, 1, 1]], "f4")
    value, gradient = jax.jit(jax.value_and_grad(lambda t: jnp.trace(jnp.sqrt(t.T @ t))))(t)
    np.testing.assert_allclose(value, np.linalg.norm(t, axis=0).sum(), rtol=1e-6)
    assert value > np.linalg.svd(t, compute_uv=False).sum() + 0.1
    assert np.isnan(gradient).any()
