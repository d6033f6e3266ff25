"""Extractors by name: sound, words and pictures of one clip, on one clock."""

import importlib.util

import matplotlib
import numpy as np
import pytest
from PIL import Image

from affect_jax.datasets import feature_frames
from affect_jax.datasets.manifest.problems import Problems
from affect_jax.errors import UserError
from affect_jax.extraction import compute, extracted_files, sources, wanted
from affect_jax.features import audio, gradients, sound_files, text
from affect_jax.features.segments import WHOLE, Segment

clips = pytest.importorskip("tests.extraction.clips")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A clip of 2 s whose tone begins half a second after its pictures, its transcript, and word vectors."""
    folder = tmp_path_factory.mktemp("clip")
    clips.write_clip(folder / "clip.mp4", seconds=2, frames=clips.draw, delay=0.5)
    cues = "1\n00:00:00,200 --> 00:00:00,800\nYes yes\n\n2\n00:00:01,200 --> 00:00:01,800\nDon't\n"
    (folder / "clip.srt").write_text(cues)
    vectors = ["4 3", "yes 1 2 3", "do 4 5 6", "n't 7 8 9", ". . . 0 0 1"]
    (folder / "word2vec.txt").write_text("\n".join(vectors) + "\n")
    return folder


def extract(folder, cell, name, out, segment=WHOLE, rate=3.0):
    """Values, times, and what was said."""
    problems = Problems(folder / "my.csv")
    rows = [compute.Row(2, {"c": cell}, segment)]
    out.mkdir(exist_ok=True)
    one = wanted.Wanted("m", "c", name)
    plan = compute.plan_features(one, sources.load_source(name), rows, folder, out, rate=rate, report=problems.add)
    lines = list(compute.carry_out(plan, problems.add))
    problems.raise_if_any()
    with np.load(plan.made[2]) as file:
        return file["features"], file["times"], lines


def test_sound_of_a_video_is_on_the_clock_of_its_pictures(folder, tmp_path):
    values, times, _ = extract(folder, "clip.mp4", "mfcc", tmp_path)
    whole = audio.compute_mfcc(sound_files.read_audio(folder / "clip.mp4", rate=16000), 16000)
    np.testing.assert_allclose(values, whole, atol=1e-4)
    assert times[0] == pytest.approx(0.5, abs=0.07)
    values, times, _ = extract(folder, "clip.mp4", "log_mel", tmp_path, Segment(1.0, 1.5))
    assert values.shape == (51, 64)
    np.testing.assert_allclose(times, 0.01 * np.arange(51), atol=1e-9)
    with pytest.raises(UserError, match="has no sound, which begins at"):
        extract(folder, "clip.mp4", "mfcc", tmp_path, Segment(0.0, 0.2))


def test_pictures_have_the_times_of_what_is_seen(folder, tmp_path):
    values, times, _ = extract(folder, "clip.mp4", "hog", tmp_path, Segment(0.5, 1.5), rate=4)
    assert values.shape == (4, gradients.WIDTH)
    np.testing.assert_allclose(times, [0, 0.25, 0.5, 0.75])
    assert not np.allclose(values[0], values[-1])
    np.testing.assert_allclose(np.linalg.norm(values.reshape(4, 9, 36), axis=2).max(), 1, atol=0.01)


@pytest.mark.skipif(importlib.util.find_spec("dlib") is None, reason="needs dlib")
def test_a_clip_without_a_face_has_no_step(folder, tmp_path):
    values, _, lines = extract(folder, "clip.mp4", "faces+hog", tmp_path)
    assert len(values) == 0
    assert "no face is found" in lines[0]


@pytest.mark.skipif(importlib.util.find_spec("dlib") is None, reason="needs dlib")
def test_faces_have_a_confidence_by_which_steps_are_missing(tmp_path):
    """Face, none, face, dim face: of four steps the second is missing, the last one is if it is too uncertain."""
    portrait = Image.open(f"{matplotlib.get_data_path()}/sample_data/grace_hopper.jpg").convert("RGB")
    portrait = portrait.crop((60, 40, 480, 460)).resize((256, 256))
    turned = np.asarray(portrait.rotate(15))
    frames = [np.asarray(portrait), np.full((256, 256, 3), 90, np.uint8), np.asarray(portrait), turned]
    clips.write_clip(tmp_path / "face.mp4", seconds=4, fps=1, frames=lambda share: frames[round(share * 4)], tone=None)
    values, times, _ = extract(tmp_path, "face.mp4", "faces+hog", tmp_path / "out", rate=1.0)
    np.testing.assert_allclose(times, [0, 2, 3])
    (path,) = (tmp_path / "out").glob("*.npz")
    with np.load(path) as file:
        confidence = file["confidence"]
    assert ((confidence > 0) & (confidence < 1)).all()
    assert confidence[2] < confidence[:2].min()
    between = (confidence[2] + confidence[:2].min()) / 2
    sure = feature_frames.read_features(path, feature_frames.PLAIN._replace(min_confidence=between))
    np.testing.assert_array_equal(sure.values, values[:2])
    np.testing.assert_allclose(sure.times, [0, 2])
    assert extracted_files.has_steps(path, between)
    assert not extracted_files.has_steps(path, 0.999)
    with pytest.raises(UserError, match=r"no face of a confidence of 0\.999 or more"):
        feature_frames.read_features(path, feature_frames.PLAIN._replace(min_confidence=0.999))


def test_words_have_times_where_subtitles_say_them(folder, tmp_path):
    values, times, _ = extract(folder, "clip.srt", f"glove:{folder / 'word2vec.txt'}", tmp_path, Segment(0.1, 2.0))
    np.testing.assert_allclose(values, [[1, 2, 3], [1, 2, 3], [4, 5, 6], [7, 8, 9]])
    np.testing.assert_allclose(times, [0.25, 0.55, 1.4, 1.4], atol=1e-4)
    _, times, _ = extract(folder, "yes do", f"glove:{folder / 'word2vec.txt'}", tmp_path)
    assert not len(times)


def test_wordllama_gives_a_vector_a_word(folder, tmp_path):
    pytest.importorskip("wordllama")
    values, times, _ = extract(folder, "clip.srt", "wordllama", tmp_path)
    assert values.shape == (3, 256)
    np.testing.assert_array_equal(values[0] != 0, True)
    assert len(times) == 3


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("glove:nowhere.txt", "is not a file"),
        ("faces", "cuts out faces and makes nothing of them"),
        ("faces+mfcc", "does not read pictures of faces"),
        ("faces:nowhere.dat+hog", "nowhere.dat is not a file"),
        ("landmarks:nowhere.dat", "is not a file"),
    ],
)
def test_extractors_that_are_not_there_are_told(name, says):
    with pytest.raises(UserError, match=says):
        sources.load_source(name)


def test_files_of_word_vectors_tell_their_width(folder, tmp_path):
    assert text.find_width(folder / "word2vec.txt") == 3
    (tmp_path / "glove.txt").write_text("the 1 2 3\n. . . 4 5 6\n")
    assert text.find_width(tmp_path / "glove.txt") == 3
    (tmp_path / "no.txt").write_text("some words\nand more of them\n")
    with pytest.raises(UserError, match="no text file of word vectors"):
        text.find_width(tmp_path / "no.txt")


def test_a_clip_shorter_than_a_frame(folder, tmp_path):
    """One picture is one step; sound shorter than its window is told."""
    clips.write_clip(tmp_path / "blink.mp4", seconds=0.1, fps=10, frames=clips.draw, tone=None)
    values, times, _ = extract(tmp_path, "blink.mp4", "hog", tmp_path / "out")
    assert (len(values), times.tolist()) == (1, [0.0])
    with pytest.raises(UserError, match="has 10 ms, too short for mfcc"):
        extract(folder, "clip.mp4", "mfcc", tmp_path / "out", Segment(1.0, 1.01))


def test_streams_that_are_not_there_are_told(folder, tmp_path):
    clips.write_clip(tmp_path / "mute.mp4", frames=clips.draw, tone=None)
    for name in ("blind.mp4", "blind.m4a"):
        clips.write_clip(tmp_path / name)
    (tmp_path / "empty.mp4").write_bytes(b"")
    for cell, name, says in (
        ("mute.mp4", "mfcc", "has no sound; name a file that has"),
        ("blind.m4a", "hog", "has no pictures; name a file that has"),
        ("blind.mp4", "hog", "has no pictures; name a file that has"),
        ("empty.mp4", "hog", "0 bytes"),
        ("gone.mp4", "mfcc", "is missing"),
    ):
        with pytest.raises(UserError, match=says):
            extract(tmp_path, cell, name, tmp_path / "out")
