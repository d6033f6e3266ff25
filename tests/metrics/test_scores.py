import jax
import numpy as np
import pytest
import sklearn.metrics as sk
from scipy import special

from affect_jax import metrics

evaluate = jax.jit(metrics.evaluate, static_argnums=0)
NAMES = {"accuracy", "uar", "weighted_f1", "macro_f1", "log_loss"}


def test_binary_counts_a_half_as_the_second_class():
    values = evaluate("binary", np.float32([0.5, 0.49, 1]), np.float32([1, 0, 0]), np.ones(3, bool))
    assert values.keys() == NAMES
    np.testing.assert_allclose(values["accuracy"], 2 / 3, rtol=1e-6)
    np.testing.assert_allclose(values["uar"], 3 / 4)


def test_multiclass_under_jit():
    rng = np.random.default_rng(0)
    logits, target = rng.normal(size=(4, 6, 5)).astype(np.float32), rng.integers(5, size=(4, 6)).astype(np.float32)
    where = rng.random((4, 6)) < 0.7
    values = evaluate("multiclass", logits, target, where)
    truth, predicted = target[where], logits.argmax(-1)[where]
    np.testing.assert_allclose(values["accuracy"], sk.accuracy_score(truth, predicted), rtol=1e-6)
    np.testing.assert_allclose(values["uar"], sk.balanced_accuracy_score(truth, predicted), rtol=1e-6)
    np.testing.assert_allclose(values["macro_f1"], sk.f1_score(truth, predicted, average="macro"), rtol=1e-6)
    chances = special.softmax(logits[where], axis=-1)
    np.testing.assert_allclose(values["log_loss"], sk.log_loss(truth, chances), rtol=1e-5)


def test_log_loss_of_probabilities_and_its_baseline():
    target, where = np.array([1.0, 0, 1, 1]), np.array([True, True, True, False])
    chances = np.array([0.9, 0.2, 0.6, 0.1])
    values = evaluate("binary", np.float32(chances), np.float32(target), where)
    np.testing.assert_allclose(values["log_loss"], sk.log_loss(target[:3], chances[:3]), rtol=1e-5)
    known = metrics.score_constant("binary", target, where)["log_loss"]
    np.testing.assert_allclose(known, sk.log_loss(target[:3], np.full(3, 2 / 3)), rtol=1e-6)


def test_regression():
    x = np.linspace(0, 1, 5, dtype=np.float32)
    values = evaluate("regression", x + 1, x, np.ones(5, bool))
    np.testing.assert_allclose(values["pcc"], 1, rtol=1e-6)
    np.testing.assert_allclose(values["ccc"], 0.25 / (0.25 + 1), rtol=1e-6)
    np.testing.assert_allclose(values["rmse"], 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("task", "prediction"),
    [
        ("regression", [np.nan, 0.0, 1.0]),
        ("binary", [np.nan, 0.0, 1.0]),
        ("multiclass", [[np.nan, 0], [1, 0], [0, 1]]),
    ],
)
def test_a_broken_model_has_no_score(task, prediction):
    prediction, target = np.float32(prediction), np.float32([0, 0, 1])
    assert all(np.isnan(v) for v in evaluate(task, prediction, target, np.ones(3, bool)).values())
    rest = evaluate(task, prediction, target, np.array([False, True, True]))
    assert all(np.isfinite(v) for v in rest.values())


def test_baseline_of_classes():
    target, where = np.array([[0, 2, 2], [2, 1, 9]], np.float32), np.array([[1, 1, 1], [1, 1, 0]], bool)
    values = metrics.score_constant("multiclass", target, where)
    truth, predicted = target[where], np.full(5, 2)
    np.testing.assert_allclose(values["accuracy"], 0.6, rtol=1e-6)
    np.testing.assert_allclose(values["uar"], 1 / 3, rtol=1e-6)
    np.testing.assert_allclose(values["weighted_f1"], sk.f1_score(truth, predicted, average="weighted"), rtol=1e-6)
    np.testing.assert_allclose(values["macro_f1"], sk.f1_score(truth, predicted, average="macro"), rtol=1e-6)
    assert metrics.score_constant("binary", np.ones(4), np.ones(4, bool))["uar"] == 1


def test_baseline_of_regression():
    values = metrics.score_constant("regression", np.array([1.0, 3.0, 1e30]), np.array([True, True, False]))
    assert values == {"ccc": 0.0, "pcc": 0.0, "rmse": 1.0}


def test_per_group_is_the_mean_of_each():
    rng = np.random.default_rng(0)
    prediction, target = rng.normal(size=(2, 3, 8)).astype(np.float32)
    where = rng.random((3, 8)) < 0.8
    group = np.array(["dev_1", "dev_2", "dev_1"])
    values = metrics.evaluate_groups("regression", prediction, target, group, where)
    each = [evaluate("regression", prediction[rows], target[rows], where[rows])["ccc"] for rows in ([0, 2], [1])]
    np.testing.assert_allclose(values["ccc"], np.mean(each), rtol=1e-5)
    assert isinstance(values["ccc"], float)
    by_step = metrics.evaluate_groups("regression", prediction, target, np.repeat(group[:, None], 8, axis=1), where)
    assert by_step == values


def test_per_group_leaves_out_empty_groups():
    where = np.array([True, True, False])
    values = metrics.evaluate_groups(
        "binary", np.array([0.9, 0.1, 0.2]), np.array([1.0, 1.0, 1.0]), np.array([0, 1, 2]), where
    )
    assert values["accuracy"] == 0.5
    with pytest.raises(ValueError, match="no valid entry"):
        metrics.evaluate_groups("binary", np.ones(3), np.ones(3), np.arange(3), np.zeros(3, bool))


def test_bad_arguments():
    with pytest.raises(ValueError, match="'ranking'"):
        metrics.evaluate("ranking", np.zeros(2), np.zeros(2), np.ones(2, bool))
    with pytest.raises(ValueError, match="'ranking'"):
        metrics.score_constant("ranking", np.zeros(2), np.ones(2, bool))
    with pytest.raises(ValueError, match=r"\(2,\)"):
        metrics.evaluate("multiclass", np.zeros((3, 4)), np.zeros(2), np.ones(2, bool))
    with pytest.raises(ValueError, match="one shape"):
        metrics.evaluate("binary", np.zeros((3, 4)), np.zeros(3), np.ones(3, bool))
    with pytest.raises(ValueError, match="leading axes"):
        metrics.evaluate_groups("binary", np.ones((3, 4)), np.ones((3, 4)), np.arange(4), np.ones((3, 4), bool))
