"""Calibration, selective prediction and conformal sets against closed forms, scikit-learn and simulation."""

import numpy as np
import pytest
from sklearn import isotonic
from sklearn import metrics as sk

from affect_jax.metrics import calibration, conformal, selective


def draw_calibrated(draw, count=20_000, classes=4):
    """Probabilities, and classes drawn from them: a perfectly calibrated source."""
    probabilities = draw.dirichlet(np.full(classes, 0.7), size=count)
    shares = probabilities.cumsum(-1)
    return probabilities, (draw.random((count, 1)) > shares[:, :-1]).sum(-1)


def test_errors_of_probabilities_by_hand():
    p, y = np.array([[0.8, 0.2], [0.4, 0.6], [0.9, 0.1]]), np.array([0, 0, 0])
    bins = calibration.bin_confidences(p, y, bins=10)
    assert bins.count.tolist() == [0, 0, 0, 0, 0, 1, 0, 1, 1, 0]  # .6, .8 and .9 lie at the upper ends of their bins
    assert calibration.expected_calibration_error(bins) == pytest.approx((0.2 + 0.6 + 0.1) / 3)
    assert calibration.brier_score(p, y) == pytest.approx(2 * np.mean([0.04, 0.36, 0.01]))
    assert calibration.negative_log_likelihood(p, y) == pytest.approx(-np.log([0.8, 0.4, 0.9]).mean())


def test_errors_of_probabilities_are_those_of_scikit_learn():
    p, y = draw_calibrated(np.random.default_rng(0), 500)
    assert calibration.negative_log_likelihood(p, y) == pytest.approx(sk.log_loss(y, p))
    binary = p[:, :2] / p[:, :2].sum(-1, keepdims=True)
    classes = (y % 2).astype(int)
    assert calibration.brier_score(binary, classes) == pytest.approx(2 * sk.brier_score_loss(classes, binary[:, 1]))


def test_a_calibrated_source_has_next_to_no_error_and_needs_no_temperature():
    p, y = draw_calibrated(np.random.default_rng(1))
    assert calibration.expected_calibration_error(calibration.bin_confidences(p, y)) < 0.015
    assert calibration.fit_temperature(p, y) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("temperature", [0.3, 3.0])
def test_a_temperature_is_found_again_and_changes_no_answer(temperature):
    p, y = draw_calibrated(np.random.default_rng(2))
    wrong = calibration.apply_temperature(p, temperature)
    found = calibration.fit_temperature(wrong, y)
    assert found == pytest.approx(1 / temperature, rel=0.03)
    mended = calibration.apply_temperature(wrong, found)
    assert (mended.argmax(-1) == wrong.argmax(-1)).all()
    assert calibration.negative_log_likelihood(mended, y) < calibration.negative_log_likelihood(wrong, y)
    logits = np.log(wrong) + 3
    of_logits = calibration.compute_probabilities("multiclass", calibration.temper_predictions("multiclass", logits, 2))
    np.testing.assert_allclose(of_logits, calibration.apply_temperature(wrong, 2))
    binary = calibration.temper_predictions("binary", np.array([0.2, 0.5, 0.9]), 2.0)
    assert ((binary >= 0.5) == [False, True, True]).all()


