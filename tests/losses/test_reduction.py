import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax import losses


def test_masked_mean_is_the_mean_of_the_valid():
    where = jnp.array([[True, False], [True, True]])
    values = jnp.array([[1.0, 1e30], [2.0, 6.0]])
    assert losses.masked_mean(values, where) == 3.0
    features = jnp.stack([values, values + 2], axis=-1)
    assert losses.masked_mean(features, where) == 4.0


def test_padding_has_no_gradient_through_a_loss():
    where = jnp.array([True, True, False])

    def loss(x):
        return losses.masked_mean(losses.squared_error(x, jnp.zeros((3, 2))), where)

    value, gradient = jax.value_and_grad(loss)(jnp.array([[1.0, 2.0], [0.0, 3.0], [1e30, -1e30]]))
    np.testing.assert_allclose(value, (1 + 4 + 0 + 9) / 4)
    np.testing.assert_allclose(gradient, [[0.5, 1.0], [0.0, 1.5], [0.0, 0.0]])


def test_nothing_valid_is_zero():
    value, gradient = jax.value_and_grad(lambda x: losses.masked_mean(x, jnp.zeros(3, bool)))(jnp.ones(3))
    assert value == 0
    assert not np.any(gradient)


@pytest.mark.parametrize("shape", [(3,), (2, 2), (2, 3, 4, 1)])
def test_shapes_must_fit(shape):
    with pytest.raises(ValueError, match="fit neither"):
        losses.masked_mean(jnp.zeros(shape), jnp.zeros((2, 3), bool))
