"""Damaged run folders: whoever reads one gets the same values as before, or one sentence; never a traceback.

A folder that this version wrote is sealed by checksums, so no changed value may be read at all. That of predictions.npz
is also renewed: then the reader behind it is tried.
"""

import io
import json
import os
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affect_jax.config.load import encode_document, load_config, read_experiment
from affect_jax.errors import UserError
from affect_jax.evaluation import learning_curves, read
from affect_jax.experiment import predictions_file, results, results_file
from affect_jax.runtime import files, run_folder, run_identity
from affect_jax.training import checkpoint
from configs import sew
from tests.datasets.fuzzing import few
from tests.fuzzing_documents import change_array, change_document
from tests.run_results import make_corpus, make_results, make_trial

FINGERPRINT, STEPS = "f" * 64, 6
CONFIG_JSON, RESULTS, PREDICTIONS, METRICS = "config.json", "results.json", "predictions.npz", "metrics.jsonl"


def write_finished_run(folder, seed):
    """A run folder as a finished run leaves it, without training: two trials of study 'net'."""
    experiment = load_config(sew.get_config())
    run_folder.open_run_folder(folder, encode_document(experiment), "configs/sew.py")
    identity = run_identity.claim_run_folder(folder, FINGERPRINT, ["fold"])
    draw = np.random.default_rng(seed)
    lines = [
        {"fit": "net-final-000", "stage": "fit", "epoch": epoch, "trial": trial, "variant": "net", "fold": "dev"}
        | {"seed": trial, "loss": 1 / epoch, "validation/ccc": 0.1 * epoch}
        for epoch in (1, 2, 3)
        for trial in (0, 1)
    ]
    run_folder.append_metrics(folder, lines)
    names = np.array([f"s{n}" for n in range(STEPS)])
    arrays = predictions_file.collect_predictions(
        "net",
        (0, 1),
        {"validation": draw.normal(size=(2, STEPS)).astype(np.float32)},
        {"validation": np.ones((2, STEPS), bool)},
        {"validation": predictions_file.Steps(draw.normal(size=STEPS).astype(np.float32), names, names)},
    )
    predictions_file.write_predictions(folder, arrays, identity.run)
    weights = {"params": {"net": {"kernel": draw.normal(size=(2, 3)).astype(np.float32)}}}
    meta = {"first": 0, "trials": 2, "model": {"name": "sew"}}
    checkpoint.save_checkpoint(run_folder.locate_weights(folder, "net") / "000", 0, weights, meta, identity)
    trials = [make_trial(seed=n, validation={"ccc": 0.1 * n + 0.3}, best_epoch={"fit": 2}) for n in (0, 1)]
    finished = make_results(
        *trials,
        metric="ccc",
        task="regression",
        variants=results.summarize_variants(trials),
        corpus=make_corpus(fingerprint=FINGERPRINT),
        provenance=results_file.Provenance("unknown", {}, "3.11", "x", run=identity.run),
    )
    results_file.write_results(folder, finished)


def read_everything(folder, names=()):
    """All that programs read of a run folder, or `names` of it, as comparable values or a UserError's sentence."""

    def read_config():
        """What a run is made of; how it is run, and where files lie, may be edited."""
        document = read_experiment(folder).document
        corpus = {k: v for k, v in document["corpus"].items() if k not in ("data_dir", "manual_dir", "manifest")}
        return {**{k: v for k, v in document.items() if k != "engine"}, "corpus": corpus}

    def read_weights():
        place = run_folder.locate_weights(folder, "net") / "000"
        restored = checkpoint.restore_checkpoint(place, run_identity.read_identity(folder))
        return restored and ({name: leaf.tolist() for name, leaf in restored.leaves.items()}, restored.meta)

    def read_trial():
        values = predictions_file.read_trial_predictions(folder, "net", 1, "validation")
        return values and [array.tolist() for array in (*values[:-1], values.is_known)]

    def read_for_reports():
        run = read.read_run(folder)
        values = read.read_predictions(run, "net", "validation")
        # A file of an earlier version does not say what was asked; it then follows from the answers.
        return [array.tolist() for array in (*values[:-1], values.is_known)] if values else values

    def read_curves():
        return [(curve.name, curve.mean.tolist()) for curve in learning_curves.read_curves(read.read_run(folder))]

    readers = {
        "results": lambda: results_file.read_results(folder),
        "config": read_config,
        "weights": read_weights,
        "trial": read_trial,
        "predictions": read_for_reports,
        "curves": read_curves,
    }
    values = {}
    for name in names or readers:
        try:
            values[name] = readers[name]()
        except UserError as error:
            values[name] = str(error)
            assert values[name]
    return values


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    place = tmp_path_factory.mktemp("runs")
    for name, seed in (("mine", 0), ("other", 1)):
        write_finished_run(place / name, seed)
    return place


