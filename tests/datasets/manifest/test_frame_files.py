"""One file of a modality: read as it is, or refused by name."""

import numpy as np
import pytest
import soundfile

from affect_jax.datasets import feature_frames
from affect_jax.datasets.manifest import frame_files
from affect_jax.errors import UserError
from affect_jax.features import egemaps
from tests.datasets.manifest.conftest import write_arff, write_csv


def test_vectors_whole_numbers_and_rates(tmp_path):
    np.save(tmp_path / "a.npy", np.array([1, 2, 3], np.int16))
    result = feature_frames.read_features(tmp_path / "a.npy")
    assert (result.values.dtype, result.values.tolist(), result.names) == (np.float32, [[1, 2, 3]], ())
    for name, write in (("a.csv", write_csv), ("a.arff", write_arff)):
        write(tmp_path / name, np.arange(6.0).reshape(3, 2), times=True)
        result = feature_frames.read_features(tmp_path / name)
        assert result.names == ("f0", "f1")
        assert result.rate == pytest.approx(25)
        np.testing.assert_array_equal(result.values, np.arange(6).reshape(3, 2))


def test_egemaps_asks_for_opensmile(monkeypatch):
    monkeypatch.setattr(egemaps.importlib.util, "find_spec", lambda name: None)
    egemaps._load_opensmile.cache_clear()
    with pytest.raises(UserError, match=r"eGeMAPS needs openSMILE, which is not installed: pip install"):
        egemaps.check_opensmile()


def test_egemaps_every_10_ms(tmp_path):
    pytest.importorskip("opensmile")
    path = tmp_path / "a.wav"
    soundfile.write(path, np.sin(np.arange(8000) / 9) / 2, 8000, subtype="PCM_16")
    egemaps._load_opensmile.cache_clear()
    result = frame_files.read_frames(path, "egemaps", 8000).values
    assert result.shape[1] == egemaps.WIDTH
    assert 90 <= len(result) <= 100


def write_pickled(path):
    np.save(path, np.array([{}], object), allow_pickle=True)


def cut(path):
    np.save(path, np.zeros((5, 3)))
    path.write_bytes(path.read_bytes()[:-9])


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("a.npy", write_pickled, "a.npy holds pickled objects"),
        ("a.npy", cut, "a.npy"),
        ("a.npy", lambda p: np.save(p, np.zeros((2, 2, 2))), r"a.npy has the shape \[2, 2, 2\], expected \[frames"),
        ("a.npy", lambda p: np.save(p, np.zeros((0, 2))), "a.npy"),
        ("a.npy", lambda p: np.save(p, np.float32(3)), r"a.npy"),
        ("a.npy", lambda p: np.save(p, np.array(["x"])), "a.npy is an array of <U1, expected numbers"),
        ("a.npz", lambda p: np.savez(p, a=np.zeros(2), b=np.zeros(2)), r"a.npz has 2 arrays \(a, b\), expected one"),
        ("a.npz", lambda p: np.savez(p, a=np.array([{}])), "a.npz: 'a' is made of Python objects"),
        ("a.npz", lambda p: np.savez(p, a=np.array(["x"])), "a.npz holds an array of <U1 .*expected numbers"),
        ("a.npz", lambda p: p.write_bytes(b"PK nothing"), "a.npz is not a whole npz file"),
        ("a.csv", lambda p: p.write_text("1,2\n3,4\n"), "a.csv has the number '1' in row 1, expected the n"),
        ("a.csv", lambda p: p.write_text("a,b\n3,4\n5,x\n6,7\n"), "a.csv row 3 column 'b' is 'x', not a number"),
        ("a.csv", lambda p: p.write_text("a,b\n"), "a.csv has 0 frames of 2 columns"),
        ("a.csv", lambda p: p.write_text("a,a\n1,2\n"), "a.csv has 2 columns called 'a'"),
        ("a.csv", lambda p: p.write_text("time,a\n0,1\n0,2\n"), "a.csv row 3 has the time 0 of the row before"),
        ("a.csv", lambda p: p.write_text("time,a\n1,1\n0,2\n"), "a.csv row 3 has the time 0 after 1, expected"),
        ("a.csv", lambda p: p.write_text("frame,a\n2,1\n1,2\n"), "a.csv row 3 has the frame 1 after 2, expected"),
        ("a.csv", lambda p: p.write_text("time,frametime,a\n0,0,1\n"), "a.csv has 2 columns of times; keep one"),
        ("a.arff", lambda p: p.write_text("@relation x\n"), "a.arff has no @data line"),
        ("a.wav", lambda p: soundfile.write(p, np.zeros(800), 8000), "a.wav is silent throughout"),
        ("a.wav", lambda p: soundfile.write(p, np.zeros(0), 8000), "a.wav has no samples"),
        ("a.wav", lambda p: soundfile.write(p, np.sin(np.arange(99)), 8000), "a.wav: MFCC need at least 25 ms"),
        ("a.flac", lambda p: p.write_bytes(b"fLaC"), "a.flac cannot be read as audio"),
    ],
)
def test_refuses(tmp_path, name, write, message):
    write(tmp_path / name)
    with pytest.raises(UserError, match=message):
        frame_files.read_frames(tmp_path / name, "mfcc", 8000)


def test_a_single_column_has_no_delimiter(tmp_path):
    (tmp_path / "a.csv").write_text("a\n0,5\n1,5\n")
    frames = frame_files.read_frames(tmp_path / "a.csv", "mfcc", 8000)
    assert frames.values.tolist() == [[0.5], [1.5]]
    assert frames.remarks == ("decimal commas",)
