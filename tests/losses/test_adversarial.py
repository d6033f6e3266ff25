import jax
import numpy as np
import pytest

from affect_jax.losses import adversary, fool
from tests.losses.programs import run

DRAW = np.random.default_rng(0)
REAL, FAKE, TARGET = DRAW.normal(size=(4, 3)), DRAW.normal(size=(4, 3)), np.array([0, 1, 1, 0])


def share(logits):
    """The softmax of each row."""
    return np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)


def test_real_or_not_by_hand():
    """-ln D(x) - ln(1 - D(G(z))), and -ln D(G(z)), of D = 1 / (1 + exp(-logit))."""
    real, fake = 1 / (1 + np.exp(-REAL[:, 0])), 1 / (1 + np.exp(-FAKE[:, 0]))
    numbers = np.zeros(4)
    said = run(adversary, REAL[:, 0], FAKE[:, 0], numbers)
    np.testing.assert_allclose(said, -np.log(real) - np.log(1 - fake), rtol=1e-5)
    np.testing.assert_allclose(run(fool, FAKE[:, 0], numbers), -np.log(fake), rtol=1e-5)


def test_a_class_more_by_hand():
    real, fake, rows = share(REAL), share(FAKE), np.arange(4)
    said = run(adversary, REAL, FAKE, TARGET)
    np.testing.assert_allclose(said, -np.log(real[rows, TARGET]) - np.log(fake[:, 2]), rtol=1e-5)
    np.testing.assert_allclose(run(fool, FAKE, TARGET), -np.log(fake[rows, TARGET]), rtol=1e-5)


@pytest.mark.parametrize("columns", [0, slice(None)])
def test_slopes(check_slopes, columns):
    real, fake = REAL[:, columns], FAKE[:, columns]
    losses = lambda r, f: (adversary(r, f, TARGET) + 2 * fool(f, TARGET)).sum()  # noqa: E731
    check_slopes(jax.jit(jax.value_and_grad(losses, (0, 1))), real, fake)


def test_where_the_discriminator_is_sure_the_one_it_refuses_still_learns():
    slope = run(jax.grad(lambda f: fool(f, np.zeros(1, np.float32)).sum()), np.float32([-50]))
    np.testing.assert_allclose(slope, -1.0)


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="differ"):
        adversary(REAL, FAKE[:, :2], TARGET)
    with pytest.raises(ValueError, match="must be the target's shape"):
        fool(FAKE, TARGET[:3])
