import jax
import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from affect_jax import metrics
from affect_jax.evaluation import group_scores

random = np.random.default_rng(0)
GROUP = np.array(["a", "b", "c"])[np.arange(60) % 3]


@pytest.mark.parametrize("classes", [2, 4])
def test_summed_counts_score_as_sklearn(classes):
    predicted, target = random.integers(classes, size=(2, 60)), random.integers(classes, size=60)
    counts = group_scores.count_classes(predicted, target, GROUP, classes)
    assert counts.shape == (2, 3, classes, 3)
    for row in range(2):
        assert group_scores.score_accuracy(counts.sum(1))[row] == pytest.approx(accuracy_score(target, predicted[row]))
        uar = balanced_accuracy_score(target, predicted[row])
        assert group_scores.score_uar(counts.sum(1))[row] == pytest.approx(uar)
        f1 = f1_score(target, predicted[row], average="weighted")
        assert group_scores.score_weighted_f1(counts.sum(1))[row] == pytest.approx(f1)


def test_a_group_has_only_its_steps():
    target = random.integers(2, size=60)
    counts = group_scores.count_classes(target[None], target, GROUP, 2)
    np.testing.assert_array_equal(counts[0, 1], np.bincount(target[GROUP == "b"])[:, None].repeat(3, axis=1))


def test_a_class_that_is_nowhere_has_no_f1():
    counts = group_scores.count_classes(np.zeros((1, 60), int), np.zeros(60, int), GROUP, 2)
    assert group_scores.score_weighted_f1(counts.sum(1)) == [1.0]


def test_summed_moments_give_ccc():
    target = random.normal(size=60).astype(np.float32) + 3
    prediction = (target + random.normal(size=(2, 60))).astype(np.float32)
    found = group_scores.score_ccc(group_scores.sum_moments(prediction, target, GROUP).sum(1))
    for row in range(2):
        p, t = prediction[row].astype(float), target.astype(float)
        expected = 2 * np.cov(p, t, ddof=0)[0, 1] / (p.var() + t.var() + (p.mean() - t.mean()) ** 2)
        assert found[row] == pytest.approx(expected, rel=1e-5)


def test_ccc_of_what_does_not_vary_is_zero():
    moments = group_scores.sum_moments(np.ones((1, 60), np.float32), np.ones(60, np.float32), GROUP)
    assert group_scores.score_ccc(moments.sum(1)) == [0.0]


def test_constant_answers():
    target = (np.arange(60) < 40).astype(np.float32)
    counts = group_scores.sum_statistics("binary", "accuracy", np.full((2, 60), 0.2, np.float32), target, GROUP)
    assert group_scores.score_accuracy(group_scores.sum_constant("accuracy", counts).sum(1)) == pytest.approx(40 / 60)
    values = random.normal(size=60).astype(np.float32)
    moments = group_scores.sum_statistics("regression", "ccc", values[None] + 1, values, GROUP)
    constant = group_scores.sum_constant("ccc", moments)
    assert group_scores.score_ccc(constant.sum(1)) == pytest.approx(0.0)
    np.testing.assert_array_equal(constant[..., [0, 2, 4]], moments[..., [0, 2, 4]])


def test_half_is_the_positive_class():
    counts = group_scores.sum_statistics(
        "binary", "accuracy", np.array([[0.5, 0.499]]), np.array([1.0, 0.0]), np.array(["a", "a"])
    )
    assert group_scores.score_accuracy(counts.sum(1)) == [1.0]


def test_logits_are_answered_by_the_largest():
    logits = random.normal(size=(1, 60, 3))
    counts = group_scores.sum_statistics(
        "multiclass", "accuracy", logits, logits[0].argmax(-1).astype(np.float32), GROUP
    )
    assert group_scores.score_accuracy(counts.sum(1)) == [1.0]


