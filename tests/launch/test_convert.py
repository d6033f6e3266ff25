"""`launch.convert` as a user calls it, in processes of their own."""

import os
import subprocess
import sys

import numpy as np
import pytest

from affect_jax import convert
from affect_jax.models.conflictnet import Model


def arrays():
    """A small Keras ParaNET: zeros, as only names and shapes matter here."""
    model = Model(filters=(2, 2, 2), lstm_units=(2, 2), attention=False, average_pool=0)
    shapes = convert.folder.shapes(model, {"speech": {"steps": 2000, "features": 1}})
    zeros = {
        collection: {
            part: {name: np.zeros(a.shape, np.float32) for name, a in leaves.items()} for part, leaves in tree.items()
        }
        for collection, tree in shapes.items()
    }
    return convert.conflictnet_to_keras(model, zeros)


@pytest.fixture
def program(repo_root):
    def call(*arguments):
        command = [sys.executable, "-m", "launch.convert", *map(str, arguments)]
        return subprocess.run(command, cwd=repo_root, capture_output=True, text=True, env={**os.environ}, check=False)

    return call


def test_there_and_back(program, tmp_path):
    np.savez(tmp_path / "in.npz", **{f"{name}:0": value for name, value in arrays().items()})
    done = program("--direction=from_keras", "--average_pool=4", "--seconds=1", tmp_path / "in.npz", tmp_path / "out")
    assert (done.returncode, done.stderr) == (0, "")
    assert "average pool 4, attention no, global average no, gates hard_sigmoid, regression" in done.stdout
    model, _ = convert.read(tmp_path / "out")
    assert (model.average_pool, model.recurrent_activation) == (4, "hard_sigmoid")
    assert convert.describe(tmp_path / "out")["input"] == {"speech": {"steps": 8000, "features": 1, "rate": 8000}}
    done = program("--direction=to_keras", tmp_path / "out", tmp_path / "new" / "back.npz")
    assert (done.returncode, done.stderr) == (0, "")
    back = convert.read_arrays(tmp_path / "new" / "back.npz")
    assert back.keys() == arrays().keys()


def test_errors_are_one_line_and_status_2(program, tmp_path):
    np.savez(tmp_path / "in.npz", other=np.zeros(1))
    (tmp_path / "file").write_text("")
    for arguments, message in (
        (("--direction=from_keras", tmp_path / "in.npz", tmp_path / "out"), "there is an array 'other', which"),
        (("--direction=from_keras", tmp_path / "in.npz"), "takes two paths, IN and OUT, but got 1"),
        (("--direction=from_keras", tmp_path / "in.npz", tmp_path / "file"), "is a file; name a folder to write"),
    ):
        done = program(*arguments)
        assert done.returncode == 2, done.stderr
        assert done.stderr.startswith("error: ")
        assert message in done.stderr
        assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_converted_model_hears_a_file(program, tmp_path, repo_root):
    import soundfile

    np.savez(tmp_path / "in.npz", **arrays())
    program("--direction=from_keras", "--seconds=0.5", tmp_path / "in.npz", tmp_path / "out")
    soundfile.write(tmp_path / "talk.wav", 0.5 * np.sin(np.arange(8000)), 8000)
    command = [sys.executable, "-m", "launch.predict", f"--run={tmp_path / 'out'}", str(tmp_path / "talk.wav")]
    done = subprocess.run(command, cwd=repo_root, capture_output=True, text=True, env={**os.environ}, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("talk.wav") == 5  # windows of half a second, a third of one apart, to the end