def test_a_temperature_has_limits():
    sure = np.array([[0.9, 0.1], [0.2, 0.8]])
    assert calibration.fit_temperature(sure, np.array([0, 1])) == pytest.approx(1 / 50, rel=1e-3)
    assert calibration.fit_temperature(sure, np.array([1, 0])) == pytest.approx(50, rel=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_an_affine_map_never_hurts_where_it_was_fitted(seed):
    draw = np.random.default_rng(seed)
    truth = draw.normal(size=50)
    prediction = draw.normal() * truth + draw.normal(size=50) + 100 * draw.normal()
    mended = calibration.fit_affine(prediction, truth)
    assert mended.scale > 0
    error, before = (np.square(x - truth).mean() for x in (mended.apply(prediction), prediction))
    assert error <= before + 1e-12
    again = calibration.fit_affine(mended.apply(prediction), truth)
    np.testing.assert_allclose(again, (1, 0), atol=1e-9)
    np.testing.assert_allclose(calibration.fit_affine(7 * truth + 3, truth), (1 / 7, -3 / 7))
    assert calibration.fit_affine(np.full(50, 2.0), truth) == pytest.approx((1, truth.mean() - 2))


def test_risk_against_coverage():
    doubt, loss = np.array([0.1, 0.3, 0.2, 0.4]), np.array([0.0, 1, 0, 1])
    np.testing.assert_allclose(selective.trace_risk(doubt, loss), [0, 0, 1 / 3, 1 / 2])
    assert selective.area_under_risk(doubt, loss) == pytest.approx((1 / 3 + 1 / 2) / 4)
    assert selective.area_under_risk(np.ones(4), loss) == pytest.approx(loss.mean())
    assert selective.risk_at(0.5, doubt, loss) == 0
    assert selective.risk_at(0.75, doubt, loss) == pytest.approx(1 / 3)
    order = np.random.default_rng(0).permutation(4)
    assert selective.area_under_risk(doubt[order], loss[order]) == selective.area_under_risk(doubt, loss)


@pytest.mark.parametrize("coverage", conformal.COVERAGES)
def test_conformal_sets_and_intervals_cover_as_often_as_asked(coverage):
    draw = np.random.default_rng(3)
    of_sets, of_intervals = [], []
    for _ in range(300):
        p, y = draw_calibrated(draw, 200)
        p = calibration.apply_temperature(p, 0.4)  # overconfident, and covered all the same
        limit = conformal.find_threshold(conformal.score_classes(p[:100], y[:100]), coverage)
        chosen = conformal.choose_sets(p[100:], limit)
        of_sets.append(chosen[np.arange(100), y[100:]].mean())
        assert (chosen.sum(-1) >= 1).all()
        truth = draw.standard_t(3, size=200)
        width = conformal.find_threshold(conformal.score_numbers(np.zeros(100), truth[:100]), coverage)
        of_intervals.append((np.abs(truth[100:]) <= width).mean())
    assert np.mean(of_intervals) == pytest.approx(coverage + 0.005, abs=0.012)
    assert coverage - 0.008 < np.mean(of_sets) < coverage + 0.12  # the most probable class is always in


def test_few_answers_promise_nothing():
    assert conformal.find_threshold(np.arange(8.0), 0.9) == np.inf
    assert conformal.find_threshold(np.arange(9.0), 0.9) == 8
    assert conformal.find_threshold(np.arange(99.0), 0.9) == 89


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: calibration.brier_score(np.ones((2, 3)), np.zeros(3, int)),
        lambda: calibration.fit_affine(np.ones(2), np.ones(3)),
        lambda: calibration.compute_probabilities("regression", np.ones(2)),
        lambda: selective.trace_risk(np.ones(2), np.ones(3)),
        lambda: conformal.find_threshold(np.ones(2), 1.0),
    ],
)
def test_what_does_not_fit_is_refused(wrong):
    with pytest.raises(ValueError, match="not|must|are two"):
        wrong()


def test_isotonic_curves_mend_what_no_temperature_mends():
    draw = np.random.default_rng(5)
    p, y = draw_calibrated(draw, 4_000, classes=3)
    bent = p ** np.array([0.4, 1.0, 2.5])
    bent /= bent.sum(-1, keepdims=True)
    curves = calibration.fit_isotonic(bent[:2_000], y[:2_000])
    mapped = calibration.apply_isotonic(bent[2_000:], curves)
    np.testing.assert_allclose(mapped.sum(-1), 1)
    tempered = calibration.apply_temperature(bent[2_000:], calibration.fit_temperature(bent[:2_000], y[:2_000]))
    losses = [calibration.brier_score(shares, y[2_000:]) for shares in (bent[2_000:], tempered, mapped)]
    assert losses[2] < min(losses[:2]) - 0.01
    assert abs(losses[2] - calibration.brier_score(p[2_000:], y[2_000:])) < 0.01
    for at, values in curves:
        assert (np.diff(at) > 0).all()
        assert (np.diff(values) >= 0).all()
        assert 0 < min(values) <= max(values) < 1


def test_an_isotonic_curve_is_scikit_learn_s_and_never_certain():
    p, y = np.array([[0.9, 0.1], [0.8, 0.2], [0.2, 0.8], [0.1, 0.9]]), np.array([0, 0, 1, 1])
    (at, values), _ = calibration.fit_isotonic(p, y)
    np.testing.assert_allclose(np.interp([0.1, 0.2, 0.5, 0.8, 0.9], at, values), [1 / 6, 1 / 6, 0.5, 5 / 6, 5 / 6])
    same = calibration.apply_isotonic(p, (((0.0, 1.0), (0.0, 1.0)),) * 2)
    np.testing.assert_allclose(same, p)
    draw = np.random.default_rng(6)
    p, y = np.round(draw.random(200), 2), draw.integers(0, 2, 200)  # many of them equal
    p[:20] = np.geomspace(1e-17, 1e-14, 20)  # or nearly
    reference = isotonic.IsotonicRegression(y_min=1 / 202, y_max=1 - 1 / 202).fit(p, y == 1)
    at, values = calibration.fit_isotonic(np.stack([1 - p, p], -1), y)[1]
    np.testing.assert_allclose(at, reference.X_thresholds_)
    np.testing.assert_allclose(values, reference.y_thresholds_)