@pytest.fixture(scope="module")
def before(runs):
    """What is read of the undamaged run 'mine'."""
    values = read_everything(runs / "mine")
    assert not [name for name, value in values.items() if isinstance(value, str)], values
    return values


def change_npz(draw, data):
    """One array of an npz is another one."""
    with np.load(io.BytesIO(data)) as file:
        return run_folder.encode_npz(change_array(draw, dict(file)))


@st.composite
def damage(draw, runs):
    """(file, its new bytes or None) of the run 'mine'."""
    paths = sorted(path for path in (runs / "mine").rglob("*") if path.is_file() and path.name != ".lock")
    path = draw(st.sampled_from(paths), label="file")
    data, name = path.read_bytes(), path.relative_to(runs / "mine")
    kinds = ["cut", "flip", "removed", "empty", "other run's", "words"]
    kinds += {".json": ["json"] * 4, ".npz": ["array"] * 4, ".jsonl": ["line"] * 4}.get(path.suffix, [])
    kind = draw(st.sampled_from(kinds), label="kind")
    if kind == "cut":
        return name, data[: draw(st.integers(0, max(len(data) - 1, 0)))]
    if kind == "flip" and data:
        at = draw(st.integers(0, len(data) - 1))
        return name, data[:at] + bytes([data[at] ^ 1 << draw(st.integers(0, 7))]) + data[at + 1 :]
    if kind == "json":
        return name, json.dumps(change_document(draw, json.loads(data))).encode()
    if kind == "array":
        return name, change_npz(draw, data)
    if kind == "line":
        first, *others = data.decode().splitlines()
        return name, "\n".join([json.dumps(change_document(draw, json.loads(first))), *others, ""]).encode()
    other = runs / "other" / name
    made = {"other run's": other.read_bytes() if other.is_file() else None, "words": b"not what you expect"}
    return name, made.get(kind, None if kind == "removed" else b"")


@few(60)
@given(data=st.data())
def test_a_damaged_run_is_refused_or_read_as_it_was(runs, before, tmp_path, data):
    name, content = data.draw(damage(runs))
    folder = tmp_path / "mine"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(runs / "mine", folder)
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    after = read_everything(folder)
    for reader, value in after.items():
        is_sentence = isinstance(value, str)
        # Curves and predictions that are not there are reported as not there; nothing takes their place.
        assert is_sentence or not value or value == before[reader], f"{reader} after {name}"


@few(60)
@given(data=st.data())
def test_other_arrays_of_predictions_are_refused_behind_their_checksum(runs, before, tmp_path, data):
    """Whoever can renew the checksum can write any numbers; what they are numbers of must still fit together."""
    folder = tmp_path / "mine"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(runs / "mine", folder)
    changed = data.draw(st.composite(change_npz)((folder / PREDICTIONS).read_bytes()))
    (folder / PREDICTIONS).write_bytes(changed)
    document = files.read_json(folder / RESULTS)
    document["sha256"][PREDICTIONS] = files.hash_file(folder / PREDICTIONS)
    files.write_json(folder / RESULTS, document)
    after = read_everything(folder, ("results", "trial", "predictions"))
    assert after.pop("results") == before["results"]
    for reader, value in after.items():
        assert isinstance(value, str) or value == before[reader], f"{reader}: {value}"


@pytest.mark.parametrize("name", [CONFIG_JSON, RESULTS, PREDICTIONS, METRICS, "weights/net/000/000000.json"])
@pytest.mark.timeout(60)
def test_a_pipe_is_not_waited_for(runs, tmp_path, name):
    folder = tmp_path / "mine"
    shutil.copytree(runs / "mine", folder)
    (folder / name).unlink()
    os.mkfifo(folder / name)
    read_everything(folder)
