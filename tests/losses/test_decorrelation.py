import functools

import jax
import numpy as np
import pytest

from affect_jax.losses import barlow, init_soft_cca, soft_cca, vicreg
from tests.losses.programs import keep_on_host


def _soft_cca(a, b, where):
    return soft_cca(a, b, where, init_soft_cca(a.shape[-1], b.shape[-1]))[0]


LOSSES = [barlow, vicreg, _soft_cca]


@functools.cache
def graded(loss):
    """((a, b, where) -> value, gradients), compiled once a shape."""
    return keep_on_host(jax.jit(jax.value_and_grad(loss, argnums=(0, 1))))


soft_step = keep_on_host(jax.jit(jax.value_and_grad(soft_cca, has_aux=True)))


def _views(n=14, d=4, seed=0):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(n, d)) * 0.7 + 1
    return a, a @ rng.normal(size=(d, d)) + 0.3 * rng.normal(size=(n, d))


def _f32(*arrays):
    return tuple(np.asarray(x, np.float32) for x in arrays)


def _standard(x):
    return (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5)


def _off(c):
    return c[~np.eye(len(c), dtype=bool)]


def test_barlow_by_formula():
    a, b = _views()
    c = _standard(a).T @ _standard(b) / len(a)
    expected = np.sum((1 - np.diag(c)) ** 2) + 5e-3 * np.sum(_off(c) ** 2)
    np.testing.assert_allclose(graded(barlow)(*_f32(a, b), np.ones(14, bool))[0], expected, rtol=1e-5)


def test_vicreg_by_formula():
    a, b = _views()
    expected = 25 * np.mean((a - b) ** 2)
    for x in (a, b):
        c = np.cov(x.T)
        expected += 25 * np.mean(np.maximum(0, 1 - np.sqrt(np.diag(c) + 1e-4))) + np.sum(_off(c) ** 2) / 4
    np.testing.assert_allclose(graded(vicreg)(*_f32(a, b), np.ones(14, bool))[0], expected, rtol=1e-5)


def test_soft_cca_by_formula():
    a, b = _views()
    x, y = _standard(a), _standard(b)
    penalty = sum(np.abs(_off(z.T @ z / len(z))).sum() for z in (x, y))
    expected = np.mean(np.sum((x - y) ** 2, axis=1)) + 0.5 * penalty
    (got, _), _ = soft_step(*_f32(a, b), np.ones(14, bool), init_soft_cca(4, 4), decorrelation=0.5, decay=0.5)
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_soft_cca_runs_its_correlations():
    state, parts = init_soft_cca(4, 4), []
    for seed in range(3):
        a, b = _views(seed=seed)
        parts.append(_standard(a).T @ _standard(a) / len(a))
        (_, state), _ = soft_step(*_f32(a, b), np.ones(14, bool), state, decorrelation=1.0, decay=0.5)
    np.testing.assert_allclose(state.corr_a, np.average(parts, axis=0, weights=[0.25, 0.5, 1]), atol=1e-5)
    (_, after), _ = soft_step(*_f32(a, b), np.zeros(14, bool), state, decorrelation=1.0, decay=0.5)
    np.testing.assert_allclose(after.corr_b, state.corr_b)


def test_soft_cca_without_memory_has_the_batch_gradient():
    a, b = _f32(*_views())
    options = dict(where=np.ones(14, bool), decorrelation=1.0, decay=0.0)
    (_, state), _ = soft_step(b, a, state=init_soft_cca(4, 4), **options)
    fresh, used = (soft_step(a, b, state=s, **options)[1] for s in (init_soft_cca(4, 4), state))
    np.testing.assert_allclose(used, fresh, atol=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_padding_never_matters(loss):
    a, b = _f32(*_views())
    keep = np.arange(14) % 4 != 2
    bad = (np.where(keep[:, None], x, np.float32(1e30)).reshape(2, 7, 4) for x in (a, b))
    value, gradients = graded(loss)(*bad, keep.reshape(2, 7))
    alone, expected = graded(loss)(a[keep], b[keep], np.ones(keep.sum(), bool))
    np.testing.assert_allclose(value, alone, rtol=1e-5)
    for g, e in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(g.reshape(14, 4)[keep], e, atol=1e-5 * (1 + np.abs(e).max()))
        assert not np.any(g.reshape(14, 4)[~keep])


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients(loss, check_slopes):
    check_slopes(lambda a, b: graded(loss)(a, b, np.arange(14) > 1), *_views())


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("valid", [0, 1])
def test_fewer_than_two_samples_are_no_loss(loss, valid):
    a, b = _f32(*_views())
    value, gradients = graded(loss)(a, b, np.arange(14) < valid)
    assert value == 0
    assert not np.any(gradients)


@pytest.mark.parametrize("loss", LOSSES)
def test_dead_units_stay_finite(loss):
    a, b = _f32(*_views())
    value, gradients = graded(loss)(
        np.where(np.arange(4) == 1, np.float32(0.3), a), np.zeros_like(b), np.ones(14, bool)
    )
    assert np.isfinite(value)
    assert np.all(np.isfinite(gradients))


@pytest.mark.parametrize("loss", LOSSES)
def test_equal_whitened_views_cost_nothing(loss):
    a = np.linalg.qr(np.hstack([np.ones((14, 1)), _views()[0]]))[0][:, 1:] * np.sqrt(14)
    np.testing.assert_allclose(graded(loss)(*_f32(a, a), np.ones(14, bool))[0], 0, atol=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
def test_bad_shapes(loss):
    with pytest.raises(ValueError, match="widths 3 and 4"):
        jax.eval_shape(loss, np.zeros((5, 3)), np.zeros((5, 4)), np.ones(5, bool))
    with pytest.raises(ValueError, match="mask's shape"):
        jax.eval_shape(loss, np.zeros((5, 3)), np.zeros((5, 3)), np.ones((5, 3), bool))
