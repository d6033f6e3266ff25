"""Columns of a manifest through extractors: each file once, by content, with faults named together."""

import collections
import csv
import functools
import re

import jax
import numpy as np
import pytest
import soundfile
from absl import flags
from PIL import Image

from affect_jax.datasets import manifest as manifest_corpus
from affect_jax.datasets.manifest.extract_columns import extract_features
from affect_jax.encoders import extract, folder, images, pieces, sound
from affect_jax.errors import UserError
from affect_jax.extraction import compute
from affect_jax.features import sound_files
from launch import prepare
from tests.extraction.small_encoders import write_encoder


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    """Small encoders as folders of the hub: of speech, one step every 20 ms, and of words."""
    pytest.importorskip("tokenizers")
    return {name: write_encoder(name, tmp_path_factory.mktemp(name)) for name in ("wav2vec2_base", "bert")}


@pytest.fixture
def manifest(tmp_path):
    """Six clips of a third of a second and more, with words in cells and in a file."""
    draw, rows = np.random.default_rng(1), []
    for number in range(6):
        samples = 0.1 * draw.normal(size=5600 + 700 * number)
        soundfile.write(tmp_path / f"{number}.wav", samples, 16000, subtype="FLOAT")
        words = ["the cat sat on the mat", "cats sit", "", "said.txt", "unbelievable mats sat " * 5, "x"][number]
        rows.append([f"i{number}", f"g{number}", ("calm", "loud")[number % 2], f"{number}.wav", words])
    (tmp_path / "said.txt").write_text("sat, cats!\n", encoding="utf-8")
    write(tmp_path / "my.csv", ["id", "group", "label", "clip", "said"], rows)
    return tmp_path / "my.csv"


