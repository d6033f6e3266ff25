import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax import losses
from tests.losses.programs import run


def test_masked_mean_is_the_mean_of_the_valid():
    where = np.array([[True, False], [True, True]])
    values = np.float32([[1, 1e30], [2, 6]])
    assert run(losses.masked_mean, values, where) == 3.0
    assert run(losses.masked_mean, np.stack([values, values + 2], axis=-1), where) == 4.0


def test_padding_has_no_gradient_through_a_loss():
    where = np.array([True, True, False])

    @jax.jit
    @jax.value_and_grad
    def loss(x):
        return losses.masked_mean(losses.squared_error(x, jnp.zeros((3, 2))), where)

    value, gradient = loss(np.float32([[1, 2], [0, 3], [1e30, -1e30]]))
    np.testing.assert_allclose(value, (1 + 4 + 0 + 9) / 4)
    np.testing.assert_allclose(gradient, [[0.5, 1.0], [0.0, 1.5], [0.0, 0.0]])


def test_nothing_valid_is_zero():
    compute = jax.jit(jax.value_and_grad(lambda x: losses.masked_mean(x, np.zeros(3, bool))))
    value, gradient = compute(np.ones(3, np.float32))
    assert value == 0
    assert not np.any(gradient)


@pytest.mark.parametrize("shape", [(3,), (2, 2), (2, 3, 4, 1)])
def test_shapes_must_fit(shape):
    with pytest.raises(ValueError, match="fit neither"):
        losses.masked_mean(np.zeros(shape), np.zeros((2, 3), bool))
