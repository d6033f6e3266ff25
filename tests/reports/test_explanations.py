import csv
import json

import numpy as np
import pytest
from matplotlib.colors import to_hex

from affect_jax.evaluation.attribution import Integrated
from affect_jax.evaluation.explanations.clips import Clip
from affect_jax.evaluation.explanations.entry import Findings, describe_clip
from affect_jax.evaluation.lime import Explanation
from affect_jax.features import audio
from affect_jax.reports import explanations

RATE = 100
BOUNDS = np.array([0, 100, 200, 300])


@pytest.fixture
def clip():
    x = np.random.default_rng(0).normal(size=400).astype(np.float32)
    x[300:] = 0
    return Clip("day/1 a", x, 300, target=0.4, prediction=0.5, case=1)


def make_explanation(**changes):
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
    return describe_clip(
        clip, RATE, Findings(answer, BOUNDS, make_explanation(**changes), integrated, np.array([0.2, -0.3, 0.1]))
    )


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
    (written,) = describe(clip, **changes)["notes"]
    assert note in written


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


TONE_RATE = 1000
SEGMENTS = [(0.0, 0.5), (0.5, 1.0), (1.0, 1.5), (1.5, 2.0)]
COEFFICIENTS = np.array([0.3, -0.2, 0.1, -0.01])


@pytest.fixture
def figure():
    x = np.random.default_rng(0).normal(size=2000).astype(np.float32)
    entry = {"id": "a clip", "target": 0.43, "prediction": 0.5, "lime_r2": 0.9, "lime_stability": 0.8}
    entry |= {"segments": SEGMENTS, "lime": COEFFICIENTS.tolist(), "lime_deviation": [0.02] * 4}
    return explanations.draw_explanation(x, TONE_RATE, entry, top=2)


def test_spectrogram_has_a_tone_at_its_frequency_and_time():
    t = np.arange(2000) / TONE_RATE
    x = np.where(t < 1, np.sin(2 * np.pi * 250 * t), 0)
    times, frequencies, decibels = audio.compute_log_spectrogram(x, TONE_RATE)
    assert decibels.shape == (len(frequencies), len(times)) == (17, 200)
    np.testing.assert_allclose(frequencies[decibels[:, 20:80].argmax(axis=0)], 250)
    assert decibels.max() == 0
    np.testing.assert_allclose(decibels[:, times > 1.05], -80)


def test_spectrogram_of_silence_is_finite():
    assert np.isfinite(audio.compute_log_spectrogram(np.zeros(50), TONE_RATE)[2]).all()


def test_bars_say_the_polarity_by_colour_and_hatch(figure):
    bars = figure.axes[1].patches[:4]
    assert [bar.get_height() for bar in bars] == pytest.approx(list(COEFFICIENTS))
    colours = [to_hex(bar.get_facecolor()).upper() for bar in bars]
    assert colours == [explanations.FOR, explanations.AGAINST, explanations.FOR, explanations.AGAINST]
    assert [bool(bar.get_hatch()) for bar in bars] == [False, True, False, True]


def test_the_most_relevant_are_ranked_and_the_negative_are_marked(figure):
    above = figure.axes[0]
    assert [(text.get_text(), text.get_position()[0]) for text in above.texts] == [("1", 0.25), ("2", 0.75)]
    marked = {round(patch.get_x(), 3) for patch in above.patches}
    assert marked == {0.0, 0.5, 1.5}  # the third is neither among the two most relevant nor negative
    assert above.get_title().startswith("a clip  truth 0.43")
    assert figure.axes[1].get_xlim() == (0, 2)
