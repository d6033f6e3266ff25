"""What is done to predictions before they are scored; small arrays, no corpus."""

from types import SimpleNamespace

import numpy as np
import pytest

from affect_jax.config.schema import Data
from affect_jax.data import splits
from affect_jax.data.normalize import standardize_within
from affect_jax.datasets.recordings import Recording
from affect_jax.errors import UserError
from affect_jax.experiment import results

STEPS = 40


def make_split(target, recordings=2):
    """Single frames as examples, in recordings of equal lengths."""
    count = len(target)
    stream = SimpleNamespace(start=np.arange(count), length=np.ones(count, int), steps=None, scored=None)
    offsets = np.linspace(0, count, recordings + 1).astype(int)
    index = SimpleNamespace(offsets=offsets, labelled=np.ones(recordings, bool))
    of = np.repeat(np.arange(recordings), np.diff(offsets))
    return SimpleNamespace(corpus=SimpleNamespace(target=stream), index=index, target=target, recording=of)


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


def make_recordings():
    draw = np.random.default_rng(0)
    return [
        Recording(
            id=f"r{n}",
            group=f"g{n // 2}",
            steps=(f"r{n}",),
            features={"a": (draw.normal(size=(5 + n, 3)) * (n + 1) + n).astype(np.float32), "v": np.ones(4, np.int16)},
            targets={"y": np.zeros(1, np.float32)},
        )
        for n in range(4)
    ]


@pytest.mark.parametrize("by", ["group", "recording"])
def test_features_are_standardised_by_their_own_speaker_or_recording(by):
    made = make_recordings()
    within = standardize_within(made, ("a", "v"), by)
    for unit in {getattr(r, "group" if by == "group" else "id") for r in made}:
        mine = [n for n, r in enumerate(made) if unit in (r.group, r.id)]
        frames = np.concatenate([within[n].features["a"] for n in mine])
        np.testing.assert_allclose(frames.mean(axis=0), 0, atol=1e-5)
        np.testing.assert_allclose(frames.std(axis=0), 1, atol=1e-5)
    assert within[0].features["v"] is made[0].features["v"], "a waveform has a scale of its own"
    # Another speaker, and where and how loud a speaker is, change nothing.
    moved = [r._replace(features={**r.features, "a": 3 * r.features["a"] + 7}) for r in made]
    for one, other in zip(standardize_within(moved[2:], ("a",), by), within[2:], strict=True):
        np.testing.assert_allclose(one.features["a"], other.features["a"], atol=1e-4)


def test_standardising_what_would_leave_nothing_is_refused():
    short = [r._replace(features={"a": r.features["a"][:1]}) for r in make_recordings()]
    with pytest.raises(UserError, match="no recording has more than one step of 'a', so nothing of it would be left"):
        standardize_within(short, ("a",), "recording")
    assert standardize_within(short, ("a",), "group")[0].features["a"].shape == (1, 3)
    data = Data(modalities=("a",), target="y", unit="item", eval_size=2, standardize_within="group")
    with pytest.raises(UserError, match="needs the features in memory; leave it out, or set config.engine.stream"):
        splits.build_split(make_recordings(), data, stream=True)
