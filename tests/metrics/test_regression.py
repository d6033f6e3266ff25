import functools

import jax
import numpy as np
import pytest
from scipy import stats

from affect_jax.metrics import regression


def _oracle(x, y):
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    ccc = 2 * np.mean((x - x.mean()) * (y - y.mean())) / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)
    return ccc, stats.pearsonr(x, y).statistic, np.sqrt(np.mean((x - y) ** 2))


moments = jax.jit(regression.compute_moments)
merge = jax.jit(regression.merge_moments)


@jax.jit
def _got(m):
    return regression.ccc(m), regression.pcc(m), regression.rmse(m)


def _split(n, mean=0.0, seed=0):
    rng = np.random.default_rng(seed)
    target = rng.normal(size=n) + mean
    prediction = mean + 0.6 * (target - mean) + 0.5 * rng.normal(size=n) + 0.2
    return prediction.astype(np.float32), target.astype(np.float32)


def test_by_hand():
    m = moments(np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 5.0]), np.ones(3, bool))
    # variances 2/3 and 2, covariance 1, means 2 and 3
    np.testing.assert_allclose(_got(m), [2 / (2 / 3 + 2 + 1), 1 / np.sqrt(4 / 3), np.sqrt(5 / 3)], rtol=1e-6)


@pytest.mark.parametrize("mean", [0.0, 1e3])
def test_many_entries_far_from_zero_in_parts(mean):
    x, y = _split(100_000, mean)
    parts = jax.jit(jax.vmap(regression.compute_moments))(
        x.reshape(40, -1), y.reshape(40, -1), np.ones((40, 2500), bool)
    )
    parts = [jax.tree.map(lambda leaf, i=i: np.asarray(leaf)[i], parts) for i in range(40)]
    for m in (moments(x, y, np.ones(100_000, bool)), functools.reduce(merge, parts)):
        np.testing.assert_allclose(_got(m), _oracle(x, y), rtol=2e-5)


def test_padding_never_matters():
    x, y = _split(30)
    where = np.random.default_rng(0).random(30) < 0.6
    bad = (np.where(where, v, np.float32(1e30)).reshape(5, 6) for v in (x, y))
    np.testing.assert_allclose(_got(moments(*bad, where.reshape(5, 6))), _oracle(x[where], y[where]), rtol=1e-5)


def test_merging_in_any_order_and_with_nothing():
    x, y = _split(31)
    whole = moments(x, y, np.ones(31, bool))
    a, b, c = (moments(x, y, np.arange(31) % 3 == i) for i in range(3))
    empty = moments(x, y, np.zeros(31, bool))
    for m in (merge(merge(a, b), c), merge(c, merge(b, a)), merge(merge(empty, whole), empty)):
        np.testing.assert_allclose(np.array(m), np.array(whole), rtol=2e-5, atol=1e-5)
    assert merge(empty, empty) == empty


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e4])
def test_no_variance_is_no_agreement(constant):
    x, still, where = np.linspace(0, 1, 1000), np.full(1000, constant), np.ones(1000, bool)
    for prediction, target in ((still, x), (x, still), (still, still)):
        ccc, pcc, _ = _got(moments(prediction, target, where))
        np.testing.assert_allclose([ccc, pcc], 0, atol=1e-6)


def test_nothing_measured():
    ccc, pcc, rmse = _got(moments(np.ones(3), np.zeros(3), np.zeros(3, bool)))
    assert ccc == 0
    assert pcc == 0
    assert np.isnan(rmse)


def test_perfect_and_opposite():
    x = np.array([-1.0, 0, 1])
    np.testing.assert_allclose(_got(moments(x, x, np.ones(3, bool))), [1, 1, 0], atol=1e-6)
    np.testing.assert_allclose(_got(moments(x, -x, np.ones(3, bool)))[:2], [-1, -1], atol=1e-6)


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="one shape"):
        regression.compute_moments(np.zeros((2, 3)), np.zeros((2, 3)), np.zeros(2, bool))
