import json

import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.evaluation import courses, read
from affect_jax.evaluation.read import Source
from affect_jax.reports import over_time, render

SEW = Source("", "teachers", "SEW")


def lin(a, b):
    """Lin's concordance as he defines it (Biometrics 45, 1989)."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    return 2 * np.cov(a, b, bias=True)[0, 1] / (a.var() + b.var() + (a.mean() - b.mean()) ** 2)


def test_recordings_with_their_times(make_traces):
    run = read.read_run(make_traces({"SEW": 0.3, "-CCA": 1.0}))
    traced = courses.list_recordings(run, SEW, "validation")
    assert [recording.name for recording in traced] == ["dev_0", "dev_1", "dev_2"]
    assert traced[1].seconds
    np.testing.assert_allclose(traced[1].time, np.arange(60) / 25)
    np.testing.assert_allclose(traced[1].target, np.sin(np.arange(60) / 9 + 1), atol=1e-6)
    assert traced[1].predictions.shape == (3, 60), "the trials of this variant alone"
    expected = [lin(row, traced[1].target) for row in traced[1].predictions]
    np.testing.assert_allclose(traced[1].score(), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("named", "recordings"),
    [
        (lambda k: f"step {k}", ["dev_0", "dev_1", "dev_2"]),  # no times: a recording is a group
        (lambda k: f"item {k // 60}@{k % 60}", ["item 0", "item 1", "item 2"]),  # whole numbers are no seconds
    ],
)
def test_ids_without_seconds(make_traces, named, recordings):
    folder = make_traces({"SEW": 0.3})
    with np.load(folder / "predictions.npz") as file:
        arrays = {**file, "teachers/validation/id": np.array([named(k) for k in range(180)])}
    np.savez(folder / "predictions.npz", **arrays)
    traced = courses.list_recordings(read.read_run(folder), SEW, "validation")
    assert [recording.name for recording in traced] == recordings
    assert not traced[0].seconds
    np.testing.assert_array_equal(traced[0].time, np.arange(60))


def test_labels_that_are_kept_back_are_not_drawn(make_traces):
    run = read.read_run(make_traces({"SEW": 0.3}))
    assert courses.list_recordings(run, SEW, "test") == []
    assert courses.sample_points(run, SEW, "test") is None


def test_only_numbers_along_recordings_have_a_course(make_run, make_fusion_run):
    few = read.read_run(make_run("configs/sew.py:x", [("teachers", "SEW")], task="regression", split="validation"))
    assert not courses.is_continuous(few, "validation"), "6 recordings, and their steps are not counted"
    classes = read.read_run(make_fusion_run("configs/fusion.py:trimodal", {"intra": 0.3}))
    assert courses.list_recordings(classes, read.list_variants(classes)[0], "test") == []
    assert courses.sample_points(classes, read.list_variants(classes)[0], "test") is None


def test_the_table_has_every_recording(make_traces):
    texts = render.write_formats(
        over_time.make_table([read.read_run(make_traces({"SEW": 0.0, "-CCA": 1.0}, synthetic=True))]), "python -m x"
    )
    lines = [line for line in texts["csv"].splitlines() if not line.startswith("# ")]
    assert len(lines) == 1 + 2 * 3
    assert lines[1] == "sew_arousal_geo_audio (synthetic),teachers,SEW,validation,dev_0,60,3,1.000,0.000"
    assert "python -m x" in texts["tex"]


def test_points_are_of_the_least_seed_of_each_fold(make_traces, make_run):
    run = read.read_run(make_traces({"SEW": 0.5}))
    truth, answer, steps = courses.sample_points(run, SEW, "validation")
    predictions = read.read_predictions(run, "teachers", "validation")
    assert steps == 180
    np.testing.assert_allclose(truth, predictions.target)
    np.testing.assert_allclose(answer, predictions.prediction[0])
    truth, answer, steps = courses.sample_points(run, SEW, "validation", most=10)
    assert (len(truth), len(answer), steps) == (10, 10, 180)
    # A cross-validation shows each step in the fold that was tested on it.
    folded = predictions.prediction.copy()
    folded[0, 90:], folded[1, :90] = np.nan, np.nan
    results = json.loads((run.path / "results.json").read_text())
    results["trials"][1].update(fold="other", seed=0)
    with np.load(run.path / "predictions.npz") as file:
        arrays = {**file, "teachers/validation/prediction": folded}
    np.savez(run.path / "predictions.npz", **arrays)
    (run.path / "results.json").write_text(json.dumps(results))
    _, answer, steps = courses.sample_points(read.read_run(run.path), SEW, "validation")
    assert steps == 180
    np.testing.assert_allclose(answer, np.r_[predictions.prediction[0, :90], predictions.prediction[1, 90:]])


def test_damaged_predictions(make_traces):
    folder = make_traces({"SEW": 0.5})
    (folder / "predictions.npz").write_bytes(b"PK damaged")
    for load in (courses.list_recordings, courses.sample_points):
        with pytest.raises(UserError, match=r"predictions\.npz cannot be read"):
            load(read.read_run(folder), SEW, "validation")
