import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from affect_jax import losses
from tests.losses.programs import run


def test_binary_cross_entropy_by_hand():
    value = run(losses.binary_cross_entropy, np.float32([0, 2, -1]), np.array([1, 0, 0]))
    np.testing.assert_allclose(value, [np.log(2), np.log1p(np.exp(2)), np.log1p(np.exp(-1))], rtol=1e-6)


def test_binary_cross_entropy_is_stable():
    logits, target = np.float32([100, -100, 1e4, -1e30]), np.float32([1, 1, 0, 0])

    @jax.jit
    def compute(logits):
        value, back = jax.vjp(lambda x: losses.binary_cross_entropy(x, target), logits)
        return value, back(jnp.ones(4))[0]

    value, gradient = compute(logits)
    np.testing.assert_allclose(value, [np.exp(-100.0), 100.0, 1e4, 0.0], atol=1e-30)
    np.testing.assert_allclose(gradient, [0.0, -1.0, 1.0, 0.0], atol=1e-30)


def test_cross_entropy_by_hand():
    value = run(losses.cross_entropy, np.float32([[1, 2, 3], [0, 0, 0]]), np.float32([2, 0]))
    np.testing.assert_allclose(value, [np.log(np.exp([1, 2, 3]).sum()) - 3, np.log(3)], rtol=1e-6)


def test_two_classes_are_the_binary_loss():
    logit, target = np.float32([0.3, -4, 9]), np.array([1, 1, 0])
    expected = run(losses.binary_cross_entropy, logit, target)
    two = np.stack([np.zeros_like(logit), logit], axis=-1)
    np.testing.assert_allclose(run(losses.cross_entropy, two, target), expected, rtol=1e-5)


def test_gradients():
    logits, target = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32), np.array([0, 3, 1, 2, 2])
    got = jax.jit(jax.grad(lambda x: losses.cross_entropy(x, target).sum()))(logits)
    np.testing.assert_allclose(got, special.softmax(logits, axis=-1) - np.eye(4)[target], atol=1e-6)
    soft = target.astype(np.float32) / 3
    got = jax.jit(jax.grad(lambda x: losses.binary_cross_entropy(x, soft).sum()))(logits[:, 0])
    np.testing.assert_allclose(got, special.expit(logits[:, 0]) - soft, atol=1e-6)


@pytest.mark.parametrize("label", [-1, 3, 0.5])
def test_a_label_that_is_no_class_is_seen(label):
    value = run(losses.cross_entropy, np.zeros((2, 3), np.float32), np.array([label, 1], np.float32))
    assert np.isnan(value[0])
    assert np.isfinite(value[1])


def test_shapes_must_fit():
    with pytest.raises(ValueError, match=r"\(2, 1\)"):
        losses.binary_cross_entropy(np.zeros((2, 1)), np.zeros(2))
    with pytest.raises(ValueError, match="class axis"):
        losses.cross_entropy(np.zeros((2, 3)), np.zeros((2, 3)))


LOGITS = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)
TARGET = np.array([0, 3, 1, 2, 2])
P = special.softmax(LOGITS, axis=-1)


def test_label_smoothing_and_class_weights():
    truth, weights = 0.8 * np.eye(4)[TARGET] + 0.2 / 4, (1.0, 2.0, 0.5, 3.0)
    expected = -(truth * np.log(P)).sum(axis=-1) * np.array(weights)[TARGET]
    value = run(losses.cross_entropy, LOGITS, TARGET, smoothing=0.2, class_weights=weights)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    with pytest.raises(ValueError, match="2 class_weights for 4 classes"):
        run(losses.cross_entropy, LOGITS, TARGET, class_weights=(1.0, 2.0))


def test_focal_and_ordinal_by_hand():
    true = P[np.arange(5), TARGET]
    expected = -((1 - true) ** 1.5) * np.log(true)
    np.testing.assert_allclose(run(losses.focal, LOGITS, TARGET, gamma=1.5), expected, rtol=1e-5)
    plain = run(losses.cross_entropy, LOGITS, TARGET)
    np.testing.assert_allclose(run(losses.focal, LOGITS, TARGET, gamma=0.0), plain, rtol=1e-5)
    below = np.arange(4)[None] >= TARGET[:, None]
    expected = ((P.cumsum(-1) - below) ** 2).sum(-1)
    np.testing.assert_allclose(run(losses.ordinal, LOGITS, TARGET), expected, rtol=1e-4)
    near, far = run(losses.ordinal, np.float32([[9, 0, 0], [9, 0, 0]]), np.array([1, 2]))
    assert near < far
    for loss in (losses.focal, losses.ordinal):
        np.testing.assert_array_equal(np.isnan(run(loss, LOGITS, TARGET - 1)), TARGET == 0)


def test_slopes_of_focal_and_ordinal(check_slopes):
    def add_up(x):  # a slope of each of them that is wrong makes that of the sum wrong
        smooth = losses.cross_entropy(x, TARGET, smoothing=0.1)
        return (losses.focal(x, TARGET) + 2 * losses.ordinal(x, TARGET) + 3 * smooth).sum()

    check_slopes(jax.jit(jax.value_and_grad(add_up, argnums=(0,))), LOGITS.astype(np.float64))
    certain = np.array([[1e4, 0.0, 0.0]], np.float32)
    assert np.isfinite(run(jax.grad(lambda x: losses.focal(x, np.array([0]), gamma=0.5).sum()), certain)).all()