def write(path, header, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def read(out):
    with (out / "manifest.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def load(path):
    with np.load(path) as file:
        return file["features"]


@functools.cache
def make_program(model):
    return jax.jit(model.apply)


def encode_alone(encoder, values):
    """What an encoder makes of one recording or text, without padding; [T, D] each."""
    outputs = make_program(encoder.model)(encoder.variables, values[None], np.ones((1, len(values)), bool))
    return jax.tree.map(lambda x: np.asarray(x)[0], outputs)


def test_features_are_those_of_each_file_alone_and_are_computed_once(encoders, manifest, tmp_path, monkeypatch, capsys):
    values = flags.FlagValues()
    prepare.define_flags(values)
    monkeypatch.setattr(prepare, "FLAGS", values)
    out = tmp_path / "my_features"
    features = f"voice=clip:{encoders['wav2vec2_base']}@1, words=said:{encoders['bert']}"
    arguments = [f"--manifest={manifest}", f"--features={features}", f"--data_dir={tmp_path / 'data'}", "--folds=3"]
    prepare.main(values(["prepare", *arguments]))
    said = capsys.readouterr().out
    assert "6 recordings of the column clip" in said
    assert "5 texts of the column said" in said
    assert "voice        6 files of 8 features" in said

    rows = read(out)
    assert list(rows[0]) == ["id", "group", "label", "voice", "words"]
    assert [bool(row["words"]) for row in rows] == [True, True, False, True, True, True]
    encoder = folder.load_encoder(str(encoders["wav2vec2_base"]))
    samples = sound.normalise_samples(sound_files.read_audio(manifest.parent / "2.wav", rate=16000))
    alone = encode_alone(encoder, samples)
    np.testing.assert_allclose(load(out / rows[2]["voice"]), alone.states[1], atol=1e-5)
    assert [len(load(out / row["words"])) for row in rows if row["words"]] == [6, 2, 2, 15, 1]
    bert, reader = folder.load_encoder(str(encoders["bert"])), pieces.read_tokenizer(encoders["bert"])
    (cut,) = pieces.split_into_pieces(reader, ["cats", "sit"], 14)
    last = encode_alone(bert, cut.numbers).last
    np.testing.assert_allclose(load(out / rows[1]["words"]), pieces.average_over_words(last, cut, 2), atol=1e-5)

    (out / rows[4]["voice"]).unlink()  # as after a kill
    (manifest.parent / "0.wav").rename(manifest.parent / "renamed.wav")
    manifest.write_text(manifest.read_text().replace("0.wav", "renamed.wav"))
    lines = list(extract_features(manifest, features, out))
    assert "6 recordings of the column clip" in lines[0]
    assert "1 to compute: 1 s of them, about 10 s on two cores" in lines[0]
    assert lines[1].endswith("0 to compute")
    assert [row["voice"] for row in read(out)] == [row["voice"] for row in rows]


def test_stretches_become_items_whose_group_is_the_recording(encoders, manifest, tmp_path):
    rows = [[f"s{i}", "calm", f"{i // 2}.wav", 0.05 + 0.1 * (i % 2), 0.15 + 0.1 * (i % 2)] for i in range(6)]
    write(tmp_path / "cut.csv", ["id", "label", "clip", "start", "end"], rows)
    list(extract_features(tmp_path / "cut.csv", f"voice=clip:{encoders['wav2vec2_base']}@1", tmp_path / "out"))
    made = read(tmp_path / "out")
    assert list(made[0]) == ["id", "label", "group", "voice"]
    assert [row["group"] for row in made] == ["0.wav", "0.wav", "1.wav", "1.wav", "2.wav", "2.wav"]
    assert len({row["voice"] for row in made}) == 6
    assert all(len(load(tmp_path / "out" / row["voice"])) == 5 for row in made)


def test_labels_per_step_are_cut_as_their_stretches_are(tmp_path):
    for at, name in enumerate("abc"):
        soundfile.write(tmp_path / f"{name}.wav", 0.1 * np.random.default_rng(at).normal(size=32000), 16000)
    times = 0.04 * np.arange(50)
    table = "\n".join(f"{time:.2f},{0.5 * time:.3f}" for time in times)
    (tmp_path / "a.csv").write_text(f"time,valence\n{table}\n")
    (tmp_path / "bare.csv").write_text("valence\n1\n2\n")
    rows = [[f"{name}1", f"{name}.wav", "a.csv", 0.4, 1.2] for name in "abc"]
    rows += [["a2", "a.wav", "a.csv", 1.2, ""]]
    write(tmp_path / "my.csv", ["id", "clip", "label:valence", "start", "end"], rows)
    list(extract_features(tmp_path / "my.csv", "voice=clip:log_mel", tmp_path / "out"))
    settings = {"manifest": str(tmp_path / "out" / "manifest.csv"), "layout": "steps", "folds": 3}
    recordings = manifest_corpus.load({**settings, "data_dir": str(tmp_path / "data")})
    kept = {recording.id: recording for recording in recordings.splits["train"]}
    for name, start, end in (("a1", 0.4, 1.2), ("c1", 0.4, 1.2), ("a2", 1.2, 2.0)):
        inside = times[(times >= start - 1e-9) & (times < end - 1e-9)]
        np.testing.assert_allclose(kept[name].targets["valence"], 0.5 * inside, atol=1e-3)
        assert len(kept[name].features["voice"]) == len(inside)  # each label has the frame of its time
    write(tmp_path / "my.csv", ["id", "clip", "label", "start"], [["one", "a.wav", "bare.csv", 0.4]])
    with pytest.raises(UserError, match=r"row 2: label: .*bare\.csv has no times, so that start and end"):
        list(extract_features(tmp_path / "my.csv", "voice=clip:log_mel", tmp_path / "out"))


def test_all_files_that_cannot_be_used_are_named_and_the_others_kept(encoders, manifest, tmp_path):
    (tmp_path / "0.wav").write_bytes(b"")
    (tmp_path / "1.wav").unlink()
    soundfile.write(tmp_path / "2.wav", np.sin(np.arange(300.0)) / 2, 16000)
    (tmp_path / "said.txt").write_bytes("Stra\xdfe".encode("latin-1"))
    features = f"voice=clip:{encoders['wav2vec2_base']},words=said:{encoders['bert']}"
    with pytest.raises(UserError) as error:
        list(extract_features(manifest, features, tmp_path / "out"))
    lines = str(error.value).splitlines()
    assert len(lines) == 4
    for line, row, says in zip(lines, (2, 3, 4, 5), ("0.wav", "1.wav is missing", "too short", "Latin-1"), strict=True):
        assert f"row {row}" in line
        assert says in line
    assert not (tmp_path / "out" / "manifest.csv").exists()
    assert len(list((tmp_path / "out" / "features").glob("*.npz"))) == 3 + 4


def test_what_cannot_be_used_may_be_left_out(manifest, tmp_path):
    (tmp_path / "0.wav").write_bytes(b"")
    (tmp_path / "2.wav").unlink()  # whose row has no words either
    (tmp_path / "vectors.txt").write_text("cat 1 2\nsit 3 4\n")
    features = f"voice=clip:mfcc, words=said:glove:{tmp_path / 'vectors.txt'}"
    with pytest.raises(UserError, match=r"0\.wav is empty.*; --unusable=leave_out goes on without it"):
        list(extract_features(manifest, features, tmp_path / "out"))
    lines = list(extract_features(manifest, features, tmp_path / "out", leaves_out=True))
    left = [" ".join(line.split()) for line in lines if line.startswith("left out")]
    assert len(left) == 3
    for line, says in zip(
        left, ("row 2: clip: .*0.wav is empty", "row 4: clip: .*2.wav is missing", "1 row without"), strict=True
    ):
        assert re.search(says, line)
    rows = {row["id"]: row for row in read(tmp_path / "out")}
    assert list(rows) == ["i0", "i1", "i3", "i4", "i5"]
    assert (rows["i0"]["voice"], bool(rows["i0"]["words"]), bool(rows["i1"]["voice"])) == ("", True, True)


def test_a_clip_of_which_nothing_is_made_is_no_item(tmp_path):
    """A film without a face, where only faces are asked for; and columns of clips and words may stay unused."""
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("cat 1 2\n")
    rows = [[f"i{n}", "xy"[n % 2], f"{n}.wav", text, n] for n, text in enumerate(("a cat", "NA", "cat", "the cat"))]
    (tmp_path / "empty.srt").write_text("")
    rows.append(["i4", "x", "4.wav", "empty.srt", 4])
    write(tmp_path / "my.csv", ["id", "label", "clip", "said", "start"], rows)
    with pytest.raises(UserError, match=r"has stretches \(start, end\), and --features makes nothing of clip; leave"):
        list(extract_features(tmp_path / "my.csv", f"words=said:glove:{vectors}", tmp_path / "out"))
    films = [[*row[:2], row[2].replace(".wav", ".mp4"), row[3]] for row in rows]
    write(tmp_path / "my.csv", ["id", "label", "clip", "said"], films)
    lines = list(extract_features(tmp_path / "my.csv", f"words=said:glove:{vectors}", tmp_path / "out"))
    assert "left out     clip, of which --features makes nothing" in lines
    assert "left out     1 row without any modality: 6" in lines
    assert [(row["id"], bool(row["words"])) for row in read(tmp_path / "out")] == [
        ("i0", True),
        ("i1", False),
        ("i2", True),
        ("i3", True),
    ]


def test_paths_of_clips_are_found_as_those_of_features(tmp_path):
    """Typed on Windows, umlauts as macOS writes them, in other letters, beside words with signs of all kinds."""
    (tmp_path / "Gespr\u00e4che").mkdir()
    for name in ("a", "b", "c"):
        samples = 0.1 * np.random.default_rng(ord(name)).normal(size=3200)
        soundfile.write(tmp_path / "Gespr\u00e4che" / f"{name}.wav", samples, 16000)
    (tmp_path / "vectors.txt").write_text("cat 1 2\n")
    rows = [["i0", "x", "Gespr\u00e4che\\a.wav", "$5 a cat"], ["i1", "y", "Gespra\u0308che/b.wav", "~ cat \\o/"]]
    rows += [["i2", "x", "Gespr\u00e4che/c.wav", "http://cat cat" + 60 * " cats"]]
    write(tmp_path / "my.csv", ["id", "label", "clip", "said"], rows)
    features = f"voice=clip:mfcc, words=said:glove:{tmp_path / 'vectors.txt'}"
    lines = list(extract_features(tmp_path / "my.csv", features, tmp_path / "out"))
    assert "note         paths with backslashes, read with slashes: 1" in lines
    assert any("umlauts of macOS" in line for line in lines)
    assert all(row["voice"] and row["words"] for row in read(tmp_path / "out"))
    with (tmp_path / "out" / "extracted_clips.csv").open(newline="") as file:
        clips = [row["clip"] for row in csv.DictReader(file)]
    assert clips == [str((tmp_path / "Gespr\u00e4che" / f"{name}.wav").resolve()) for name in "abc"]
    write(
        tmp_path / "my.csv", ["id", "label", "clip"], [["i0", "x", "Gespr\u00e4che/A.wav"], ["i1", "y", "s3://x/b.wav"]]
    )
    with pytest.raises(UserError) as error:
        list(extract_features(tmp_path / "my.csv", "voice=clip:mfcc", tmp_path / "out"))
    for line, says in zip(str(error.value).splitlines(), ("Upper and lower case differ", "is an address"), strict=True):
        assert says in line


def test_what_is_odd_in_many_files_is_one_line():
    places = collections.Counter(f"{name}.mp4" for name in "abcdeab")
    assert compute._word_remark("no face", places) == "no face (a.mp4, b.mp4, c.mp4 and 2 more)"
    assert compute._word_remark("no word", collections.Counter({"": 4})) == "no word, 4 times"
    assert compute._word_remark("no word", collections.Counter({"a.srt": 4})) == "no word (a.srt)"


@pytest.mark.parametrize(
    ("features", "says"),
    [
        ("voice", "expected MODALITY=COLUMN:EXTRACTOR"),
        ("", "is empty"),
        ("voice=clap:DIR", "did you mean 'clip'"),
        ("said=clip:DIR", "has a column of this name"),
        ("voice=clip:DIR, voice=clip:DIR", "twice"),
        ("voice=clip:/no/such", "is not a folder"),
        ("face=clip:resnet101:FILE.pth", "converts it"),
        ("face=clip:resnet101:FILE@3", "of images the output is taken"),
        ("voice=clip:SPEECH@9", "there are 0 to 2, or mean"),
        ("voice=clip:SPEECH@learned", r"--config\.model\.encoder\.layer=learned"),
    ],
)
def test_wrong_settings_are_told(encoders, manifest, tmp_path, features, says):
    features = features.replace("SPEECH", str(encoders["wav2vec2_base"]))
    with pytest.raises(UserError, match=says):
        list(extract_features(manifest, features, tmp_path / "out"))


def test_frames_of_a_folder_become_steps_in_their_order(tmp_path):
    clip = write_encoder("clip_images", tmp_path / "clip")
    draw = np.random.default_rng(0)
    for name in ("2.png", "10.png", "1.png"):
        (tmp_path / "face").mkdir(exist_ok=True)
        Image.fromarray(draw.integers(0, 256, (11, 9, 3), np.uint8)).save(tmp_path / "face" / name)
    (tmp_path / "broken.png").write_bytes((tmp_path / "face" / "1.png").read_bytes()[:60])
    write(tmp_path / "my.csv", ["id", "label", "frames"], [["a", "x", "face"], ["b", "y", ""]])
    list(extract_features(tmp_path / "my.csv", f"face=frames:{clip}", tmp_path / "out"))
    made = load(tmp_path / "out" / read(tmp_path / "out")[0]["face"])
    extractor = extract.load_extractor(str(clip))
    first = extract.encode_pictures(extractor, [images.read_image(tmp_path / "face" / "1.png")])
    np.testing.assert_allclose(made[0], first[0], atol=1e-6)
    assert made.shape == (3, 6)
    assert read(tmp_path / "out")[1]["face"] == ""

    rows = [["a", "x", "broken.png"], ["b", "y", "nowhere"], ["c", "x", "out"]]
    write(tmp_path / "bad.csv", ["id", "label", "frames"], rows)
    with pytest.raises(UserError) as error:
        list(extract_features(tmp_path / "bad.csv", f"face=frames:{clip}", tmp_path / "out"))
    lines = str(error.value).splitlines()
    for line, says in zip(lines, ("no image", "neither a video", "has no pictures"), strict=True):
        assert says in line


def test_few_examples_are_no_whole_batch(encoders, monkeypatch):
    """One clip costs one clip, and is what it is among many."""
    heard, shapes = extract.load_extractor(f"{encoders['wav2vec2_base']}@1"), []
    encode = extract._encode
    monkeypatch.setattr(extract, "_encode", lambda *given: shapes.append(given[3].shape[0]) or encode(*given))
    draw = np.random.default_rng(0)
    clips = [draw.normal(size=4000 + 100 * number).astype(np.float32) for number in range(5)]
    found = dict(extract.extract_sounds(heard, [len(clip) for clip in clips], lambda number: clips[number]))
    ((_, alone),) = extract.extract_sounds(heard, [len(clips[3])], lambda _: clips[3])
    assert shapes == [8, 1]
    np.testing.assert_allclose(found[3], alone, atol=1e-5)
    assert [extract._count_rows(32, count) for count in (1, 2, 3, 32, 33, 500)] == [1, 2, 4, 32, 32, 32]


def test_the_mean_of_layers_is_of_all_states(encoders):
    extractor = extract.load_extractor(f"{encoders['bert']}@mean")
    ((_, mean),) = extract.extract_words(extractor, [["cats", "sit"]])
    (cut,) = pieces.split_into_pieces(extractor.tokenizer, ["cats", "sit"], 14)
    states = encode_alone(extractor.encoder, cut.numbers).states
    assert len(states) == 3
    np.testing.assert_allclose(mean, pieces.average_over_words(np.mean(states, axis=0), cut, 2), atol=1e-6)
