"""The scores of papers on sentiment, against numpy and scikit-learn as their authors compute them."""

import jax
import numpy as np
import pytest
import sklearn.metrics as sk

from affect_jax import metrics

evaluate = jax.jit(metrics.evaluate, static_argnums=0)


def compute_as_peers(x, y):
    """With numpy and scikit-learn, from the definitions in MulT's and MMSA's evaluation."""
    is_rated = y != 0
    scores = {
        "mae": np.mean(np.abs(x - y)),
        "accuracy_has0": sk.accuracy_score(y >= 0, x >= 0),
        "f1_has0": sk.f1_score(y >= 0, x >= 0, average="weighted"),
        "accuracy_non0": sk.accuracy_score(y[is_rated] > 0, x[is_rated] > 0),
        "f1_non0": sk.f1_score(y[is_rated] > 0, x[is_rated] > 0, average="weighted"),
    }
    for classes, limit in ((7, 3), (5, 2), (3, 1)):
        scores[f"accuracy_{classes}"] = np.mean(
            np.round(np.clip(x, -limit, limit)) == np.round(np.clip(y, -limit, limit))
        )
    return scores | {"pcc": np.corrcoef(x, y)[0, 1]}


@pytest.mark.parametrize("seed", range(3))
def test_scores_are_those_of_numpy(seed):
    rng = np.random.default_rng(seed)
    y = (rng.integers(-15, 16, size=200) / 5).astype(np.float32)  # with zeros, and halves of classes
    y[:9] = 0
    x = (y + rng.normal(scale=1.5, size=200)).astype(np.float32)
    x[:20] = np.round(x[:20] * 2) / 2  # halves, and zeros
    where = rng.random(200) < 0.8
    scores = evaluate("sentiment_regression", x, y, where)
    for name, value in compute_as_peers(x[where], y[where]).items():
        np.testing.assert_allclose(scores[name], value, rtol=1e-5, err_msg=name)


def test_halves_are_rounded_to_even_numbers_and_zeros_are_left_out():
    x, y = np.array([0.5, 1.5, 2.5, -0.5, 9.0, -0.1], np.float32), np.array([0.0, 2.0, 2.0, -0.0, 3.0, 0.0], np.float32)
    scores = evaluate("sentiment_regression", x, y, np.ones(6, bool))
    assert scores["accuracy_7"] == 1
    np.testing.assert_allclose(scores["accuracy_has0"], 4 / 6, rtol=1e-6)  # -.5 and -.1 for 0
    assert scores["accuracy_non0"] == 1  # of three entries
    only_zeros = evaluate("sentiment_regression", x, np.zeros(6, np.float32), np.ones(6, bool))
    assert only_zeros["accuracy_non0"] == 0


def test_a_constant_answer():
    y = np.array([-3.0, -1, 0, 1, 1.4, 2.6], np.float32)
    constant = metrics.score_constant("sentiment_regression", y, np.ones(6, bool))
    np.testing.assert_allclose(constant["mae"], np.abs(y - y.mean()).mean())
    assert constant["accuracy_has0"] == pytest.approx(4 / 6)
    assert constant["accuracy_non0"] == pytest.approx(3 / 5)
    assert constant["f1_non0"] == pytest.approx(sk.f1_score(y[y != 0] > 0, np.ones(5, bool), average="weighted"))
    assert (constant["accuracy_7"], constant["accuracy_3"]) == (pytest.approx(2 / 6), pytest.approx(3 / 6))
    assert constant.keys() == evaluate("sentiment_regression", y, y, np.ones(6, bool)).keys()
    assert np.isnan(metrics.score_constant("sentiment_regression", y, np.zeros(6, bool))["mae"])
