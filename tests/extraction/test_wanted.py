"""What --features asks for, and what auto chooses; files of features say how they were made."""

import importlib.util
import wave

import numpy as np
import pytest

from affect_jax.datasets import feature_frames
from affect_jax.datasets.manifest import choose_features, reader
from affect_jax.errors import UserError
from affect_jax.extraction import extracted_files, wanted

clips = pytest.importorskip("tests.extraction.clips")


def test_auto_chooses_by_kind_of_file(tmp_path):
    pytest.importorskip("wordllama")
    clips.write_clip(tmp_path / "a.mp4", frames=clips.draw, seconds=0.2)
    clips.write_clip(tmp_path / "mute.mp4", frames=clips.draw, seconds=0.2, tone=None)
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
    (tmp_path / "a.txt").write_text("some words")
    row = {"id": "1", "label": "x", "clip": "a.mp4", "talk": "a.wav", "said": "a.txt", "face": "a.npy"}
    pictures = "faces+hog" if importlib.util.find_spec("dlib") else "hog"
    with pytest.raises(UserError, match="would make 'face' twice"):
        choose_features.choose_features(list(row), [row], tmp_path)
    del row["face"]
    chosen = wanted.spell_features(choose_features.choose_features(list(row), [row], tmp_path))
    assert chosen == f"voice=clip:mfcc, face=clip:{pictures}, talk=talk:mfcc, words=said:wordllama"
    assert wanted.spell_features(wanted.parse_features(chosen)) == chosen
    mute = {"id": "1", "clip": "mute.mp4", "other": "a.mp4"}
    chosen = choose_features.choose_features(list(mute), [mute], tmp_path)
    assert [one.modality for one in chosen] == ["clip_face", "other_voice", "other_face"]
    with pytest.raises(UserError, match="finds no recordings"):
        choose_features.choose_features(["id", "face"], [{"id": "1", "face": "a.npy"}], tmp_path)


def test_files_of_features_say_their_times_and_makers(tmp_path):
    made = [extracted_files.Extraction("clip", "hog", identity, "pictures", 3.0) for identity in ("one", "two")]
    rows = ["id,label,face"]
    for number in range(8):
        path = tmp_path / f"{number}.npz"
        values = np.random.default_rng(number).normal(size=(3, 2))
        extracted_files.write_features(path, values, np.arange(3) / 3, made[number == 7], 1.0)
        rows.append(f"i{number},{'ab'[number % 2]},{number}.npz")
    frames = feature_frames.read_features(tmp_path / "0.npz")
    np.testing.assert_allclose(frames.times, [0, 1 / 3, 2 / 3])
    assert (frames.seconds, round(frames.rate, 6)) == (1, 3)
    assert extracted_files.parse_record(frames.made) == made[0]
    (tmp_path / "my.csv").write_text("\n".join(rows) + "\n")
    corpus = {"manifest": str(tmp_path / "my.csv"), "data_dir": str(tmp_path / "data"), "folds": 3}
    with pytest.raises(UserError, match=r"row 9: column 'face': .*7.npz was made by another extractor"):
        reader.describe(corpus)
    arrays = dict(np.load(tmp_path / "0.npz")) | {"times": np.zeros(2)}
    np.savez(tmp_path / "0.npz", **arrays)
    with pytest.raises(UserError, match="its arrays do not fit together|do not belong together"):
        feature_frames.read_features(tmp_path / "0.npz")
