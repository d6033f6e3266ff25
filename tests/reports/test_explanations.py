import csv
import json

import numpy as np
import pytest

from affect_jax.evaluation.attribution import Integrated
from affect_jax.evaluation.explanations.clips import Clip
from affect_jax.evaluation.explanations.entry import Findings, describe_clip
from affect_jax.evaluation.lime import Explanation
from affect_jax.reports import explanations

RATE = 100
BOUNDS = np.array([0, 100, 200, 300])


@pytest.fixture
def clip():
    x = np.random.default_rng(0).normal(size=400).astype(np.float32)
    x[300:] = 0
    return Clip("day/1 a", x, 300, target=0.4, prediction=0.5, case=1)


def found(**changes):
    values = dict(
        coefficients=np.array([0.1, -0.2, 0.0]),
        deviation=np.zeros(3),
        intercept=0.6,
        r2=0.9,
        stability=0.8,
        clipped=0.0,
        distinct=8,
    )
    return Explanation(**{**values, **changes})


def describe(clip, answer=0.5, error=0.0, **changes):
    attribution = np.concatenate([np.full(100, 0.002), np.full(100, -0.001), np.zeros(200)])
    integrated = Integrated(attribution, 0.1, error)
    return describe_clip(clip, RATE, Findings(answer, BOUNDS, found(**changes), integrated, np.array([0.2, -0.3, 0.1])))


def test_an_entry_has_everything_in_seconds_and_in_json_s_numbers(clip):
    entry = describe(clip, stability=float("nan"))
    assert json.loads(json.dumps(entry, allow_nan=False)) == entry
    assert (entry["id"], entry["target"], entry["prediction"], entry["case"]) == ("day/1 a", 0.4, 0.5, 1)
    assert entry["segments"] == [[0, 1], [1, 2], [2, 3]]
    assert entry["order"] == [1, 0, 2]
    np.testing.assert_allclose(entry["integrated_gradients"], [0.2, -0.1, 0], atol=1e-12)
    assert entry["lime_stability"] is None
    assert entry["agreement"]["occlusion"] == {"spearman": pytest.approx(1), "top3": 1.0}
    assert entry["notes"] == []


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        (dict(r2=0.3), "low surrogate"),
        (dict(stability=0.2), "unstable ranks"),
        (dict(clipped=0.4), "40% of the perturbed clips"),
        (dict(coefficients=np.zeros(3), r2=0.0), "nothing to explain"),
        (dict(coefficients=np.zeros(3), r2=0.0, clipped=1.0), "100% of the perturbed clips"),
        (dict(error=0.05), "raise --steps"),
        (dict(answer=0.8), "rescaled"),
    ],
)
def test_what_is_doubtful_is_said(clip, changes, note):
    (said,) = describe(clip, **changes)["notes"]
    assert note in said


def test_files_and_the_table_over_all_of_them(clip, tmp_path):
    folder = tmp_path / "run" / "explanations"
    for name in ("day/1 a", "b"):
        path = explanations.write_clip(folder, clip, RATE, {**describe(clip, r2=0.3), "id": name}, svg=name == "b")
        clip = clip._replace(id="b")
    assert path == folder / "b.json"
    assert {p.name for p in folder.iterdir()} == {"day%2F1 a.json", "day%2F1 a.png", "b.json", "b.png", "b.svg"}
    lines = list(csv.DictReader(explanations.write_clip_table(folder).read_text().splitlines()))
    assert [line["id"] for line in lines] == ["b", "day/1 a"]
    assert lines[0]["order"] == "1 0 2"
    assert lines[0]["lime_r2"] == "0.3"
    assert lines[0]["occlusion_top3"] == "1"
    assert "low surrogate" in lines[0]["notes"]


def test_headline_names_truth_prediction_and_quality(clip):
    assert explanations.write_headline(describe(clip)) == (
        "day/1 a  truth 0.40  prediction 0.50\nLIME: R² 0.90, rank stability 0.80"
    )
    of_class = {**describe(clip._replace(target=None), stability=float("nan")), "class": "angry"}
    assert explanations.write_headline(of_class).startswith("day/1 a  prediction of class 'angry' 0.50\n")
    assert explanations.write_headline(of_class).endswith("rank stability -")
