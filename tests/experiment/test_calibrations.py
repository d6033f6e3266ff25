"""Calibrations of validation answers, by temperature and by isotonic curves."""

import numpy as np
import pytest

from affect_jax.experiment.calibrations import calibrate_predictions, fit_calibration
from affect_jax.metrics import calibration, conformal


def draw_answers(seed, count=600):
    draw = np.random.default_rng(seed)
    logits = 2 * draw.normal(size=(count, 3)).astype(np.float32)
    shares = calibration.compute_probabilities("multiclass", logits).cumsum(-1)
    return 2 * logits, (draw.random((count, 1)) > shares[:, :-1]).sum(-1).astype(np.float32)  # twice as sure as right


@pytest.mark.parametrize("method", ["temperature", "isotonic"])
def test_sets_of_either_calibration_cover_other_answers(method):
    fitted = fit_calibration("multiclass", *draw_answers(0), method)
    assert (fitted.isotonic is not None) == (method == "isotonic")
    logits, target = draw_answers(1)
    raw = calibration.compute_probabilities("multiclass", logits)
    mended = calibration.compute_probabilities("multiclass", calibrate_predictions("multiclass", logits, fitted))
    losses = [calibration.negative_log_likelihood(shares, target.astype(int)) for shares in (raw, mended)]
    assert losses[1] < losses[0] - 0.05
    sets = conformal.choose_sets(mended, fitted.thresholds["0.9"])
    covered = sets[np.arange(len(target)), target.astype(int)].mean()
    assert 0.87 < covered < 0.97, "a little more than .9, as the most probable class is in every set"


def test_binary_probabilities_stay_probabilities_of_class_1():
    draw = np.random.default_rng(0)
    p = draw.uniform(size=300).astype(np.float32)
    y = (draw.uniform(size=300) < p**2).astype(np.float32)
    fitted = fit_calibration("binary", p, y, "isotonic")
    np.testing.assert_allclose(calibrate_predictions("binary", p, fitted), p**2, atol=0.25)
    assert "isotonic" in fitted.describe()


def test_numbers_take_no_notice_of_the_method():
    y = np.arange(20, dtype=np.float32)
    assert fit_calibration("regression", y + 1, y, "isotonic") == fit_calibration("regression", y + 1, y)
    assert calibrate_predictions("regression", y, fit_calibration("regression", y + 1, y)) is y
