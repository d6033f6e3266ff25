import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from affect_jax import losses


def test_binary_cross_entropy_by_hand():
    value = losses.binary_cross_entropy(jnp.array([0.0, 2.0, -1.0]), jnp.array([1, 0, 0]))
    np.testing.assert_allclose(value, [np.log(2), np.log1p(np.exp(2)), np.log1p(np.exp(-1))], rtol=1e-6)


def test_binary_cross_entropy_is_stable():
    logits, target = jnp.array([100.0, -100.0, 1e4, -1e30]), jnp.array([1.0, 1.0, 0.0, 0.0])
    value, back = jax.vjp(jax.jit(losses.binary_cross_entropy), logits, target)
    np.testing.assert_allclose(value, [np.exp(-100.0), 100.0, 1e4, 0.0], atol=1e-30)
    np.testing.assert_allclose(back(np.ones(4, np.float32))[0], [0.0, -1.0, 1.0, 0.0], atol=1e-30)


def test_cross_entropy_by_hand():
    logits = jnp.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    value = losses.cross_entropy(logits, jnp.array([2.0, 0.0]))
    np.testing.assert_allclose(value, [np.log(np.exp([1, 2, 3]).sum()) - 3, np.log(3)], rtol=1e-6)


def test_two_classes_are_the_binary_loss():
    logit, target = jnp.array([0.3, -4.0, 9.0]), jnp.array([1, 1, 0])
    two = jnp.stack([jnp.zeros(3), logit], axis=-1)
    expected = losses.binary_cross_entropy(logit, target)
    np.testing.assert_allclose(losses.cross_entropy(two, target), expected, rtol=1e-5)


def test_gradients():
    logits, target = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32), np.array([0, 3, 1, 2, 2])
    got = jax.jit(jax.grad(lambda x: losses.cross_entropy(x, target).sum()))(logits)
    np.testing.assert_allclose(got, special.softmax(logits, axis=-1) - np.eye(4)[target], atol=1e-6)
    soft = target.astype(np.float32) / 3
    got = jax.jit(jax.grad(lambda x: losses.binary_cross_entropy(x, soft).sum()))(logits[:, 0])
    np.testing.assert_allclose(got, special.expit(logits[:, 0]) - soft, atol=1e-6)


@pytest.mark.parametrize("label", [-1, 3, 0.5])
def test_a_label_that_is_no_class_is_seen(label):
    value = losses.cross_entropy(jnp.zeros((2, 3)), jnp.array([label, 1]))
    assert np.isnan(value[0])
    assert np.isfinite(value[1])


def test_shapes_must_fit():
    with pytest.raises(ValueError, match=r"\(2, 1\)"):
        losses.binary_cross_entropy(jnp.zeros((2, 1)), jnp.zeros(2))
    with pytest.raises(ValueError, match="class axis"):
        losses.cross_entropy(jnp.zeros((2, 3)), jnp.zeros((2, 3)))
