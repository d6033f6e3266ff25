"""`launch.convert` as a user calls it."""

from functools import partial

import jax
import numpy as np

from affect_jax import convert
from affect_jax.models import attention_fusion
from affect_jax.models.conflictnet import Model
from tests.launch.starting import call_program


def arrays():
    """A small Keras ParaNET: zeros, as only names and shapes matter here."""
    model = Model(filters=(2, 2, 2), lstm_units=(2, 2), attention=False, average_pool=0)
    shapes = convert.folder.trace_variables(model, {"speech": {"steps": 2000, "features": 1}})
    zeros = {
        collection: {
            part: {name: np.zeros(a.shape, np.float32) for name, a in leaves.items()} for part, leaves in tree.items()
        }
        for collection, tree in shapes.items()
    }
    return convert.export_keras_conflictnet(model, zeros)


program = partial(call_program, "convert")


def test_there_and_back(tmp_path):
    np.savez(tmp_path / "in.npz", **{f"{name}:0": value for name, value in arrays().items()})
    done = program("--direction=from_keras", "--average_pool=4", "--seconds=1", tmp_path / "in.npz", tmp_path / "out")
    assert (done.returncode, done.stderr) == (0, "")
    assert "average pool 4, attention no, global average no, gates hard_sigmoid, regression" in done.stdout
    assert f"next: python -m launch.predict --run={tmp_path / 'out'} FILE" in done.stdout
    model, _ = convert.read_model(tmp_path / "out")
    assert (model.average_pool, model.recurrent_activation) == (4, "hard_sigmoid")
    assert convert.describe_model(tmp_path / "out")["input"] == {"speech": {"steps": 8000, "features": 1, "rate": 8000}}
    done = program("--direction=to_keras", tmp_path / "out", tmp_path / "new" / "back.npz")
    assert (done.returncode, done.stderr) == (0, "")
    back = convert.read_arrays(tmp_path / "new" / "back.npz")
    assert back.keys() == arrays().keys()


def test_errors_are_one_line_and_status_2(tmp_path):
    np.savez(tmp_path / "in.npz", other=np.zeros(1))
    (tmp_path / "file").write_text("")
    for arguments, message in (
        (("--direction=from_keras", tmp_path / "in.npz", tmp_path / "out"), "there is an array 'other', which"),
        (("--direction=from_keras", tmp_path / "in.npz"), "takes two paths, IN and OUT, but got 1"),
        (("--direction=from_keras", tmp_path / "in.npz", tmp_path / "file"), "is a file; name a folder to write"),
        (
            ("--direction=from_torch", tmp_path / "in.npz", tmp_path / "out"),
            "--direction=from_torch is not for --model=conflictnet; choose one of from_keras, to_keras",
        ),
        (
            ("--direction=from_keras", "--heads=6", tmp_path / "in.npz", tmp_path / "out"),
            "--heads is for --model=attention_fusion alone and says nothing about conflictnet; leave it out",
        ),
    ):
        done = program(*arguments)
        assert done.returncode == 2, done.stderr
        assert done.stderr.startswith("error: ")
        assert message in done.stderr
        assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_attention_fusion_there_and_back(tmp_path):
    """A small one of two modalities: zeros again."""
    fusion = ("--model=attention_fusion", "--direction=from_torch")
    sizes = {"text": {"steps": 128, "features": 3}, "audio": {"steps": 5, "features": 4}}
    model = attention_fusion.Model(
        modalities=tuple(sizes), classes=2, attention="cross", map_steps=(0, 4), units=2, heads=2, input_dropout=(0, 0)
    )
    zeros = jax.tree.map(lambda leaf: np.zeros(leaf.shape, np.float32), convert.folder.trace_variables(model, sizes))
    given = convert.export_torch_fusion(model, zeros)
    np.savez(tmp_path / "in.npz", **given)
    done = program(*fusion, "--attention=cross", "--heads=2", tmp_path / "in.npz", tmp_path / "out")
    assert (done.returncode, done.stderr) == (0, "")
    assert "attention cross, text [128, 3], audio [5, 4], 2 heads, 2 classes; " in done.stdout
    assert f"next: python -m launch.convert {fusion[0]} --direction=to_torch {tmp_path / 'out'} FILE.npz" in done.stdout
    assert convert.describe_model(tmp_path / "out")["input"] == sizes
    assert convert.read_model(tmp_path / "out")[0] == model.clone(fidelity="authors", input_dropout=(0.25, 0.0))
    done = program(fusion[0], "--direction=to_torch", tmp_path / "out", tmp_path / "back.npz")
    assert (done.returncode, done.stderr) == (0, "")
    back = convert.read_arrays(tmp_path / "back.npz")
    assert {name: value.shape for name, value in back.items()} == {name: value.shape for name, value in given.items()}
    for arguments, message in (
        (
            (*fusion, tmp_path / "in.npz", tmp_path / "x"),
            "--direction=from_torch needs --attention; say intra or cross",
        ),
        (
            (*fusion, "--attention=cross", "--seconds=3", tmp_path / "in.npz", tmp_path / "x"),
            "--seconds is for --model=conflictnet alone and says nothing about attention_fusion; leave it out",
        ),
        (
            ("--direction=to_keras", tmp_path / "out", tmp_path / "x"),
            "holds a model 'attention_fusion', but --model is 'conflictnet'; make them agree",
        ),
    ):
        done = program(*arguments)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert message in done.stderr
    assert not (tmp_path / "x").exists()


def test_a_converted_model_hears_a_file(tmp_path):
    import soundfile

    np.savez(tmp_path / "in.npz", **arrays())
    program("--direction=from_keras", "--seconds=0.5", tmp_path / "in.npz", tmp_path / "out")
    soundfile.write(tmp_path / "talk.wav", 0.5 * np.sin(np.arange(8000)), 8000)
    done = call_program("predict", f"--run={tmp_path / 'out'}", tmp_path / "talk.wav")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("talk.wav") == 5  # windows of half a second, a third of one apart, to the end
