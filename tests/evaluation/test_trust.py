"""Ensembles and how far to trust them, in the reports of made-up runs."""

import csv
import dataclasses

import numpy as np
import pytest

from affect_jax.evaluation import compare, read, trust
from affect_jax.experiment.results_file import read_results
from affect_jax.metrics import calibration, conformal
from affect_jax.reports import report_files
from affect_jax.reports import trust as trust_table
from tests.run_results import write_unsealed

TRIMODAL = "configs/fusion.py:trimodal"


@pytest.fixture
def fusion(make_fusion_run):
    return read.add_ensembles(read.read_run(make_fusion_run(TRIMODAL, {"intra": 0.3, "cross": 0.5})))


def test_an_ensemble_is_one_more_line_that_can_be_compared(fusion):
    names = read.name_variants([fusion]).values()
    assert list(names) == ["intra", "cross", "intra ensemble", "cross ensemble"]
    runs = {fusion.key: fusion}
    source = compare.find_variant("intra ensemble", runs)
    assert read.is_ensemble(fusion, source)
    assert read.find_figure(fusion, source, "test", "accuracy").n == 5
    (accuracy,) = [
        answer
        for answer in compare.answer_questions([compare.parse_question("intra ensemble vs intra", runs)], runs)
        if answer.metric == "accuracy"
    ]
    contrast = accuracy.contrast
    assert (contrast.n, contrast.design.kind, contrast.test.rule) == (5, "folds", "Nadeau-Bengio, folds")
    intra = compare.find_variant("intra", runs)
    assert contrast.b.mean == pytest.approx(read.find_figure(fusion, intra, "test", "accuracy").mean, abs=1e-6)
    assert contrast.difference > 0, "three answers of which 70 % are right are right more often together"
    assert contrast.interval.difference == pytest.approx(contrast.difference, abs=1e-5)


def test_what_is_fitted_on_validation_is_measured_on_test(fusion):
    known = {one.source.variant: one for one in trust.assess_run(fusion)}
    one, arrays = known["intra"], read.read_predictions(fusion, "intra", "test")
    assert len(one.fitted) == 15
    validation = read.read_predictions(fusion, "intra", "validation")
    mine = validation.is_known[0]
    shares = calibration.compute_probabilities("multiclass", validation.prediction[0, mine])
    truth = validation.target[mine].astype(int)
    assert one.fitted[0].temperature == pytest.approx(calibration.fit_temperature(shares, truth))
    # All folds of the first seed together.
    rows = np.arange(0, 15, 3)
    first = np.nanmax(np.where(arrays.is_known[rows][..., None], arrays.prediction[rows], np.nan), axis=0)
    raw = calibration.compute_probabilities("multiclass", first)
    np.testing.assert_allclose(one.tested.raw[0], raw)
    bins = calibration.bin_confidences(raw, arrays.target.astype(int))
    assert one.scores["ece"][0] == pytest.approx(calibration.expected_calibration_error(bins))
    assert one.scores["coverage"][0] == pytest.approx(one.tested.covered[0].mean())
    curves = calibration.fit_isotonic(shares, truth)
    np.testing.assert_allclose(
        one.tested.isotonic[0, arrays.is_known[0]], calibration.apply_isotonic(raw[arrays.is_known[0]], curves)
    )
    assert set(one.intervals) == {"coverage", "ece mended"}
    low, high = one.intervals["ece mended"][1:3]
    assert low <= np.mean(one.scores["ece mended"]) + 0.05
    assert high >= np.mean(one.scores["ece mended"]) - 0.05
    together = known["intra ensemble"]
    assert len(together.fitted) == 5
    assert together.scores["accuracy"][0] > one.scores["accuracy"].mean()
    assert together.contrast.family == 4
    table = trust_table.make_table(list(known.values()), read.name_variants([fusion]))
    assert [row[0] for row in table.rows] == ["intra", "cross", "intra ensemble", "cross ensemble"]
    assert {("ECE", "calibrated"), ("ECE", "isotonic")} <= set(table.header)


def test_numbers_have_a_map_and_intervals(make_traces):
    folder = make_traces({"SEW": 0.3})
    assert trust.assess_run(read.read_run(folder)) == [], "labels of the test split were kept back"
    results = read_results(folder)
    trials = tuple(dataclasses.replace(trial, test={"ccc": 0.5}) for trial in results.trials)
    write_unsealed(folder, dataclasses.replace(results, trials=trials))
    arrays = dict(np.load(folder / "predictions.npz"))
    truth = arrays["teachers/validation/target"]
    for split in ("validation", "test"):
        arrays[f"teachers/{split}/prediction"] = (5 * arrays[f"teachers/{split}/prediction"] + 40).astype(np.float32)
        arrays[f"teachers/{split}/target"] = truth
    np.savez(folder / "predictions.npz", **arrays)
    run = read.read_run(folder)
    (one,) = trust.assess_run(run)
    assert not one.is_of_classes
    assert one.maps[0].scale == pytest.approx(0.2, rel=0.2)
    assert one.scores["rmse mended"].max() < 0.3 < 30 < one.scores["rmse"].min()
    half = conformal.find_threshold(np.abs(arrays["teachers/test/prediction"][0] - truth), 0.9)
    assert one.scores["size"][0] == pytest.approx(2 * half, rel=1e-5)
    assert one.scores["coverage"] == pytest.approx(0.9, abs=0.01)
    assert one.intervals == {}, "three recordings are too few"
    table = trust_table.make_table([one], read.name_variants([run]))
    assert ("RMSE", "mapped") in table.header


def test_the_report_has_the_table_and_the_charts(fusion, tmp_path):
    files = report_files.render_runs([fusion.path], "a command", report_files.Asked(reference="intra"))
    assert "intra ensemble" in files["comparison"]["md"]
    lines = [line for line in files["trust"]["csv"].splitlines() if not line.startswith("# ")]
    rows = {row["variant"]: row for row in csv.DictReader(lines)}
    assert set(rows) == {"intra", "cross", "intra ensemble", "cross ensemble"}
    assert 0 < float(rows["intra"]["ece_calibrated"]) < 1
    page = files["index"]["html"].decode()
    assert "How far to trust it" in page
    assert "cross ensemble: accuracy by confidence, in 15 bins" in page
    assert "Lines called ensemble" in files["comparison"]["md"]
