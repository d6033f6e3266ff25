import functools

import jax
import numpy as np
import pytest

from affect_jax.losses import cmd, difference, mmd
from tests.losses.programs import keep_on_host, run

LOSSES = [cmd, mmd, difference]
draw = np.random.default_rng(0)
A, B = (draw.normal(size=(9, 3)).astype(np.float32) for _ in range(2))
WHERE = np.ones(9, bool)


@functools.cache
def graded(loss):
    """((a, b, where) -> value, gradients), compiled once a shape."""
    return keep_on_host(jax.jit(jax.value_and_grad(loss, argnums=(0, 1))))


def test_cmd_is_the_sum_of_lengths_by_hand():
    expected = np.linalg.norm(A.mean(0) - B.mean(0))
    for power in range(2, 5):
        moments = [((x.astype(np.float64) - x.mean(0)) ** power).mean(0) for x in (A, B)]
        expected += np.linalg.norm(moments[0] - moments[1])
    np.testing.assert_allclose(run(cmd, A, B, WHERE, moments=4), expected, rtol=1e-5)
    np.testing.assert_allclose(graded(cmd)(A, A + 2, WHERE)[0], 2 * 3**0.5, rtol=1e-5)  # a shift changes the mean alone


def test_mmd_is_the_mean_of_kernels_by_hand():
    def average(x, y):
        return np.mean([[np.exp(-((i - j) ** 2).sum() / (2 * 0.7**2 * 3)) for j in y] for i in x])

    expected = average(A, A) + average(B, B) - 2 * average(A, B)
    np.testing.assert_allclose(run(mmd, A, B, WHERE, bandwidth=0.7), expected, rtol=1e-5)


def test_difference_is_0_of_orthogonal_codes_and_by_hand():
    rows = [x - x.mean(0) for x in (A, B)]
    rows = [x / (np.linalg.norm(x, axis=1, keepdims=True) + 1e-6) for x in rows]
    np.testing.assert_allclose(graded(difference)(A, B, WHERE)[0], np.mean((rows[0].T @ rows[1]) ** 2), rtol=1e-5)
    one, other = np.float32([[1], [-1], [1], [-1]]), np.float32([[1], [1], [-1], [-1]])
    np.testing.assert_allclose(graded(difference)(one, other, np.ones(4, bool))[0], 0, atol=1e-12)
    np.testing.assert_allclose(graded(difference)(one, one, np.ones(4, bool))[0], 16, rtol=1e-4)


@pytest.mark.parametrize("loss", LOSSES)
def test_padding_changes_nothing_and_equal_codes_have_a_finite_gradient(loss):
    padded = [np.concatenate([x, np.full((2, 3), np.nan, np.float32)]) for x in (A, B)]
    where = np.arange(11) < 9
    value, gradients = graded(loss)(*padded, where)
    np.testing.assert_allclose(value, graded(loss)(A, B, WHERE)[0], rtol=1e-6)
    for gradient in gradients:
        np.testing.assert_array_equal(gradient[9:], 0)
        assert np.abs(gradient[:9]).max() > 0
    for a, b, some in ((A, A, WHERE), (A, B, np.zeros(9, bool)), (A, B, np.arange(9) < 1)):
        value, (gradient, _) = graded(loss)(a, b, some)
        assert np.isfinite(value)
        assert np.isfinite(gradient).all()
    if loss is not difference:
        np.testing.assert_allclose(graded(loss)(A, A, WHERE)[0], 0, atol=1e-6)
        with pytest.raises(ValueError, match="must agree"):
            loss(A, B[:, :2], WHERE)
