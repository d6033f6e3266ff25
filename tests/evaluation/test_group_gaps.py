"""Scores by the values of a column, and their largest gap, on a made-up cross-validation."""

import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.evaluation import group_gaps, read
from affect_jax.evaluation.significance import bootstrap_apart
from affect_jax.reports import group_gaps as table

TRIMODAL = "configs/fusion.py:trimodal"


@pytest.fixture
def run(make_fusion_run):
    """Sixty clips; those of an even number are made right in every trial."""
    folder = make_fusion_run(TRIMODAL, {"intra": 0.6})
    arrays = dict(np.load(folder / "predictions.npz"))
    values, target = arrays["intra/test/prediction"], arrays["intra/test/target"].astype(int)
    even = np.arange(60) % 2 == 0
    known = ~np.isnan(values[..., 0]) & even
    values[known] = np.eye(3)[np.broadcast_to(target, known.shape)[known]]
    np.savez(folder / "predictions.npz", **arrays)
    return read.read_run(folder)


def test_a_gap_is_tested_over_folds_and_groups(run, tmp_path):
    lines = ["clip,kind", *(f"clip_{i},{'odd' if i % 2 else 'even'}" for i in range(60))]
    (tmp_path / "kinds.csv").write_text("\n".join(lines) + "\n")
    cells = group_gaps.read_column(run, f"{tmp_path / 'kinds.csv'}:kind")
    (gaps,) = group_gaps.score_by(run, cells, "test", "accuracy")
    even, odd = gaps.values
    assert (even.value, even.steps, even.groups, even.scores.mean) == ("even", 30, 5, 1.0)
    answers = read.read_predictions(run, "intra", "test")
    mine = answers.is_known[:, 1::2]
    right = answers.prediction[:, 1::2].argmax(-1) == answers.target[1::2]
    assert odd.scores.mean == pytest.approx(np.mean([r[m].mean() for r, m in zip(right, mine, strict=True)]))
    assert gaps.pair == ("even", "odd")
    contrast = gaps.contrast
    assert contrast.difference == pytest.approx(1 - odd.scores.mean)
    assert (contrast.n, contrast.test.rule) == (15, "Nadeau-Bengio, folds")
    assert 0 < contrast.interval.low < contrast.interval.difference < contrast.interval.high
    grid = table.make_table([gaps], read.name_variants([run]), "kind", "test", "accuracy")
    assert [row[1] for row in grid.rows] == ["even", "odd", "gap: even − odd"]
    assert grid.rows[2][-1].startswith("even better")


def test_groups_themselves_are_a_column(run):
    (gaps,) = group_gaps.score_by(run, None, "test", "accuracy")
    assert sorted(one.value for one in gaps.values) == [f"speaker_{k}" for k in range(5)]
    assert {one.interval for one in gaps.values} == {None}
    assert gaps.contrast is None, "each fold has a speaker of its own: no trial was scored on two"
    grid = table.make_table([gaps], read.name_variants([run]), "group", "test", "accuracy")
    assert grid.rows[-1][-1].startswith("no trial was scored on both")


def test_what_is_no_column_is_refused(run, tmp_path):
    (tmp_path / "a.csv").write_text("id,sex\nnobody,female\n")
    with pytest.raises(UserError, match="no column of .*a.csv has ids or groups of"):
        group_gaps.read_column(run, f"{tmp_path / 'a.csv'}:sex")
    with pytest.raises(UserError, match="no column 'sexx' .did you mean 'sex'"):
        group_gaps.read_column(run, f"{tmp_path / 'a.csv'}:sexx")
    with pytest.raises(UserError, match="has no manifest with columns; name a table"):
        group_gaps.read_column(run, "sex")
    with pytest.raises(UserError, match="rmse is no sum over groups"):
        group_gaps.score_by(run, None, "test", "rmse")


def test_the_bootstrap_of_two_parts_is_as_wide_as_both():
    random = np.random.default_rng(0)
    a, b = (np.stack([random.normal(size=n), np.ones(n)], -1)[None] for n in (40, 60))
    interval = bootstrap_apart(a, b, lambda sums: sums[..., 0] / sums[..., 1])
    assert interval.difference == pytest.approx(a[..., 0].mean() - b[..., 0].mean())
    half = 1.96 * np.sqrt(a[..., 0].var() / 40 + b[..., 0].var() / 60)
    assert (interval.high - interval.low) / 2 == pytest.approx(half, rel=0.1)
    assert interval.groups == 100
