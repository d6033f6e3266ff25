"""New files are predicted as the files of the training run were: the same features, and nothing cut off or made up."""

import contextlib
import csv
import io
import re

import numpy as np
import pytest
import soundfile

from affect_jax.errors import UserError
from affect_jax.evaluation import audible_clips, read
from affect_jax.experiment import chosen_trial
from affect_jax.inference import deployment, export_folder, predict_inputs, predictor, speech_models
from affect_jax.inference.output import Output
from affect_jax.reports import listening
from affect_jax.runtime import run_folder
from configs import conflictnet_words, rank, speech_emotion, zoo
from tests import own, small

RATE = 8000
SEQUENCE_SIZES = dict(encoder="bigru", latent=4, classifier_width=4)


def open_both(folder, out, number=0):
    """The predictor of a trial of a run, and that of its export."""
    deployed = deployment.load_deployed(folder, number)
    deployment.export_deployed(deployed, out, {})
    return predictor.wrap_deployed(deployed), predictor.wrap_export(out, export_folder.read_export(out))


def read_predictions(folder, number=0):
    """id -> what the run itself predicted of validation and test."""
    arrays = run_folder.read_arrays(folder / "predictions.npz")
    (study,) = {name.partition("/")[0] for name in arrays if "/" in name}
    return {
        str(step): value
        for split in ("validation", "test")
        for step, value in zip(
            arrays[f"{study}/{split}/id"], arrays[f"{study}/{split}/prediction"][number], strict=True
        )
    }


