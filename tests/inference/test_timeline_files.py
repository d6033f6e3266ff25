import csv
import io
import json

import numpy as np
import pytest

from affect_jax.inference import timeline_files
from affect_jax.inference.timelines import Timeline

NAN = np.nan
LABELS = ("calm", "angry", "sad")


def timeline(prediction, **changes):
    prediction = np.asarray(prediction, np.float32)
    start = 10.0 * np.arange(len(prediction))
    return Timeline(
        "talk.wav",
        seconds=25.0 + 10 * (len(start) - 1),
        start=start,
        end=start + 25,
        prediction=prediction,
        peaks=np.ones(50, np.float32),
    )._replace(**changes)


REGRESSION = timeline([0.1, NAN, 0.7, -0.2])
CLASSES = timeline(np.log([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.2, 0.5, 0.3]]))


def test_a_regression():
    found = timeline_files.describe_timeline(REGRESSION, "signed_regression", ())
    assert [w["prediction"] for w in found["windows"]] == [0.1, None, 0.7, -0.2]
    assert [w.get("note") for w in found["windows"]] == [None, "silent", None, None]
    assert found["summary"] == {"mean": 0.2, "max": 0.7, "max_at": {"start": 20.0, "end": 45.0}}
    assert found["notes"] == ["1 of 4 windows are silent and have no prediction"]
    assert (
        "talk.wav: 55 s, 4 windows, mean 0.200, largest 0.700 at 20 to 45 s; 1 of 4"
        in timeline_files.format_summary(found)
    )


def test_classes():
    found = timeline_files.describe_timeline(CLASSES, "multiclass", LABELS)
    assert [w["prediction"] for w in found["windows"]] == ["calm", "angry", "angry"]
    assert found["windows"][1]["probabilities"] == pytest.approx({"calm": 0.2, "angry": 0.7, "sad": 0.1}, abs=1e-5)
    assert found["summary"]["prediction"] == "angry"
    assert found["summary"]["probabilities"]["angry"] == pytest.approx(0.5, abs=1e-5)
    assert found["summary"]["max_at"] == {"start": 10.0, "end": 35.0}
    assert "angry, mean probability 0.500, largest 0.700 at 10 to 35 s" in timeline_files.format_summary(found)


def test_silence_among_classes():
    quiet = timeline(np.concatenate([CLASSES.prediction, np.full((1, 3), NAN)]))
    found = timeline_files.describe_timeline(quiet, "multiclass", LABELS)
    assert found["windows"][3] == {
        "start": 30.0,
        "end": 55.0,
        "prediction": None,
        "probabilities": None,
        "note": "silent",
    }
    assert found["summary"]["prediction"] == "angry"


def test_two_classes_are_one_number():
    found = timeline_files.describe_timeline(timeline([0.2, 0.9]), "binary", ("low", "high"))
    assert [w["prediction"] for w in found["windows"]] == ["low", "high"]
    assert found["summary"]["probabilities"] == pytest.approx({"low": 0.45, "high": 0.55})


def test_classes_without_names_have_numbers():
    assert timeline_files.name_classes("multiclass", (), 3) == ("0", "1", "2")
    assert timeline_files.name_classes("multiclass", ("a", "b"), 3) == ("0", "1", "2")
    assert timeline_files.name_classes("regression", LABELS, 3) == ()


def test_clipping_is_said():
    assert (
        "12.0 % of the samples are at full scale" in timeline_files.list_doubts(REGRESSION._replace(clipped=0.12))[-1]
    )
    assert len(timeline_files.list_doubts(REGRESSION._replace(clipped=0.001))) == 1


def test_csv_holds_every_window_and_every_bad_file():
    described = [
        timeline_files.describe_timeline(REGRESSION, "regression", ()),
        timeline_files.describe_timeline(Timeline("a,b.wav", "a,b.wav is empty"), "regression", ()),
    ]
    trials = list(csv.DictReader(io.StringIO(timeline_files.format_csv(described, ()))))
    assert [trial["prediction"] for trial in trials] == ["0.1", "", "0.7", "-0.2", ""]
    assert trials[1]["note"] == "silent"
    assert trials[-1] == {"file": "a,b.wav", "start": "", "end": "", "prediction": "", "note": "a,b.wav is empty"}
    assert "skipped: a,b.wav is empty" in timeline_files.format_summary(described[1])


def test_csv_of_classes_has_their_probabilities():
    text = timeline_files.format_csv([timeline_files.describe_timeline(CLASSES, "multiclass", LABELS)], LABELS)
    trials = list(csv.DictReader(io.StringIO(text)))
    assert [trial["prediction"] for trial in trials] == ["calm", "angry", "angry"]
    for trial in trials:
        assert sum(float(trial[name]) for name in LABELS) == pytest.approx(1, abs=1e-5)


def test_json_is_json():
    described = [timeline_files.describe_timeline(REGRESSION, "regression", ())]
    found = json.loads(timeline_files.format_json(described, {"run": "r"}), parse_constant=pytest.fail)
    assert found["run"] == "r"
    assert found["files"] == described


@pytest.mark.parametrize(
    ("shown", "task"), [(REGRESSION, "regression"), (CLASSES, "multiclass"), (timeline([0.3]), "binary")]
)
def test_a_picture(tmp_path, shown, task):
    path = tmp_path / "a.png"
    timeline_files.plot_timeline(path, shown._replace(file="costs_$5_or_$6.wav"), task, LABELS, "conflict")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_windows_have_the_sets_and_intervals_of_their_coverage():
    sure = CLASSES._replace(coverage="0.8", threshold=0.6)
    found = timeline_files.describe_timeline(sure, "multiclass", LABELS)
    assert [w["set_80"] for w in found["windows"]] == [["calm"], ["angry"], ["angry"]]
    wide = timeline_files.describe_timeline(sure._replace(threshold=0.75), "multiclass", LABELS)
    assert [w["set_80"] for w in wide["windows"]] == [["calm", "angry"], ["angry"], ["angry", "sad"]]
    text = timeline_files.format_csv([wide, {"file": "b.wav", "error": "b.wav is empty"}], LABELS)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["set_80"] for row in rows] == ["calm|angry", "angry", "angry|sad", ""]
    assert rows[3]["note"] == "b.wav is empty"
    assert json.loads(timeline_files.format_json([wide], {}))["files"][0]["windows"][0]["set_80"] == ["calm", "angry"]
    numbers = REGRESSION._replace(coverage="0.95", threshold=0.25)
    found = timeline_files.describe_timeline(numbers, "regression", ())
    assert [(w.get("low_95"), w.get("high_95")) for w in found["windows"]] == [
        (-0.15, 0.35),
        (None, None),
        (0.45, 0.95),
        (-0.45, 0.05),
    ]
    assert "low_95,high_95,note" in timeline_files.format_csv([found], ())
    without = timeline_files.describe_timeline(numbers._replace(threshold=None), "regression", ())
    assert without == timeline_files.describe_timeline(REGRESSION, "regression", ())
