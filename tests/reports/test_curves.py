import csv

import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.evaluation import learning_curves, read
from affect_jax.reports import curves, render

TRIMODAL = "configs/fusion.py:trimodal"


@pytest.fixture
def folder(make_fusion_run, add_epochs):
    run_folder = make_fusion_run(TRIMODAL, {"intra": 0.3, "cross": 0.3}, seeds=1)
    add_epochs(run_folder, "intra", {"intra": (4, 2, 2)})
    return run_folder


def by_name(folder):
    return {curve.name: curve for curve in learning_curves.read_curves(read.read_run(folder))}


def test_means_over_the_rows_that_are_still_trained(folder):
    by_value = by_name(folder)
    assert set(by_value) == {"loss", "prediction", "validation/uar"}, "the learning rate's schedule is no loss"
    loss = by_value["loss"]
    assert loss.epoch.tolist() == [1, 2, 3, 4]
    assert loss.trials.tolist() == [3, 3, 1, 1]
    np.testing.assert_allclose(loss.mean, [2.0, 1.5, 1 / 3, 1 / 4])
    np.testing.assert_allclose(loss.std, [1.0, 1.0, np.nan, np.nan])


def test_a_curve_ends_where_most_rows_have_stopped(folder):
    assert by_name(folder)["loss"].cut().epoch.tolist() == [1, 2]


def test_searches_are_left_out(folder, add_epochs):
    add_epochs(folder, "cross", {"cross": (9,)}, phase="search")
    assert {curve.source.variant for curve in learning_curves.read_curves(read.read_run(folder))} == {"intra"}


def test_an_epoch_that_a_resumed_run_wrote_again_counts_once(folder, add_epochs):
    before = by_name(folder)["loss"]
    add_epochs(folder, "intra", {"intra": (2, 2)})
    after = by_name(folder)["loss"]
    assert after.trials.tolist() == before.trials.tolist()
    np.testing.assert_array_equal(after.mean, before.mean)


def test_values_that_are_not_finite_are_left_out(folder):
    path = folder / "metrics.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0].replace('"loss": 1.0', '"loss": null'), *lines[1:]]))
    assert by_name(folder)["loss"].trials.tolist() == [2, 3, 1, 1]


def test_a_line_that_was_cut_at_the_end_is_no_fault_elsewhere_it_is(folder):
    path = folder / "metrics.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, lines[0][:30]]))
    assert by_name(folder)["loss"].trials.tolist() == [3, 3, 1, 1]
    for bad in (lines[0][:30], "[1]", '{"fit": "intra-final-000"}', lines[0].replace('"epoch": 1', '"epoch": "one"')):
        path.write_text("\n".join([lines[0], bad, *lines[1:]]))
        with pytest.raises(UserError, match=r"metrics\.jsonl line 2 is no epoch of a run"):
            by_name(folder)


def test_no_file_no_curves(make_fusion_run):
    run = read.read_run(make_fusion_run(TRIMODAL, {"intra": 0.3}))
    assert learning_curves.read_curves(run) == []
    assert curves.make_table([run]).rows == ()


def test_charts_of_a_stage(folder):
    run = read.read_run(folder)
    by_value = learning_curves.read_curves(run)
    assert learning_curves.choose_charts(run, "fit", by_value) == ["validation/uar", "loss"], (
        "one term is the loss itself"
    )
    more = [*by_value, by_value[0]._replace(name="alignment")]
    assert learning_curves.choose_charts(run, "fit", more) == ["validation/uar", "loss", "alignment", "prediction"]
    asked = run._replace(config={"stages": {"fit": {"monitor": {"metric": "accuracy"}}}})
    several = [*by_value, by_value[0]._replace(name="validation/accuracy")]
    assert learning_curves.choose_charts(asked, "fit", several)[0] == "validation/accuracy"


def test_a_line_a_stage_and_an_epoch_a_line(folder):
    texts = render.write_formats(curves.make_table([read.read_run(folder)]), "python -m x")
    assert "| fusion\\_trimodal | intra | intra | fit |  |  | 2 | 1.5 | UAR % | 66.7 |" in texts["md"].splitlines(), (
        "trials of this made-up run do not say how long they were trained"
    )
    rows = list(csv.DictReader(line for line in texts["csv"].splitlines() if not line.startswith("# ")))
    assert len(rows) == 3 * 4
    assert rows[2] == {
        **dict(run="fusion_trimodal", study="intra", variant="intra", stage="fit", value="loss"),
        **dict(epoch="3", mean="0.333333", std="", trials="1"),
    }
