"""An export is whole and of one piece, or it is refused in one sentence."""

import errno
import hashlib
import json
import os
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export as jax_export

from affect_jax.datasets.input_form import InputForm, ModalityForm, encode_form
from affect_jax.errors import UserError
from affect_jax.inference import deployment, export_folder
from affect_jax.inference import export_folder as format_
from affect_jax.runtime import files
from tests.datasets.fuzzing import flip
from tests.inference import toys

NAMES = ("model.jax", "params.npz", "description.json")
PROVENANCE = {"packages": {"jax": "0.1"}}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two exports of the same shapes, and a third of others."""
    place = tmp_path_factory.mktemp("exports")
    for name, seed, width in (("one", 0, 3), ("two", 1, 3), ("wide", 0, 4)):
        deployment.export_deployed(toys.deployed(toys.Steps(), seed, face=(width, 9)), place / name, PROVENANCE)
    return place


@pytest.fixture
def export(made, tmp_path):
    return shutil.copytree(made / "one", tmp_path / "export")


def sealed(folder, **changes):
    """Changes a description, or what lies beside it, as somebody would who knows the checksums."""
    path = folder / "description.json"
    described = json.loads(path.read_text())
    del described["sha256"]
    described |= changes
    sums = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in NAMES[:2]}
    files.write_json(path, described | {"sha256": {**sums, path.name: files.hash_json(described)}})


def refused(folder, match):
    with pytest.raises(UserError, match=match) as caught:
        export_folder.read_export(folder)
    message = str(caught.value)
    assert "\n" not in message
    assert "launch.export" in message
    assert 20 < len(message) < 600


def test_what_was_written_is_read(export):
    found = export_folder.read_export(export)
    assert (found.modality, found.shapes, found.unit, found.steps) == ("face", {"face": ("b", "t", 3)}, "step", None)
    assert found.description["schema"] == 3
    assert set(found.description["sha256"]) == set(NAMES)
    assert sorted(path.name for path in export.iterdir()) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_changed_byte_and_every_cut_is_refused(export, name):
    path = export / name
    data = path.read_bytes()
    draw = np.random.default_rng(0)
    ends = (0, 1, len(data) - 2, len(data) - 1)
    for at in (*ends, *draw.integers(0, len(data), 150).tolist()):
        for harmed in (flip(data, at, int(draw.integers(8))), data[:at]):
            path.write_bytes(harmed)
            refused(export, name.replace(".", r"\."))
    path.write_bytes(data + b" ")
    refused(export, name)
    path.write_bytes(data)
    export_folder.read_export(export)


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_named(export, name):
    (export / name).unlink()
    refused(export, f"{name} is missing")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.timeout(60)
def test_a_pipe_is_refused_and_not_waited_for(export, name):
    (export / name).unlink()
    os.mkfifo(export / name)
    with pytest.raises(UserError, match=f"{name} is (no file|missing)"):
        export_folder.read_export(export)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_another_export_is_refused(export, made, name):
    shutil.copy(made / "two" / name, export / name)
    refused(export, r"differs from its checksum: damaged, or of another export\); export it again from the run folder")


@pytest.mark.parametrize("schema", [None, 0, 1, 2, "3"])
def test_another_schema_is_told_with_the_command_that_makes_it_anew(export, schema):
    sealed(export, schema=schema)
    refused(
        export, rf"has schema {schema!r}, and this version of affect_jax reads schema 3, .*--run=RUN --out={export}$"
    )
    (export.parent / "results.json").write_text("{}")
    refused(export, f"make it anew: python -m launch.export --run={export.parent} --out={export}$")
    sealed(export, schema=schema, provenance={"command": "/x/export.py --run=runs/a --trial=3"})
    refused(export, "make it anew: python -m launch.export --run=runs/a --trial=3$")


def test_what_came_before_the_checksums_is_told(export):
    files.write_json(export / "description.json", {"file": "model.jax", "inputs": {}})
    refused(export, "has schema None")


@pytest.mark.parametrize("text", ["[]", "null", "3", '"x"', '{"schema": 3}', '{"schema": 3, "sha256": []}'])
def test_a_description_that_is_none_is_refused(export, text):
    (export / "description.json").write_text(text)
    refused(export, "description.json (has schema|is damaged)")


def test_an_artifact_with_other_inputs_is_refused_even_with_the_right_checksums(export, made):
    shutil.copy(made / "wide" / "model.jax", export / "model.jax")
    sealed(export)
    refused(export, "model.jax does not take and give what description.json beside it says")


@pytest.mark.parametrize("changes", [{"inputs": {}}, {"inputs": None}, {"output": {}}, {"output": {"unit": "step"}}])
def test_a_description_without_its_parts_is_refused(export, changes):
    sealed(export, **changes)
    refused(export, "does not take and give")


def _put(path, value):
    """What puts a value into a description, at a dotted path."""

    def change(described):
        *where, last = path.split(".")
        node = described
        for key in where:
            node = node[key]
        node[last] = value
        return {where[0] if where else last: described[where[0] if where else last]}

    return change


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("trained", None, "has trained = None, expected an object"),
        ("trained.labels", "calm", "has trained.labels = 'calm', expected a list"),
        ("trained.corpus.synthetic", 1, "has trained.corpus.synthetic = 1, expected true or false"),
        ("trained.task", "multiclass", "has trained.task = 'multiclass', which the model's output is not of"),
        ("trained.within", "speaker", "has trained.within = 'speaker', expected 'group' or 'recording'"),
        ("trained.task", "guess", "has trained.task = 'guess', expected one of regression, "),
        ("trained.rate", -1, "has trained.rate = -1, expected 1 to"),
        ("trial", {}, "has trial.variant = None, expected text"),
        ("delay", -1, "has delay = -1, expected 0 to"),
        ("delay", 10**30, "has delay = 10+, expected 0 to"),
        ("windows", {"unit": "recording", "window": 4, "hop": 0}, "has windows = .*, in which nothing can be read"),
        ("windows", {"window": 4}, "lacks 'windows.unit'"),
        ("output.unit", "item", r"has output.unit = 'item', which an output \[b, t\] is not of"),
        ("made_of.modalities", {}, r"has made_of.modalities = none, but the model reads face"),
        ("made_of.layout", "item", "has made_of.layout = 'item', which the model's output is not of"),
        ("made_of.sound", "noise", "has made_of.sound = 'noise', expected one of mfcc, "),
        (
            "made_of.modalities.face.frames_per_step",
            0.0,
            r"has made_of.modalities.face.frames_per_step = 0.0, expected",
        ),
    ],
)
def test_a_description_of_what_no_model_is_is_refused(tmp_path, made, path, value, sentence):
    """With the right checksums: a reader that only trusted them would fail somewhere behind."""
    form = InputForm({"face": ModalityForm(width=3, is_sound=False, frames_per_step=2.0)}, layout="steps")
    folder = tmp_path / "export"
    shutil.copytree(made / "one", folder)
    described = json.loads((folder / "description.json").read_text()) | {"made_of": encode_form(form)}
    sealed(folder, made_of=described["made_of"])
    export_folder.read_export(folder)
    sealed(folder, **_put(path, value)(described))
    refused(folder, sentence)


def test_an_artifact_of_an_unknown_version_says_who_wrote_it(export):
    (export / "model.jax").write_bytes(b"from the future")
    sealed(export)
    refused(export, f"cannot be read by jax {jax.__version__}, it was written by jax 0.1 ")


def test_an_artifact_that_calls_what_no_model_of_ours_does_is_refused(export):
    """LAPACK stands for a callback, which jax itself would not write."""
    sides = jax.ShapeDtypeStruct((2, 2, 3), jnp.float32), jax.ShapeDtypeStruct((2, 2), jnp.bool_)
    artifact = jax_export.export(jax.jit(lambda x, m: jnp.linalg.cholesky(x[..., :2])), platforms=("cpu",))(*sides)
    (export / "model.jax").write_bytes(artifact.serialize())
    sealed(export)
    refused(export, "calls 'lapack_spotrf_ffi', which no model of ours does and could be foreign code")


def test_calls_are_seen_however_they_are_printed():
    text = 'a = stablehlo.custom_call @Sharding(%1) b custom_call @"odd name"(%2) "x"() {call_target_name = "other"}'
    assert format_.list_calls(text) == {"Sharding", "odd name", "other"}


def test_a_full_disk_leaves_the_export_before(export, made, monkeypatch):
    before = {name: (export / name).read_bytes() for name in NAMES}
    sync, calls = os.fsync, []

    def full(handle):
        calls.append(handle)
        if len(calls) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(handle)

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device: .*description.json"):
        deployment.export_deployed(toys.deployed(toys.Steps(), 5, face=(3, 9)), export, PROVENANCE)
    monkeypatch.undo()
    assert {path.name: path.read_bytes() for path in export.iterdir()} == before
    export_folder.read_export(export)


def test_a_process_that_dies_between_two_names_leaves_what_is_refused(export, monkeypatch):
    replace, calls = os.replace, []

    def dies(source, target):
        calls.append(target)
        if len(calls) == 2:
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(files.os, "replace", dies)
    with pytest.raises(KeyboardInterrupt):
        deployment.export_deployed(toys.deployed(toys.Steps(), 5, face=(3, 9)), export, PROVENANCE)
    monkeypatch.undo()
    refused(export, "differs from its checksum")
