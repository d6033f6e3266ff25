"""Damaged exports: whoever reads one predicts what it predicted before, or says one sentence; never a traceback.

Checksums reveal every change, so half of the changes renew them: then the readers behind the seal are tried.
"""

import io
import json
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affect_jax.data.windows import WindowPlan
from affect_jax.datasets.input_form import InputForm, ModalityForm
from affect_jax.errors import UserError
from affect_jax.inference import (
    deployment,
    export_folder,
    predict_inputs,
    predictor,
    speech_models,
    timeline_files,
    timelines,
)
from affect_jax.inference.output import Output
from affect_jax.runtime import files, run_folder
from tests.datasets.fuzzing import few, flip
from tests.fuzzing_documents import change_array, change_document
from tests.inference import toys

NAMES = MODEL, PARAMS, DESCRIPTION = export_folder.MODEL, export_folder.PARAMS, export_folder.DESCRIPTION
PROVENANCE = {"packages": {"jax": "0.1"}}
RATE, STEPS = 800, 400
LABELS = ("calm", "angry", "glad")
FORM = InputForm({"face": ModalityForm(width=3, is_sound=False, frames_per_step=2.0)}, layout="steps")
FEATURES = {"steps": "steps.npy", "list": "steps.npy", "item": "item.npz", "speech": ""}
"""Model that is damaged -> the file that it predicts, beside the exports."""


def make_models():
    """A model of steps read in windows, one of the same shapes, one of an item's two modalities, one of speech."""
    of_item = dict(item=True, task="multiclass", labels=LABELS)
    return {
        "steps": toys.deployed(toys.Steps(), 0, face=(3, 9))._replace(windows=WindowPlan("recording", 4, 2)),
        "alike": toys.deployed(toys.Steps(), 1, face=(3, 9))._replace(windows=WindowPlan("recording", 4, 2)),
        "list": toys.deployed(toys.Steps(), 4, face=(3, 9))._replace(form=FORM, delay=1),
        "item": toys.deployed(toys.Item(), 2, face=(2, 4), text=(3, None), **of_item),
        "speech": toys.deployed(toys.Item(), 3, speech=(1, STEPS), rate=RATE, **of_item),
    }


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """Folder of exports by the names of their models, with a file of features for those that read some."""
    place = tmp_path_factory.mktemp("exports")
    for name, model in make_models().items():
        deployment.export_deployed(model, place / name, PROVENANCE)
    draw = np.random.default_rng(0)
    np.save(place / FEATURES["steps"], draw.normal(size=(11, 3)))
    np.savez(place / FEATURES["item"], face=draw.normal(size=(3, 2)), text=draw.normal(size=3))
    return place


@pytest.fixture(scope="module")
def before(exports):
    """Name of a model -> what its undamaged export predicts."""
    texts = {name: predict_with(exports / name, FEATURES[name]) for name in FEATURES}
    assert not [text for text in texts.values() if text.startswith(("refused", "skipped"))], texts
    return texts


def answer_without_compiling(exported):
    """Stands for the compiled program: numbers of the shape that the artifact announces, made of its input."""
    classes = exported.description["output"]["shape"].count(",") - (exported.unit == "step" and 1)

    def call(features, mask):
        first = next(iter(features.values())) if isinstance(features, dict) else features
        lead = first.shape[:1] if exported.unit == "item" else first.shape[:-1]
        return np.resize(np.sin(first), lead + (3,) * classes)

    return exported._replace(call=call)


def predict_with(folder, features):
    """What launch.predict writes of the file `features` beside the export, or `refused` with a UserError's sentence."""
    try:
        exported = answer_without_compiling(export_folder.read_export(folder))
        model = predictor.wrap_export(folder, exported)
        if model.trained["rate"]:
            return predict_speech(folder, exported)
        out = folder / "out.csv"
        out.unlink(missing_ok=True)
        predict_inputs.predict_inputs(model, [folder.parent / features], Output("csv", out))
        return out.read_text() if out.is_file() else "skipped, with a sentence"
    except UserError as error:
        return f"refused: {error}"


def predict_speech(folder, exported):
    """A timeline of two windows, as predict_speech.predict_speech writes it."""
    model = speech_models.wrap_export(folder, exported)
    cut = timelines.plan_windows(model.rate, model.deployed.steps, None, None)
    window = np.ones((2, cut.steps, 1), np.float32)
    values = timelines.compile_model(model.deployed)(window, window[..., 0] > 0)
    line = timelines.Timeline("a.wav", "", 1.0, np.arange(2.0), np.arange(2.0) + 0.5, values)
    described = [timeline_files.describe_timeline(line, model.task, model.labels)]
    about = {**model.about, "export": "", "target": model.target, "rate": model.rate}
    names = timeline_files.name_classes(model.task, model.labels, values.shape[-1])
    return model.title + timeline_files.format_csv(described, names) + timeline_files.format_json(described, about)


def seal(folder):
    """Renews the checksums, where there is a description to hold them."""
    path = folder / DESCRIPTION
    try:
        described = json.loads(path.read_bytes())
        described.pop("sha256", None)
        sums = {name: files.hash_file(folder / name) for name in (MODEL, PARAMS)}
        files.write_json(path, described | {"sha256": {**sums, DESCRIPTION: files.hash_json(described)}})
    except (OSError, ValueError, TypeError, AttributeError):
        return


@st.composite
def damage(draw, place):
    """(which export, file, its new bytes or None, whether the checksums are renewed)."""
    of_model = draw(st.sampled_from(sorted(FEATURES)), label="export")
    name = draw(st.sampled_from(NAMES), label="file")
    data = (place / of_model / name).read_bytes()
    kinds = ["cut", "flip", "removed", "empty", "words", "another's"]
    kinds += {DESCRIPTION: ["value"] * 12, PARAMS: ["array"] * 3}.get(name, [])
    kind = draw(st.sampled_from(kinds), label="kind")
    is_sealed = draw(st.booleans(), label="checksums renewed") and (name, kind) != (MODEL, "flip")
    if kind == "cut":
        return of_model, name, data[: draw(st.integers(0, len(data) - 1))], is_sealed
    if kind == "flip":
        return of_model, name, flip(data, draw(st.integers(0, len(data) - 1)), draw(st.integers(0, 7))), is_sealed
    if kind == "value":
        return of_model, name, files.encode_json(change_document(draw, json.loads(data))), is_sealed
    if kind == "array":
        with np.load(io.BytesIO(data)) as file:
            return of_model, name, run_folder.encode_npz(change_array(draw, dict(file))), is_sealed
    other = draw(st.sampled_from(sorted(make_models().keys() - {of_model})), label="of")
    content = {"removed": None, "empty": b"", "words": b"not what you expect"}
    return of_model, name, content.get(kind, (place / other / name).read_bytes()), is_sealed


@few(60)
@given(data=st.data())
def test_a_damaged_export_is_refused_or_predicts_as_before(exports, before, data):
    of_model, name, content, is_sealed = data.draw(damage(exports))
    folder = exports / "damaged"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(exports / of_model, folder)
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    if is_sealed:
        seal(folder)
    after = predict_with(folder, FEATURES[of_model])
    assert not after.startswith("refused") or (20 < len(after) < 1000 and "\n" not in after)
    # Who renews the checksums may change what is said of a model, such as the names of its classes.
    assert is_sealed or after == before[of_model] or after.startswith("refused"), after
