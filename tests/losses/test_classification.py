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


LOGITS = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)
TARGET = np.array([0, 3, 1, 2, 2])
P = special.softmax(LOGITS, axis=-1)


def test_label_smoothing_and_class_weights():
    truth, weights = 0.8 * np.eye(4)[TARGET] + 0.2 / 4, (1.0, 2.0, 0.5, 3.0)
    expected = -(truth * np.log(P)).sum(axis=-1) * np.array(weights)[TARGET]
    value = losses.cross_entropy(LOGITS, TARGET, smoothing=0.2, class_weights=weights)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    with pytest.raises(ValueError, match="2 class_weights for 4 classes"):
        losses.cross_entropy(LOGITS, TARGET, class_weights=(1.0, 2.0))


def test_focal_and_ordinal_by_hand():
    true = P[np.arange(5), TARGET]
    np.testing.assert_allclose(losses.focal(LOGITS, TARGET, gamma=1.5), -((1 - true) ** 1.5) * np.log(true), rtol=1e-5)
    np.testing.assert_allclose(losses.focal(LOGITS, TARGET, gamma=0.0), losses.cross_entropy(LOGITS, TARGET), rtol=1e-5)
    below = np.arange(4)[None] >= TARGET[:, None]
    np.testing.assert_allclose(losses.ordinal(LOGITS, TARGET), ((P.cumsum(-1) - below) ** 2).sum(-1), rtol=1e-4)
    near, far = losses.ordinal(np.array([[9.0, 0, 0], [9.0, 0, 0]], np.float32), np.array([1, 2]))
    assert near < far
    for value in (losses.focal(LOGITS, TARGET - 1), losses.ordinal(LOGITS, TARGET - 1)):
        np.testing.assert_array_equal(np.isnan(value), TARGET == 0)


def test_slopes_of_focal_and_ordinal(check_slopes):
    for loss in (losses.focal, losses.ordinal, lambda x, y: losses.cross_entropy(x, y, smoothing=0.1)):
        graded = jax.jit(jax.value_and_grad(lambda x, loss=loss: loss(x, TARGET).sum(), argnums=(0,)))
        check_slopes(graded, LOGITS.astype(np.float64))
    certain = np.array([[1e4, 0.0, 0.0]], np.float32)
    assert np.isfinite(jax.grad(lambda x: losses.focal(x, np.array([0]), gamma=0.5).sum())(certain)).all()