@pytest.mark.parametrize(
    ("task", "names"),
    [
        ("binary", ("accuracy", "uar", "weighted_f1")),
        ("regression", ("ccc", "pcc")),
        ("signed_regression", ("ccc", "pcc", "accuracy", "uar")),
    ],
)
def test_the_scores_are_those_of_the_metrics(task, names):
    shift = 0.5 if task == "signed_regression" else 0.0
    target = (random.random(60) < 0.6).astype(np.float32) - shift
    prediction, everywhere = random.random(60).astype(np.float32) - np.float32(shift), np.ones(60, bool)
    theirs = jax.jit(metrics.evaluate, static_argnums=0)(task, prediction, target, everywhere)
    constant = metrics.score_constant(task, target, everywhere)
    for name in names:
        assert group_scores.has_statistics(task, name)
        sums = group_scores.sum_statistics(task, name, prediction[None], target, GROUP)
        score = group_scores.SCORES[name]
        assert score(sums.sum(1)) == pytest.approx(float(theirs[name]), abs=1e-5)
        assert score(group_scores.sum_constant(name, sums).sum(1)) == pytest.approx(float(constant[name]), abs=1e-5)


def test_scores_that_are_no_sums_over_groups():
    assert not group_scores.has_statistics("regression", "accuracy")
    assert not group_scores.has_statistics("regression", "rmse")
    assert not group_scores.has_statistics("sentiment_regression", "accuracy")
    assert not group_scores.has_statistics("binary", "ccc")


def lin(a, b):
    """Lin's concordance as he defines it (Biometrics 45, 1989)."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    return 2 * np.cov(a, b, bias=True)[0, 1] / (a.var() + b.var() + (a.mean() - b.mean()) ** 2)


def test_running_ccc_is_the_ccc_of_every_window():
    random = np.random.default_rng(0)
    target = random.normal(size=50).cumsum() + 100
    prediction = 0.7 * target + random.normal(size=50)
    found = group_scores.score_running_ccc(prediction, target, 12)
    assert found.shape == (39,)
    for start in (0, 7, 38):
        assert found[start] == pytest.approx(lin(prediction[start : start + 12], target[start : start + 12]))
    assert np.all(group_scores.score_running_ccc(target, target, 12) > 1 - 1e-9)
    np.testing.assert_array_equal(group_scores.score_running_ccc(np.ones(50), np.ones(50), 12), 0)
    for window in (1, 51):
        with pytest.raises(ValueError, match="window is from 2 to 50 steps"):
            group_scores.score_running_ccc(prediction, target, window)


def test_an_answer_of_nan_is_no_answer_and_only_of_its_own_group():
    target = (np.arange(60) % 2).astype(np.float32)
    broken = np.stack([target, target])
    broken[1, 3] = np.nan  # of group "a"
    slope = 0.1 * np.arange(60)
    for task, prediction in (
        ("binary", broken),
        ("multiclass", np.stack([1 - broken, broken], -1)),
        ("regression", broken + slope),
        ("signed_regression", broken + slope),
    ):
        for name, score in group_scores.SCORES.items():
            if not group_scores.has_statistics(task, name) or task == "binary" and name in ("ccc", "pcc"):
                continue
            sums = group_scores.sum_statistics(task, name, prediction, target, GROUP)
            assert np.isfinite(sums[0]).all()
            assert np.isfinite(sums[1, 1:]).all()
            assert np.isnan(score(sums.sum(1))[1]), (task, name)
            assert np.isfinite(score(sums.sum(1))[0])
            assert np.isfinite(score(sums[:, 1:].sum(1))).all()


def test_a_window_with_nan_has_no_ccc_and_the_later_ones_have():
    target = random.normal(size=30)
    prediction = target + random.normal(size=30)
    whole = group_scores.score_running_ccc(prediction, target, 5)
    prediction[10] = np.nan
    found = group_scores.score_running_ccc(prediction, target, 5)
    assert np.isnan(found[6:11]).all()
    np.testing.assert_allclose(np.delete(found, np.s_[6:11]), np.delete(whole, np.s_[6:11]), atol=1e-9)
