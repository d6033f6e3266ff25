import json
import zipfile

import jax
import numpy as np
import pytest

from affect_jax import convert
from affect_jax.errors import UserError
from affect_jax.models.conflictnet import Model

MODEL = Model(filters=(3, 4), widths=(6, 4), pools=(4, 3), lstm_units=(4, 3), attention_units=2, global_average=True)
INPUTS = {"speech": {"steps": 200, "features": 1, "rate": 8000}}


def variables():
    draw = np.random.default_rng(0)
    return jax.tree.map(
        lambda p: draw.normal(size=p.shape).astype(np.float32), convert.folder.trace_variables(MODEL, INPUTS)
    )


@pytest.fixture
def folder(tmp_path):
    convert.write_model(tmp_path / "new" / "model", MODEL, variables(), INPUTS, "a test")
    return tmp_path / "new" / "model"


def test_what_is_written_is_read(folder):
    model, read = convert.read_model(folder)
    assert model == MODEL
    hash(model)
    jax.tree.map(np.testing.assert_array_equal, read, variables())
    described = convert.describe_model(folder)
    assert described["input"] == INPUTS
    assert described["model"]["name"] == "conflictnet"
    assert described["source"] == "a test"


def test_a_model_that_is_read_again_is_not_traced_again(folder, monkeypatch):
    convert.read_model(folder)
    monkeypatch.delattr(Model, "__call__")
    _, again = convert.read_model(folder)
    jax.tree.map(np.testing.assert_array_equal, again, variables())


def test_inputs_that_the_model_cannot_read_are_not_written(tmp_path):
    with pytest.raises(UserError, match="clips of 20 samples"):
        convert.write_model(tmp_path / "x", MODEL, variables(), {"speech": {"steps": 20, "features": 1}}, "")
    assert not (tmp_path / "x").exists()


def test_what_does_not_fit_is_named(folder):
    arrays = convert.read_arrays(folder / "params.npz")
    name = "params/dense/kernel"
    for changed, found in (
        ({k: v for k, v in arrays.items() if k != name}, "none"),
        (arrays | {name: np.zeros((5, 1), np.float32)}, r"float32 \[5, 1\]"),
        (arrays | {name: np.zeros((3, 1))}, r"float64 \[3, 1\]"),
    ):
        np.savez(folder / "params.npz", **changed)
        with pytest.raises(UserError, match=rf"'params/dense/kernel' {found}, but the model .* has float32 \[3, 1\]"):
            convert.read_model(folder)
    np.savez(folder / "params.npz", **arrays, extra=np.zeros(1))
    with pytest.raises(UserError, match=r"'extra' float64 \[1\], but the model .* has none"):
        convert.read_model(folder)


def test_a_folder_that_is_none(folder, tmp_path):
    with pytest.raises(UserError, match="model.json is missing; give a folder that launch.convert has written"):
        convert.read_model(tmp_path)
    described = json.loads((folder / "model.json").read_text())
    for text in (json.dumps(described | {"schema": 2}), "[]", '{"schema": 1}'):
        (folder / "model.json").write_text(text)
        with pytest.raises(UserError, match="is not of schema 1"):
            convert.read_model(folder)
    (folder / "model.json").write_text(json.dumps(described | {"model": {"name": "conflictnett"}}))
    with pytest.raises(UserError, match=r"'conflictnett' \(did you mean 'conflictnet'\?\)"):
        convert.read_model(folder)


def test_files_that_are_no_plain_arrays(tmp_path):
    path = tmp_path / "in.npz"
    with pytest.raises(UserError, match="is missing; give an npz"):
        convert.read_arrays(path)
    np.savez(path, a=np.array([{}], dtype=object))
    with pytest.raises(UserError, match="'a' is made of Python objects, which could run code"):
        convert.read_arrays(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("notes.txt", "no array")
    with pytest.raises(UserError, match="'notes.txt' is no array"):
        convert.read_arrays(path)
    np.savez(path, a=np.zeros(1000))
    for damaged in (path.read_bytes()[:300], b"", b"text", path.read_bytes().replace(bytes(8), b"damaged!", 1)):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match="is not a whole npz file of plain arrays"):
            convert.read_arrays(path)
    with open(path, "wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(UserError, match="is an npy array, although it is called npz"):
        convert.read_arrays(path)