def predict(model, *paths):
    """The rows of the csv, what was said, and how many were skipped."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        skipped = predict_inputs.predict_inputs(model, paths, Output("csv", None))
    return list(csv.DictReader(io.StringIO(out.getvalue()))), err.getvalue(), skipped


def drop_columns(path, target, *names):
    """A copy of a manifest without some columns."""
    with open(path) as file:
        rows = list(csv.DictReader(file))
    columns = [name for name in rows[0] if name not in names]
    lines = [",".join(columns), *(",".join(row[name] for name in columns) for row in rows)]
    (path.parent / target).write_text("\n".join(lines) + "\n")
    return path.parent / target


def compare(rows, expected, labels=()):
    """How many rows equal what the run predicted; the rows are of all items of its corpus."""
    by_id = {row["id"]: row for row in rows}
    for name, value in expected.items():
        if labels:
            shares = np.exp(value - value.max()) / np.exp(value - value.max()).sum()
            assert [float(by_id[name][label]) for label in labels] == pytest.approx(shares, abs=1e-5), name
            assert by_id[name]["prediction"] == labels[int(value.argmax())]
        else:
            assert float(by_id[name]["prediction"]) == pytest.approx(value, rel=1e-4, abs=2e-3), name  # of up to 14


@pytest.fixture(scope="module")
def items(tmp_path_factory):
    """Recordings beside faces, of which some are missing: (manifest, run folder, predictors)."""
    folder = tmp_path_factory.mktemp("items")
    path = own.write(folder, columns=("voice", "face"))
    path.write_text(path.read_text().replace("face_4.npy", "").replace("face_11.npy", ""))
    config = own.use(zoo.get_config("fusion,manifest,early"), path, target="emotion")
    config.data.average = dict(voice=3)  # so that what is read for an answer is averaged as what was trained on
    config.study.seeds, config.search.random = 1, 0
    run = folder / "run"
    small.run_drawn(config, run)
    return path, run, open_both(run, folder / "run" / "export")


def test_a_list_of_the_training_files_gets_the_run_s_own_predictions(items):
    path, run, models = items
    listing = drop_columns(
        path, "list.csv", "label:mood", "label:emotion", "label:valence", "label:trace", "split", "group"
    )
    expected = read_predictions(run)
    assert len(expected) == 4
    answers = []
    for model in models:
        rows, said, skipped = predict(model, listing)
        answers.append(rows)
        assert not skipped
        assert [row["id"] for row in rows] == [f"item{n}" for n in range(12)]
        compare(rows, expected, ("emotion0", "emotion1", "emotion2"))
        assert [row["note"] for row in rows if row["note"]] == ["without face"] * 2
        assert "predicting 'emotion' from face (files of features), voice (recordings as mfcc at 8000 Hz)" in said
        assert "note: 2 of 12: without 'face'\n" in said
        assert said.endswith("12 of 12 predicted\n")
    again, said, _ = predict(models[0], path)  # the manifest itself, whose labels are not read
    assert again == answers[0]
    assert "columns that are not read: mood, emotion, valence, trace" in said


def test_a_single_recording_is_an_item_without_the_other_modality(items):
    path, _, models = items
    for model in models:
        (row,), said, _ = predict(model, path.parent / "voice_3.wav")
        assert (row["id"], row["note"]) == ("voice_3", "without face")
        assert "without 'face'" in said
    (path.parent / "one.csv").write_text("id,voice\nx,voice_3.wav\n")
    (listed,), said, _ = predict(models[1], path.parent / "one.csv")
    assert {**listed, "id": "voice_3"} == row
    assert "no column 'face', so it is missing in every item" in said


def test_a_long_recording_is_heard_to_its_end(items):
    path, _, models = items
    model = models[1]
    steps = model.shapes["voice"][1]
    sound = [soundfile.read(path.parent / f"voice_{n}.wav")[0] for n in (0, 1, 2, 3)]
    soundfile.write(path.parent / "long.wav", np.concatenate(sound), RATE)
    soundfile.write(path.parent / "other_end.wav", np.concatenate([*sound[:3], sound[2]]), RATE)
    (row,), said, _ = predict(model, path.parent / "long.wav")
    assert row["note"] == "without face; mean of 4 windows"
    assert f"longer than the {steps} steps of 'voice' that the model reads at once" in said
    (other,), *_ = predict(model, path.parent / "other_end.wav")
    assert other["emotion0"] != row["emotion0"], "the end of a recording counts"


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ("id,voice,face\nx,nowhere.wav,\n", "nowhere.wav is missing; correct its path"),
        (
            "id,voice,face\nx,face_0.npy,\n",
            "face_0.npy cannot be 'voice', which the model was trained on as recordings",
        ),
        ("id,voice,face\nx,,voice_0.wav\n", "voice_0.wav cannot be 'face', which the model was trained on as files of"),
        ("id,voice,face\nx,,gaze.npy\n", "'face' in .*gaze.npy has 2 columns, the model takes 3; give what it was"),
        ("id,voice,face\nx,,bad.npy\n", "the features have 1 missing or infinite values in 1 columns, the first in"),
        ("id,voice,face\nx,,\n", "it has none of 'face', 'voice'; name a file in one of these columns"),
        ("id,start,end,voice\nx,5,6,voice_0.wav\n", "voice_0.wav has 0.2 s, so the start at 5 s lies outside of it"),
        ("id,voice,face\nx,silent.wav,\n", "silent.wav"),
    ],
)
def test_what_cannot_be_predicted_is_named_and_the_rest_goes_on(items, cells, said):
    path, _, models = items
    np.save(path.parent / "gaze.npy", np.zeros((3, 2), np.float32))
    np.save(path.parent / "bad.npy", np.array([[0, 1, np.nan]], np.float32))
    soundfile.write(path.parent / "silent.wav", np.zeros(RATE), RATE)
    columns = cells.splitlines()[0].split(",")
    good = ",".join({"id": "good", "voice": "voice_1.wav"}.get(name, "") for name in columns)
    (path.parent / "bad.csv").write_text(f"{cells}{good}\n")
    rows, told, skipped = predict(models[0], path.parent / "bad.csv")
    assert skipped == 1
    assert [row["id"] for row in rows] == ["good"]
    (line,) = (line for line in told.splitlines() if line.startswith("skipped: "))
    assert f"{path.parent / 'bad.csv'} row 2: " in line
    assert re.search(said, line), line
    assert told.endswith("1 of 2 predicted, 1 skipped\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id,Voice\nx,voice_0.wav\n", "no column 'face' or 'voice' (did you mean 'Voice'?); its columns are id, Voice"),
        (
            "name,voice\nx,voice_0.wav\n",
            "no column 'id'; its columns are name, voice, and a list of items has 'id' and",
        ),
        (
            "file\nvoice_0.wav\n",
            "no column 'id' and no column 'face' or 'voice'; its columns are file",
        ),
        ("id,voice\nx,3.5\n", "numbers in its columns of paths"),
        ("", "table.csv"),
    ],
)
def test_a_table_that_is_no_list_says_what_a_list_has(items, text, said):
    path, _, models = items
    (path.parent / "table.csv").write_text(text)
    rows, told, skipped = predict(models[0], path.parent / "table.csv")
    assert (rows, skipped) == ([], 1)
    assert said in told


def test_files_that_are_not_there_are_called_so_with_what_was_probably_meant(items):
    path, _, models = items
    (path.parent / "case.csv").write_text("id,voice,what it was\nx,VOICE_0.wav,one\ny,voice_1.wav,two\n")
    rows, told, skipped = predict(models[0], path.parent / "case.csv")
    assert ([row["id"] for row in rows], skipped) == (["y"], 1)
    assert "VOICE_0.wav is missing; did you mean" in told
    assert "columns that are not read: what it was" in told
    for name, said in (("nowhere.csv", "is missing; name a file that is there"), ("", "is not a file")):
        assert said in predict(models[0], path.parent / name)[1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id,voice\nx,voice_0.wav\nx,voice_1.wav\n", "row 3: has the id 'x' of row 2"),
        ("id,voice\n,voice_0.wav\n", "row 2: has no id"),
        ("id,start,voice\nx,soon,voice_0.wav\n", "'soon' is no time"),
    ],
)
def test_a_list_that_is_wrong_itself_is_refused(items, text, said):
    path, _, models = items
    (path.parent / "wrong.csv").write_text(text)
    with pytest.raises(UserError, match=said):
        predict(models[0], path.parent / "wrong.csv")


def test_a_recording_of_one_of_two_heard_modalities_is_refused(items):
    path, _, models = items
    form = models[0].form
    two = form._replace(modalities={"voice": form.modalities["voice"], "face": form.modalities["voice"]})
    rows, told, skipped = predict(models[0]._replace(form=two), path.parent / "voice_0.wav")
    assert (rows, skipped) == ([], 1)
    assert "of which 2 are recordings; list the files in a csv with the columns id,face,voice, and name that" in told


def test_the_page_of_a_fusion_run_plays_the_manifest_s_recordings(items):
    path, run, _ = items
    openers = audible_clips.open_corpus(read.read_run(run), {"item5", "item11"})
    assert set(openers) == {"item5", "item11"}
    sound = openers["item11"]()
    np.testing.assert_allclose(sound.samples, soundfile.read(path.parent / "voice_11.wav")[0], atol=1e-4)
    page, summary = listening.explore_run(read.read_run(run), chosen_trial.choose_trial(run), "test")
    assert summary.startswith("2 clips, 2 with sound, 0 with LIME weights")
    assert b"a cell of the matrix shows its clips alone" in page.html


def test_explaining_a_fusion_run_says_what_to_train(items):
    path, run, _ = items
    command = (
        rf"reads 'voice\+face', not raw speech; train a model of the recordings themselves: python -m launch.main "
        rf"--config=configs/speech_emotion.py --config.corpus.manifest={path} "
        "--config.corpus.modalities=voice --config.corpus.target=emotion"
    )
    with pytest.raises(UserError, match=command):
        speech_models.load_speech_model(run)


def write_steps(folder, *, times, rate=25):
    """Recordings of 2 to 3 s with a label every 40 ms, which have times or not."""
    draw = np.random.default_rng(0)
    lines = ["id,split,group,label:arousal,voice"]
    for n in range(6):
        seconds = 2 + 0.2 * n
        sound = 0.3 * np.sin(np.arange(int(seconds * RATE)) * 0.1 * (1 + n)) + 0.01 * draw.normal(
            size=int(seconds * RATE)
        )
        soundfile.write(folder / f"v{n}.wav", sound, RATE)
        labels = np.sin(np.arange(int(seconds * rate)) / 7 + n)
        if times:
            rows = "".join(f"{t / rate:.2f},{y:.4f}\n" for t, y in enumerate(labels))
            (folder / f"l{n}.csv").write_text("time,value\n" + rows)
        else:
            np.save(folder / f"l{n}.npy", labels)
        split = "train" if n < 3 else "validation" if n < 5 else "test"
        lines.append(f"r{n},{split},g{n},l{n}.{'csv' if times else 'npy'},v{n}.wav")
    (folder / "own.csv").write_text("\n".join(lines) + "\n")
    return folder / "own.csv"


@pytest.mark.parametrize("times", [True, False])
def test_steps_are_those_of_the_labels_and_windows_those_of_the_evaluation(tmp_path, times):
    path = write_steps(tmp_path, times=times)
    config = own.use(rank.get_config("manifest,sequence"), path)
    config.data.window = 20
    config.data.delay = 3
    config.model.update(SEQUENCE_SIZES)
    config.study.seeds = 1
    run = tmp_path / "run"
    small.run_drawn(config, run)
    listing = drop_columns(path, "list.csv", "label:arousal", "split")
    expected = read_predictions(run)
    assert len(expected) > 150
    for model in open_both(run, tmp_path / "export"):
        rows, said, skipped = predict(model, listing)
        assert not skipped
        assert {row["id"] for row in rows} >= set(expected)
        assert len(rows) == sum(int((2 + 0.2 * n) * 25) for n in range(6))
        compare(rows, expected)
        assert "note: 6 of 6: longer than 20 steps and read in windows, as in the run's evaluation" in said
        assert "moved 3 steps later, as labels were learned that much earlier" in said
    rows, *_ = predict(model, tmp_path / "v5.wav")
    compare(rows, {name.replace("r5", "v5"): value for name, value in expected.items() if name.startswith("r5")})


def test_a_group_is_a_sequence_of_its_items(tmp_path):
    path = own.write(tmp_path, columns=("voice",))
    config = own.use(rank.get_config("manifest,sequence"), path, target="valence", layout="group")
    config.model.update(SEQUENCE_SIZES)
    config.study.seeds = 1
    run = tmp_path / "run"
    small.run_drawn(config, run)
    listing = drop_columns(path, "list.csv", "label:mood", "label:emotion", "label:valence", "label:trace", "split")
    expected = read_predictions(run)
    for model in open_both(run, tmp_path / "export"):
        rows, _, skipped = predict(model, listing)
        assert (len(rows), skipped) == (12, 0)
        compare(rows, expected)
    _, told, skipped = predict(model, tmp_path / "voice_1.wav")
    assert skipped == 1
    assert (
        "the steps of this model are the items of a group; list the files in a csv with the columns id,group,voice"
        in told
    )
    (tmp_path / "gap.csv").write_text("id,group,voice\na,g,voice_0.wav\nb,g,\n")
    _, told, skipped = predict(model, tmp_path / "gap.csv")
    assert skipped == 1


def test_a_list_for_raw_speech(tmp_path):
    path = own.write(tmp_path, columns=("voice",))
    config = own.use(small.forget_synthetic(speech_emotion.get_config()), path, target="emotion")
    with config.unlocked():
        config.model.update(small.NETWORK)
    config.study.seeds = 1
    run = tmp_path / "run"
    small.run_drawn(config, run)
    for model in open_both(run, tmp_path / "export"):
        rows, _, skipped = predict(model, drop_columns(path, "list.csv", "label:mood"))
        assert not skipped
        compare(rows, read_predictions(run), ("emotion0", "emotion1", "emotion2"))


def test_a_list_for_raw_speech_and_words(tmp_path):
    """A model of several modalities, of which one is a waveform, makes no timelines, and an item may lack its words."""
    path = own.write(tmp_path, columns=("text", "voice"))
    path.write_text(path.read_text().replace("text_4.npy", ""))
    config = own.use(conflictnet_words.get_config(), path, target="valence")
    sizes = dict(filters=(2, 3), widths=(6, 4), pools=(8, 6), lstm_units=(4, 3), attention_units=2, heads=2)
    with config.unlocked():
        config.model.update(sizes)
    config.study.update(only=("cross",), seeds=1)
    run = tmp_path / "run"
    small.run_drawn(config, run)
    listing = drop_columns(path, "list.csv", "label:valence", "split")
    model = predictor.wrap_deployed(deployment.load_deployed(run, 0))
    assert model.trained["rate"] is None
    rows, _, skipped = predict(model, listing)
    assert not skipped
    assert [row["note"] for row in rows if row["note"]] == ["without text"]
    compare(rows, read_predictions(run))
