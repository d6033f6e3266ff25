"""What a teacher says, pairs and triplets: against loops over the samples, and slopes in float64."""

import functools

import jax
import numpy as np
import pytest

from affect_jax.losses import contrastive, kl, triplet
from tests.losses.programs import keep_on_host

draw = np.random.default_rng(0)
A, B = (draw.normal(size=(9, 3)).astype(np.float32) for _ in range(2))
TARGET = np.array([0, 1, 2, 0, 1, 2, 0, 0, 1], np.float32)
WHERE = np.ones(9, bool)
DISTANCE = np.linalg.norm(A[:, None].astype(np.float64) - B[None], axis=-1)
SAME = TARGET[:, None] == TARGET[None]
LOSSES = {
    "contrastive": lambda *x: contrastive(*x, margin=2.0),
    "contrastive-label": lambda *x: contrastive(*x, margin=2.0, positives="label"),
    "triplet-hard": lambda *x: triplet(*x, margin=0.5, mining="hard"),
    "triplet-semi_hard": lambda *x: triplet(*x, margin=0.5),
}


@functools.cache
def graded(name):
    """((a, b, where, target) -> value, gradients), compiled once a shape."""
    return keep_on_host(jax.jit(jax.value_and_grad(LOSSES[name], argnums=(0, 1))))


def mine(mining):
    """Means over anchors, or over anchors and positives, by loops."""
    values = []
    for row, same in zip(DISTANCE, SAME, strict=True):
        negatives = row[~same]
        if mining == "hard":
            values.append(max(0, row[same].max() - negatives.min() + 0.5))
            continue
        for positive in row[same]:
            beyond = negatives[negatives > positive]
            values.append(max(0, positive - (beyond.min() if beyond.size else negatives.max()) + 0.5))
    return np.mean(values)


def test_they_are_what_loops_over_samples_give():
    for name, same in (("contrastive", np.eye(9, dtype=bool)), ("contrastive-label", SAME)):
        far = np.maximum(2 - DISTANCE[~same], 0) ** 2
        expected = (np.mean(DISTANCE[same] ** 2) + far.mean()) / 2
        np.testing.assert_allclose(graded(name)(A, B, WHERE, TARGET)[0], expected, rtol=1e-5)
    for mining in ("hard", "semi_hard"):
        np.testing.assert_allclose(graded(f"triplet-{mining}")(A, B, WHERE, TARGET)[0], mine(mining), rtol=1e-5)
    numbers = np.float32([0.1, 1.2, 2.1, 0, 1, 2, 0.2, 0, 1])  # each within .3 of its class
    near = jax.jit(functools.partial(triplet, margin=0.5, near=0.3))(A, B, WHERE, numbers)
    np.testing.assert_allclose(near, graded("triplet-semi_hard")(A, B, WHERE, TARGET)[0], rtol=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_slopes_and_padding(name, check_slopes):
    def f(a, b):
        return graded(name)(a, b, WHERE, TARGET)

    check_slopes(f, A.astype(np.float64), B.astype(np.float64))
    padded = [np.concatenate([x, np.full((2, 3), np.nan, np.float32)]) for x in (A, B)]
    target, where = np.append(TARGET, [0, np.nan]).astype(np.float32), np.arange(11) < 9
    value, gradients = graded(name)(*padded, where, target)
    np.testing.assert_allclose(value, graded(name)(A, B, WHERE, TARGET)[0], rtol=1e-6)
    for gradient in gradients:
        np.testing.assert_array_equal(gradient[9:], 0)
        assert np.abs(gradient[:9]).max() > 0


@pytest.mark.parametrize("name", LOSSES)
def test_nothing_to_compare_has_zero_gradients(name):
    nothing = np.zeros(9, bool)
    for a, b, where, target in ((A, B, nothing, TARGET), (A, A, WHERE, TARGET), (A, B, WHERE, np.ones_like(TARGET))):
        value, (gradient, _) = graded(name)(a, b, where, target)
        assert np.isfinite(value)
        assert np.isfinite(gradient).all()
        if not where.any() or (name.startswith("triplet") and (target == 1).all()):
            assert value == 0
            np.testing.assert_array_equal(gradient, 0)


def test_what_does_not_fit_is_told():
    for loss, options, message in (
        (triplet, dict(mining="easy"), "mining is 'easy'"),
        (contrastive, dict(positives="class"), "positives is 'class'"),
    ):
        with pytest.raises(ValueError, match=message):
            jax.eval_shape(functools.partial(loss, **options), A, B, WHERE, TARGET)
        with pytest.raises(ValueError, match="must agree"):
            jax.eval_shape(loss, A, B[:, :2], WHERE, TARGET)
    with pytest.raises(ValueError, match="mask's shape"):
        jax.eval_shape(triplet, A, B, WHERE, TARGET[:4])
    with pytest.raises(ValueError, match="one shape"):
        kl(A, B[:4])


def test_soft_targets_at_a_temperature(check_slopes):
    ours, theirs = (np.exp(x / 3) / np.exp(x / 3).sum(1, keepdims=True) for x in (A.astype(np.float64), B))
    expected = 9 * (theirs * np.log(theirs / ours)).sum(axis=1)
    soft = jax.jit(kl, static_argnames="temperature")
    np.testing.assert_allclose(soft(A, B, temperature=3.0), expected, rtol=1e-3)
    np.testing.assert_allclose(soft(A, A), 0, atol=1e-6)
    both = keep_on_host(jax.jit(jax.value_and_grad(lambda a, b: kl(a, b).sum(), argnums=(0, 1))))
    np.testing.assert_array_equal(both(A, B)[1][1], 0)

    def f(a):
        value, (gradient, _) = both(a, B)
        return value, (gradient,)

    check_slopes(f, A.astype(np.float64))
    far = soft(np.float32([[200.0, -200, 0]]), np.float32([[-200.0, 200, 0]]))
    assert np.isfinite(far).all()
