import numpy as np
import pytest

from affect_jax.losses import multiplicative
from affect_jax.losses.candidates import combine
from tests.losses.programs import run

LOGITS = np.float32([[[2.0, 0.0, -1.0], [0.0, 1.0, 0.0]], [[0.0, 3.0, 0.0], [1.0, 2.0, 0.0]]])
TARGET = np.array([0, 1])


def by_hand(beta, alpha):
    p = np.exp(LOGITS.astype(np.float64))
    p /= p.sum(-1, keepdims=True)
    weights = np.stack(
        [(1 - p[:, 1]) ** beta * (1 - p[:, 0]) ** alpha, (1 - p[:, 0]) ** beta * (1 - p[:, 1]) ** alpha], 1
    )
    return (weights * np.log(p)).sum(1)


@pytest.mark.parametrize(("beta", "alpha"), [(1.0, 0.0), (0.5, 2.0)])
def test_two_candidates_by_hand(beta, alpha):
    scores = by_hand(beta, alpha)
    np.testing.assert_allclose(run(combine, LOGITS, beta=beta, alpha=alpha), scores, rtol=1e-5)
    expected = -scores[np.arange(2), TARGET]
    np.testing.assert_allclose(run(multiplicative, LOGITS, TARGET, beta=beta, alpha=alpha), expected, rtol=1e-5)


def test_what_wins_by_the_margin_is_left_out_of_boosted_training():
    scores = by_hand(1.0, 0.0)
    leads = [scores[i, t] - np.delete(scores[i], t).max() for i, t in enumerate(TARGET)]
    between = float(np.mean(leads))
    losses = run(multiplicative, LOGITS, TARGET, margin=between)
    np.testing.assert_array_equal(losses == 0, np.array(leads) >= between)
    np.testing.assert_array_equal(run(multiplicative, LOGITS, TARGET, margin=max(leads) + 1) == 0, False)


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        multiplicative(LOGITS, TARGET[:1])
