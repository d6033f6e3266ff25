import functools

import jax
import numpy as np
import pytest
from scipy import stats

from affect_jax import losses
from tests.losses.programs import keep_on_host, run


@functools.cache
def graded(loss):
    return keep_on_host(jax.jit(jax.value_and_grad(loss)))


def _entries(seed=0, n=12):
    rng = np.random.default_rng(seed)
    target = rng.normal(size=n)
    return (0.5 * target + rng.normal(size=n)).astype(np.float32), target.astype(np.float32)


def test_elementwise_values():
    prediction, target = np.float32([[1, -2]]), np.float32([[3, -2.5]])
    np.testing.assert_allclose(run(losses.squared_error, prediction, target), [[4.0, 0.25]])
    np.testing.assert_allclose(run(losses.absolute_error, prediction, target), [[2.0, 0.5]])
    assert run(jax.grad(lambda p: losses.absolute_error(p, p).sum()), prediction).tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("loss", [losses.squared_error, losses.absolute_error])
def test_elementwise_losses_never_broadcast(loss):
    with pytest.raises(ValueError, match=r"\(2, 1\).*\(2, 3\)"):
        loss(np.zeros((2, 1)), np.zeros((2, 3)))


def test_correlation_losses_match_scipy_and_the_formula():
    x, y = _entries()
    where = np.ones(12, bool)
    np.testing.assert_allclose(graded(losses.pcc_loss)(x, y, where)[0], 1 - stats.pearsonr(x, y).statistic, rtol=1e-5)
    a, b = np.asarray(x, np.float64), np.asarray(y, np.float64)
    ccc = 2 * np.cov(a, b, ddof=0)[0, 1] / (a.var() + b.var() + (a.mean() - b.mean()) ** 2)
    np.testing.assert_allclose(graded(losses.ccc_loss)(x, y, where)[0], 1 - ccc, rtol=1e-5)


@pytest.mark.parametrize("loss", [losses.pcc_loss, losses.ccc_loss])
def test_correlation_losses_see_valid_entries_only(loss):
    x, y = _entries()
    where = np.arange(12) % 3 > 0
    bad_x, bad_y = (np.where(where, v, np.float32(1e30)) for v in (x, y))
    f = graded(loss)
    value, gradient = f(bad_x[None, :], bad_y[None, :], where[None, :])
    alone, alone_gradient = f(x[where], y[where], np.ones(8, bool))
    np.testing.assert_allclose(value, alone, rtol=1e-6)
    np.testing.assert_allclose(gradient[0, where], alone_gradient, rtol=1e-4, atol=1e-7)
    assert not np.any(gradient[0, ~where])


@pytest.mark.parametrize("loss", [losses.pcc_loss, losses.ccc_loss])
def test_correlation_gradients(loss, check_slopes):
    def f(x):
        value, gradient = graded(loss)(x, target, np.arange(12) != 5)
        return value, [gradient]

    x, target = (v.astype(np.float64) for v in _entries())
    check_slopes(f, x)


@pytest.mark.parametrize("loss", [losses.pcc_loss, losses.ccc_loss])
@pytest.mark.parametrize(
    ("prediction", "target", "valid"),
    [
        (np.full(64, 0.1), np.full(64, 0.1), 64),
        (np.full(64, 0.1), np.linspace(0, 1, 64), 64),
        (np.linspace(0, 1, 64), np.full(64, 0.7), 64),
        (np.full(64, 1e4), np.full(64, 1e4), 64),
        (np.linspace(0, 1, 64), np.linspace(0, 1, 64), 1),
        (np.linspace(0, 1, 64), np.linspace(0, 1, 64), 0),
    ],
)
def test_degenerate_batches_give_one_and_finite_gradients(loss, prediction, target, valid):
    x, y = prediction.astype(np.float32), target.astype(np.float32)
    value, gradient = graded(loss)(x, y, np.arange(64) < valid)
    np.testing.assert_allclose(value, 1, atol=1e-6)
    assert np.all(np.isfinite(gradient))
    assert np.max(np.abs(gradient)) < 1


def test_a_constant_prediction_can_still_learn_by_ccc():
    _, gradient = graded(losses.ccc_loss)(
        np.zeros(8, np.float32), np.linspace(-1, 1, 8, dtype=np.float32), np.ones(8, bool)
    )
    assert gradient[0] > 0.01
    assert gradient[-1] < -0.01


def test_a_nan_is_not_hidden():
    x = np.array([np.nan, *range(7)], np.float32)
    for loss in (losses.pcc_loss, losses.ccc_loss):
        assert np.isnan(graded(loss)(x, np.arange(8.0), np.ones(8, bool))[0])


@pytest.mark.parametrize("loss", [losses.pcc_loss, losses.ccc_loss])
def test_correlation_losses_never_broadcast(loss):
    with pytest.raises(ValueError, match="one shape"):
        loss(np.zeros((2, 3)), np.zeros((2, 3)), np.ones(2, bool))
