"""From clips to subtitles: ten small videos, their transcripts and segments, through training to answers for clips."""

import csv
import io
import json
import re
import shutil
import sys

import numpy as np
import pytest
import safetensors.numpy
from absl import flags

from affect_jax.datasets.manifest.extract_columns import extract_features
from affect_jax.errors import UserError
from affect_jax.experiment import chosen_trial
from affect_jax.features import egemaps, faces, transcripts
from affect_jax.features.segments import WHOLE
from affect_jax.inference import clip_features, deployment, timeline_files
from affect_jax.inference import clips as clips_of
from affect_jax.runtime import run_folder
from configs import zoo
from launch import predict
from tests import own, small
from tests.extraction.small_encoders import write_encoder

clips = pytest.importorskip("tests.extraction.clips")
WORDS = ("sad", "happy")


def keep_one_layer(encoder):
    """Drops the second layer of a small encoder, which every program that hears, sees or reads a clip would compile."""
    described, weights = encoder / "config.json", encoder / "model.safetensors"
    described.write_text(described.read_text().replace('"num_hidden_layers": 2', '"num_hidden_layers": 1'))
    arrays = safetensors.numpy.load_file(weights)
    kept = {name: array for name, array in arrays.items() if not re.search(r"\blayers?\.1\.", name)}
    safetensors.numpy.save_file(kept, weights)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Ten clips of 2 s, two stretches each, and a run of fusion on their sound, pictures and words by random encoders:
    wav2vec 2.0, CLIP's of images and BERT; with its export.
    """
    pytest.importorskip("tokenizers")
    folder = tmp_path_factory.mktemp("clips")
    for name in ("wav2vec2_base", "clip_images", "bert"):
        keep_one_layer(write_encoder(name, folder / name))
    rows = []
    for number in range(10):
        mood, name = number % 2, f"c{number}"
        clips.write_clip(
            folder / f"{name}.mp4",
            seconds=2,
            frames=lambda share, mood=mood, number=number: clips.draw(share if mood else 0.2, 200 - 5 * number),
            tone=300 + 400 * mood + 10 * number,
        )
        cue = f"1\n00:00:00,100 --> 00:00:01,900\na {WORDS[mood]} day {WORDS[mood]}\n"
        (folder / f"{name}.srt").write_text(cue)
        for part in range(2):
            rows.append(
                (f"{name}_{part}", f"g{number // 2}", WORDS[mood], f"{name}.mp4", f"{name}.srt", part, part + 1)
            )
    with (folder / "my.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", "group", "label", "clip", "said", "start", "end"), *rows])
    features = (
        f"voice=clip:{folder / 'wav2vec2_base'}, face=clip:{folder / 'clip_images'}, words=said:{folder / 'bert'}"
    )
    list(extract_features(folder / "my.csv", features, folder / "made"))
    config = own.use(zoo.get_config("fusion,manifest,early"), folder / "made" / "manifest.csv")
    config.stages.fit.epochs = 1
    config.study.update(seeds=1, folds=("fold_1",))
    config.search.random = 0
    small.run(config, folder / "run")
    choice = chosen_trial.choose_trial(folder / "run", None, None)
    deployment.export_deployed(deployment.load_calibrated(folder / "run", choice), folder / "export", {})
    return folder


def call(monkeypatch, capsys, *arguments):
    """What launch.predict writes and says, and its exit status."""
    values = flags.FlagValues()
    predict.define_flags(values)
    monkeypatch.setattr(predict, "FLAGS", values)
    status = 0
    try:
        predict.main(values(["predict", *map(str, arguments)]))
    except SystemExit as error:
        status = error.code
    written = capsys.readouterr()
    return written.out, written.err, status


def read_own(folder):
    """id -> probabilities that the run itself predicted, at the temperature that its export keeps."""
    arrays = run_folder.read_arrays(folder / "run" / "predictions.npz")
    ids = arrays["early/test/id"]
    temperature = json.loads((folder / "export" / "description.json").read_text())["calibration"]["temperature"]
    values = timeline_files.compute_probabilities("multiclass", arrays["early/test/prediction"][0] / temperature)
    return dict(zip(map(str, ids), values, strict=True))


@pytest.mark.parametrize("model", ["run", "export"])
def test_windows_of_a_clip_are_extracted_as_in_training(folder, monkeypatch, capsys, tmp_path, model):
    expected = read_own(folder)
    name = sorted(expected)[0].partition("_")[0]
    arguments = [f"--run={folder / model}", folder / f"{name}.mp4", f"--transcript={folder / f'{name}.srt'}"]
    arguments += ["--hop=1", f"--out={tmp_path / 'out.json'}", "--subtitles=vtt", "--plot"]
    _, said, status = call(monkeypatch, capsys, *arguments)
    assert not status
    described = json.loads((tmp_path / "out.json").read_text())["files"][0]
    assert [(one["start"], one["end"]) for one in described["windows"]] == [(0, 1), (1, 2)]
    for part, window in enumerate(described["windows"]):
        shares = [window["probabilities"][label] for label in ("happy", "sad")]
        np.testing.assert_allclose(shares, expected[f"{name}_{part}"], atol=1e-4)
    found = transcripts.read_transcript(tmp_path / f"{name}_predictions.vtt")
    assert found.words[0].text in WORDS
    assert found.words[-1].end == 2
    assert (tmp_path / f"{name}_timeline.png").stat().st_size > 1000
    assert "next: python -m launch" in said


def test_what_a_clip_lacks_is_said(folder, monkeypatch, capsys, tmp_path):
    clips.write_clip(tmp_path / "blind.m4a", seconds=2)
    (tmp_path / "empty.mp4").write_bytes(b"")
    clip = [f"--run={folder / 'run'}", tmp_path / "blind.m4a", tmp_path / "empty.mp4"]
    out, said, status = call(monkeypatch, capsys, *clip, "--window=2")
    assert status == 2
    rows = list(csv.DictReader(io.StringIO(out)))
    assert rows[0]["note"] == "without face; without words; mean of 3 windows"
    assert rows[0]["prediction"] in WORDS
    assert "0 bytes" in rows[1]["note"]
    assert "1 of 2 clips predicted, 1 skipped" in said
    (note,) = [line for line in said.splitlines() if "has no pictures" in line]
    assert note.startswith("note: 'face' is missing: ")
    assert note.endswith("blind.m4a has no pictures")  # it is no cell that somebody could empty
    assert "which no item of the training lacked" in said


def test_a_list_of_clips_gets_a_prediction_each(folder, monkeypatch, capsys):
    out, _, status = call(monkeypatch, capsys, f"--run={folder / 'run'}", folder / "my.csv")
    assert not status
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(out))}
    assert len(rows) == 20
    for name, shares in read_own(folder).items():
        np.testing.assert_allclose([float(rows[name][label]) for label in ("happy", "sad")], shares, atol=1e-4)


def test_a_list_of_clips_is_read_as_a_manifest(folder, monkeypatch, capsys, tmp_path):
    (tmp_path / "new").mkdir()
    shutil.copy(folder / "c0.mp4", tmp_path / "new" / "c0.mp4")
    rows = ["id,clip,said,start,end", "a,new\\c0.mp4,a sad day,0,1", "b,new/C0.mp4,a sad day,0,1"]
    (tmp_path / "list.csv").write_text("\n".join(rows) + "\n")
    clips.write_clip(tmp_path / "mute.mp4", seconds=1, frames=clips.draw, tone=None)
    with (tmp_path / "list.csv").open("a") as file:
        file.write("c,mute.mp4,a sad day,,\n")
    out, said, status = call(monkeypatch, capsys, f"--run={folder / 'export'}", tmp_path / "list.csv")
    assert status == 2
    notes = {row["id"]: row["note"] for row in csv.DictReader(io.StringIO(out))}
    assert set(notes) == {"a", "c"}  # nothing of b's clip can be read, though its words can
    assert "without" not in notes["a"]
    assert "without voice" in notes["c"]
    assert "row 4: 'voice' is missing: " in said
    assert "note: paths with backslashes, read with slashes: 1" in said
    assert said.count("Upper and lower case differ") == 1


def test_extractors_are_those_of_the_training(folder, monkeypatch, capsys, tmp_path):
    moved, other = (
        shutil.copytree(folder / "bert", tmp_path / "moved"),
        shutil.copytree(folder / "bert", tmp_path / "o"),
    )
    weights = safetensors.numpy.load_file(other / "model.safetensors")
    weights["embeddings.word_embeddings.weight"] = weights["embeddings.word_embeddings.weight"] + 1
    safetensors.numpy.save_file(weights, other / "model.safetensors")
    (folder / "bert").rename(tmp_path / "away")
    clip = [f"--run={folder / 'run'}", folder / "c0.mp4"]
    try:
        with pytest.raises(UserError, match="what made 'words' in training cannot be loaded: .*--sources=words=EXTR"):
            call(monkeypatch, capsys, *clip)
        assert not call(monkeypatch, capsys, *clip, f"--sources=words={moved}")[2]
        with pytest.raises(UserError, match="is not what made 'words' in training"):
            call(monkeypatch, capsys, *clip, f"--sources=words={other}")
    finally:
        (tmp_path / "away").rename(folder / "bert")
    with pytest.raises(UserError, match="has 'words', expected MODALITY=EXTRACTOR"):
        clip_features.parse_places("words")
    with pytest.raises(UserError, match="--transcript has 2, but 1 clips"):
        call(monkeypatch, capsys, *clip, "--transcript=a.srt", "--transcript=b.srt")


@pytest.mark.parametrize(
    ("package", "modality", "source", "extra"),
    [
        ("opensmile", "voice", "egemaps", "opensmile"),
        ("dlib", "face", "faces+hog", "faces"),
        ("onnxruntime", "face", "onnx:FILE", "onnx"),
        ("wordllama", "words", "wordllama", "words"),
        ("tokenizers", "words", "", "words"),
        ("huggingface_hub", "voice", "some/model", ""),
        ("av", "face", "", "video"),
    ],
)
def test_packages_that_made_the_features_and_are_gone(
    folder, monkeypatch, capsys, package, modality, source, extra, tmp_path
):
    monkeypatch.setitem(sys.modules, package, None)
    for remembers in (egemaps._load_opensmile, faces._get_detector):
        remembers.cache_clear()
    listed = clip_features.list_extracted

    def list_extracted(form):
        made = listed(form)
        return made | ({modality: made[modality]._replace(source=source)} if source else {})

    monkeypatch.setattr(clip_features, "list_extracted", list_extracted)
    shutil.copy(folder / "c0.mp4", tmp_path / "c9.mp4")
    with pytest.raises(UserError) as error:
        call(monkeypatch, capsys, f"--run={folder / 'export'}", folder / "c0.mp4", tmp_path / "c9.mp4")
    command = f"not installed: pip install 'affect-jax[{extra}]'" if extra else "`pip install huggingface_hub; hf"
    assert command in str(error.value)
    assert len(str(error.value).splitlines()) == 1
    assert ("--sources=" in str(error.value)) is (not extra)  # a folder of weights may lie elsewhere, a package not


def test_what_windows_lack_is_a_sentence_for_each_modality():
    behind = "a.mp4 has 3 s, so the end at {} s lies outside of it; correct it"
    faults = {2: {"face": behind.format(3.6)}, 3: {"face": behind.format(4.5), "voice": "a.mp4 has no sound; name"}}
    assert list(clips_of.list_faults(faults, 4)) == [
        "'face' is missing in 2 of 4 windows: a.mp4 has 3 s, so the end at 3.6 s lies outside of it",
        "'voice' is missing in 1 of 4 windows: a.mp4 has no sound",
    ]
    assert list(clips_of.list_faults({0: {"voice": "a.mp4 has no sound; name"}}, 1)) == [
        "'voice' is missing: a.mp4 has no sound"
    ]


def test_windows_of_one_class_are_one_subtitle():
    def window(start, label, share):
        return {"start": start, "end": start + 2, "prediction": label, "probabilities": {"a": share, "b": 1 - share}}

    described = {"windows": [window(0, "a", 0.8), window(1, "a", 0.6), window(2, "b", 0.3), window(3, None, 0)]}
    assert timeline_files.list_cues(described, "mood") == [(0, 2.5, "a 70%"), (2.5, 3.5, "b 70%")]
    numbers = {"windows": [{"start": 0, "end": 2, "prediction": 0.25}, {"start": 1, "end": 3, "prediction": -1.0}]}
    assert timeline_files.list_cues(numbers, "mood") == [(0, 1.5, "mood 0.25"), (1.5, 3, "mood -1.00")]


def test_windows_cover_a_clip_and_end_with_it():
    assert clips_of.list_windows(5.0, 2.0, None) == [(0, 2), (1, 3), (2, 4), (3, 5)]
    assert clips_of.list_windows(4.5, 2.0, 2.0) == [(0, 2), (2, 4), (2.5, 4.5)]
    assert clips_of.list_windows(2.4, 2.0, None) == [WHOLE]
    assert clips_of.list_windows(9.0, 0.0, None) == [WHOLE]
    with pytest.raises(UserError, match="--hop is 3 s"):
        clips_of.list_windows(9.0, 2.0, 3.0)
