"""What is done to predictions before they are scored; small arrays, no corpus."""

from types import SimpleNamespace

import numpy as np
import pytest

from affect_jax.data import splits
from affect_jax.experiment import results

STEPS = 40


def make_split(target, recordings=2):
    """Single frames as examples, in recordings of equal lengths."""
    count = len(target)
    stream = SimpleNamespace(start=np.arange(count), length=np.ones(count, int), steps=None, scored=None)
    index = SimpleNamespace(offsets=np.linspace(0, count, recordings + 1).astype(int))
    return SimpleNamespace(corpus=SimpleNamespace(target=stream), index=index, target=target)


@pytest.mark.parametrize("seed", range(5))
def test_rescaling_as_the_authors_do_changes_every_score_but_pcc(seed):
    draw = np.random.default_rng(seed)
    target = draw.uniform(-1, 1, STEPS).astype(np.float32)
    # A model whose answers are timid and biased: another range than the labels', another mean, other signs.
    predicted = (0.3 * target + 0.1 * draw.normal(size=STEPS) + 0.4).astype(np.float32)
    rescaled = predicted[None].copy()
    folds = SimpleNamespace(train=np.arange(STEPS)[None])
    splits.rescale_predictions({"test": rescaled}, make_split(target), folds, np.zeros(1, int))
    before, after = (
        results.score_trial("signed_regression", x, target, np.arange(STEPS)) for x in (predicted, rescaled[0])
    )
    assert after["pcc"] == pytest.approx(before["pcc"], abs=1e-5)
    for metric in ("ccc", "rmse", "accuracy"):
        assert abs(after[metric] - before[metric]) > 0.01, metric


def test_a_trial_that_answers_with_nan_alone_is_neither_rescaled_nor_postprocessed():
    target = np.linspace(-1, 1, STEPS).astype(np.float32)
    split, folds = make_split(target), SimpleNamespace(train=np.arange(STEPS)[None])
    values = np.stack([np.full(STEPS, np.nan), 0.5 * target]).astype(np.float32)
    splits.rescale_predictions({"test": values}, split, folds, np.zeros(2, int))
    assert np.isnan(values[0]).all()
    np.testing.assert_allclose(values[1], target, atol=1e-6)
    both = {"validation": values, "test": values.copy()}
    splits.postprocess_predictions(both, {"validation": split, "test": split})
    assert np.isnan(both["test"][0]).all()
    assert np.isfinite(both["test"][1]).all()


@pytest.mark.parametrize("classes", [0, 2, 5])
def test_delayed_predictions_come_back_by_steps_and_never_by_classes(classes):
    values = np.arange(6.0) if not classes else np.arange(6.0 * classes).reshape(6, classes)
    back = splits.restore_delay(values, 2)
    np.testing.assert_array_equal(back[2:], values[:-2])
    np.testing.assert_array_equal(back[:2], np.stack([values[0]] * 2))
    np.testing.assert_array_equal(splits.restore_delay(values, 0), values)
