"""`launch.explain` on run folders whose model is planted: it hears the energy of known tenths of a clip."""

import dataclasses
import json
import os
import subprocess
import sys
from types import SimpleNamespace
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import soundfile

from affect_jax import convert
from affect_jax.data import splits
from affect_jax.datasets.recordings import Recording, Recordings
from affect_jax.errors import UserError
from affect_jax.evaluation.explanations import clips as clip_reading
from affect_jax.experiment.results_file import read_results, write_results
from affect_jax.inference import deployment, speech_models, timelines
from affect_jax.models import conflictnet
from launch import explain
from tests import run_results
from tests.launch.starting import starter

RATE, STEPS, SEGMENTS = 100, 200, 10
EXPERIMENT = SimpleNamespace(corpus=SimpleNamespace(settings={"rate": RATE}), data=SimpleNamespace(target="conflict"))
FAST = explain.Settings(perturbations=200, seeds=2, steps=4, batch=64)


class Planted(NamedTuple):
    """In place of a `Deployed`."""

    weights: np.ndarray
    """[10], or [10, C] for logits of classes."""
    params: tuple = ()
    steps: int = STEPS
    modality: str = "speech"
    trained: dict | None = None
    trial: object = None
    number: int = 0
    form: None = None
    members: tuple[int, ...] = ()
    calibration: None = None


def plant_model(run, number, weights, **changes):
    """In place of `load_deployed`."""
    results = read_results(run)
    corpus = deployment.summarize_corpus(results.corpus)
    trained = {"task": results.task, "target": "conflict", "labels": results.corpus.labels, "corpus": corpus}
    model = Planted(weights, trial=results.trials[number], number=number, **changes)
    return model._replace(trained={**trained, "rate": RATE if model.modality == "speech" else None})


def recording(number, target):
    samples = np.random.default_rng(number).normal(size=STEPS - 20 * (number == 1)) * 3000
    return Recording(
        f"clip_{number}", "debate", (f"clip_{number}",), {"speech": samples.astype(np.int16)}, {"conflict": target}
    )


TARGETS = np.array([0.4, 0.3, -0.5, 0.9, 0.1], np.float32)
PREDICTIONS = np.array([0.6, -0.2, 0.3, 0.1, 0.05], np.float32)


@pytest.fixture
def clips():
    members = [recording(n, TARGETS[n : n + 1]) for n in range(5)] + [recording(5, np.zeros(1, np.float32))]
    return Recordings("sspnet_conflict", "", True, {"train": members[5:], "test": members[:5]}, {}, {}, "0" * 64)


def write_run(folder, task="signed_regression", predictions=PREDICTIONS, targets=TARGETS):
    (folder / "weights").mkdir(parents=True)
    metric = "pcc" if task != "multiclass" else "uar"
    trial = run_results.make_trial(variant="ConflictNET", test={metric: 0.5})
    corpus = run_results.make_corpus(labels=("calm", "angry"))
    write_results(folder, run_results.make_results(trial, metric=metric, task=task, corpus=corpus))
    config = {"corpus": {"name": "c", "rate": RATE}, "data": {"target": "conflict"}}
    (folder / "config.json").write_text(json.dumps({"config_arg": "x", "config": config}))
    where = "net/test/"
    np.savez(
        folder / "predictions.npz",
        **{
            "net/trial": np.arange(1),
            f"{where}prediction": predictions[None],
            f"{where}target": targets,
            f"{where}id": np.array([f"clip_{n}" for n in range(5)]),
            f"{where}group": np.array(["debate"] * 5),
        },
    )
    return folder


def plant(monkeypatch, clips, weights):
    def predict(deployed, features, mask):
        assert mask.shape == features.shape[:2]
        energy = jnp.mean(jnp.square(features[..., 0].reshape(-1, SEGMENTS, STEPS // SEGMENTS)), axis=2)
        return energy @ deployed.weights

    monkeypatch.setattr(deployment, "load_deployed", lambda run, number: plant_model(run, number, weights))
    monkeypatch.setattr(deployment, "predict_deployed", predict)
    monkeypatch.setattr(splits, "load_recordings", lambda config: clips)
    monkeypatch.setattr(clip_reading, "read_experiment", lambda run: EXPERIMENT)
    monkeypatch.setattr(splits, "find_planted_tenths", lambda config: {"clip_0": np.eye(SEGMENTS, dtype=np.float32)[6]})


@pytest.fixture
def run(tmp_path, monkeypatch, clips):
    weights = np.zeros(SEGMENTS, np.float32)
    weights[[6, 2]] = 0.4, -0.2
    plant(monkeypatch, clips, weights)
    return write_run(tmp_path / "run")


def test_a_named_clip_is_explained_by_what_was_planted(run, capsys):
    (path,) = explain.explain(run, FAST, out=run / "explanations", ids=["clip_0"], trial=0)
    entry = json.loads(path.read_text())
    assert entry["order"][:2] == [6, 2]
    assert entry["lime"][6] > 0 > entry["lime"][2]
    assert entry["lime_r2"] > 0.95
    assert (entry["id"], entry["case"]) == ("clip_0", 1)
    assert (entry["target"], entry["prediction"]) == (pytest.approx(0.4), pytest.approx(0.6))
    assert entry["segments"][6] == [pytest.approx(1.2), pytest.approx(1.4)]
    for other in ("occlusion", "integrated_gradients"):
        assert int(np.argmax(entry[other])) == 6
        assert int(np.argmin(entry[other])) == 2
    np.testing.assert_allclose(entry["integrated_gradients"], entry["occlusion"], atol=1e-5)  # the model is additive
    assert entry["settings"]["perturbations"] == 200
    assert entry["planted"][6] == 1
    assert entry["planted_spearman"] > 0.4
    assert path.with_suffix(".png").stat().st_size > 10_000
    assert not path.with_suffix(".svg").exists()
    out = capsys.readouterr().out
    assert "clip_0" in out
    assert "6 2-" in out
    assert str(run / "explanations" / "explanations.csv") in out


def test_without_names_one_clip_of_each_case_is_explained(run, capsys):
    paths = explain.explain(run, FAST, out=run / "explanations", trial=0)
    assert [path.stem for path in paths] == ["clip_0", "clip_1", "clip_2", "clip_3"]
    cases = [json.loads(path.read_text())["case"] for path in paths]
    assert cases == [1, 2, 3, 4]
    short = json.loads(paths[1].read_text())
    assert short["segments"][-1][1] == pytest.approx(1.8)  # its own end, not that of the padding
    assert len((run / "explanations" / "explanations.csv").read_text().splitlines()) == 5


def test_cases_without_a_clip_are_named(tmp_path, monkeypatch, clips, capsys):
    plant(monkeypatch, clips, np.zeros(SEGMENTS, np.float32))
    run = write_run(tmp_path / "run", predictions=np.abs(TARGETS), targets=np.abs(TARGETS))
    (path,) = explain.explain(run, FAST, out=tmp_path / "out", trial=0)
    err = capsys.readouterr().err
    assert [f"case {n}" in err for n in (1, 2, 3, 4)] == [False, True, True, True]
    notes = " ".join(json.loads(path.read_text())["notes"])
    assert "nothing to explain" in notes
    assert "predictions.npz" in notes  # the planted model does not predict what the folder says


def test_a_clip_of_the_training_part_says_so(run):
    (path,) = explain.explain(run, FAST, out=run / "explanations", ids=["clip_5"], trial=0)
    assert "trained on this clip" in json.loads(path.read_text())["notes"][0]


def test_own_files_are_read_cut_and_explained(run, tmp_path):
    loud = np.random.default_rng(3).normal(size=3 * STEPS).astype(np.float32) * 0.05
    soundfile.write(tmp_path / "mine.wav", loud, RATE)
    soundfile.write(tmp_path / "short.wav", loud[:90], RATE)
    mine, short = explain.explain(
        run, FAST, out=tmp_path / "out", files=[str(tmp_path / "mine.wav"), str(tmp_path / "short.wav")], trial=0
    )
    entry = json.loads(mine.read_text())
    assert (entry["id"], entry["target"], entry["case"]) == ("mine", None, None)
    assert entry["order"][:2] == [6, 2]
    assert entry["notes"][0] == "only the first 2.0 of its 6.0 s are explained"
    assert json.loads(short.read_text())["segments"][-1] == [pytest.approx(0.81), pytest.approx(0.9)]


def test_classes_are_explained_by_name(tmp_path, monkeypatch, clips):
    weights = np.zeros((SEGMENTS, 2), np.float32)
    weights[4, 1], weights[8, 0] = 1.5, 0.7
    plant(monkeypatch, clips, weights)
    logits, labels = np.tile(np.array([0.0, 1.0], np.float32), (5, 1)), (TARGETS > 0).astype(np.float32)
    run = write_run(tmp_path / "run", "multiclass", logits, labels)
    say = dict(out=tmp_path / "out", ids=["clip_0"], trial=0)
    (path,) = explain.explain(run, FAST, **say)
    entry = json.loads(path.read_text())
    assert (entry["class"], entry["target"]) == ("angry", "calm")
    assert 0.5 < entry["prediction"] < 1
    assert entry["order"][:2] == [4, 8]
    (path,) = explain.explain(run, FAST, **say, label="calm")
    other = json.loads(path.read_text())
    np.testing.assert_allclose(other["lime"], -np.array(entry["lime"]), atol=1e-6)
    with pytest.raises(UserError, match=r"--label=clam \(did you mean 'calm'\?\)"):
        explain.explain(run, FAST, **say, label="clam")
    with pytest.raises(UserError, match="name the clips with --id"):
        explain.explain(run, FAST, out=tmp_path / "out", trial=0)


def test_an_unknown_clip_is_refused_and_one_that_is_there_named(run):
    with pytest.raises(UserError, match=r"no clip 'clip_9'; it has \d+ others, the first is clip_\d"):
        explain.explain(run, FAST, out=run / "explanations", ids=["clip_9"], trial=0)


def test_a_changed_corpus_is_refused(run, monkeypatch, clips):
    monkeypatch.setattr(splits, "load_recordings", lambda config: clips._replace(fingerprint="1" * 64))
    with pytest.raises(UserError, match=r"the corpus has changed .* name recordings instead of --id"):
        explain.explain(run, FAST, out=run / "explanations", ids=["clip_0"], trial=0)


def test_a_class_of_a_regression_and_a_run_without_speech_are_refused(run, monkeypatch):
    with pytest.raises(UserError, match="is a regression"):
        explain.explain(run, FAST, out=run / "explanations", ids=["clip_0"], trial=0, label="calm")
    with monkeypatch.context() as context:
        context.setattr(deployment, "load_deployed", lambda *of: plant_model(*of, np.zeros(SEGMENTS), modality="mfcc"))
        with pytest.raises(UserError, match="reads 'mfcc'"):
            explain.explain(run, FAST, out=run / "explanations", ids=["clip_0"], trial=0)
    write_results(run, dataclasses.replace(read_results(run), task="binary"))
    with pytest.raises(UserError, match="not a model of raw speech"):
        explain.explain(run, FAST, out=run / "explanations", ids=["clip_0"], trial=0)


def test_a_mistake_is_one_clear_line(repo_root, tmp_path):
    command = [sys.executable, "-m", "launch.explain", f"--run={tmp_path}", "--id=a", "b.wav"]
    done = subprocess.run(command, cwd=repo_root, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "error: give either --id or sound files, not both\n")


def test_an_unfinished_run_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="its run is not finished"):
        explain.explain(tmp_path, FAST, out=tmp_path)


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """A folder as of launch.convert: a tiny ConflictNET that hears 1/4 s at 8 kHz, two classes."""
    folder = tmp_path_factory.mktemp("converted")
    model = conflictnet.Model(filters=(2, 2, 2), lstm_units=(2, 2), average_pool=2, classes=2)
    inputs = {"speech": {"steps": 2000, "features": 1, "rate": 8000}}
    rng = np.random.default_rng(0)
    variables = jax.tree.map(
        lambda leaf: rng.uniform(0.1, 1, leaf.shape).astype(np.float32), convert.folder.trace_variables(model, inputs)
    )
    convert.write_model(folder, model, variables, inputs, "weights.npz")
    return folder


@pytest.fixture
def main(monkeypatch):
    return starter(explain, monkeypatch)


FEW = ("--seeds=1", "--perturbations=8", "--segments=4", "--steps=2", "--batch=4")


def test_a_converted_model_explains_a_file_as_it_hears_it(main, converted, tmp_path, capsys):
    speech = np.random.default_rng(0).normal(size=2000) * np.linspace(0, 0.2, 2000)
    soundfile.write(tmp_path / "talk.wav", speech, 8000)
    main(f"--run={converted}", *FEW, "--label=1", f"--out={tmp_path / 'out'}", tmp_path / "talk.wav")
    entry = json.loads((tmp_path / "out" / "talk.json").read_text())
    assert (entry["converted"], entry["source"], entry["model"]) == (str(converted), "weights.npz", "conflictnet")
    assert (entry["class"], entry["target"], entry["segments"][-1]) == ("1", None, [0.1875, 0.25])
    assert (tmp_path / "out" / "talk.png").exists()
    assert "talk  prediction of class '1'" in capsys.readouterr().out
    heard = speech_models.load_speech_model(converted)
    cut = timelines.plan_windows(heard.rate, heard.deployed.steps, None, None)
    (timeline,) = timelines.predict_recordings([tmp_path / "talk.wav"], timelines.compile_model(heard.deployed), cut)
    odds = np.exp(timeline.prediction[0])
    assert entry["prediction"] == pytest.approx(odds[1] / odds.sum(), abs=1e-5)


def test_a_file_that_cannot_be_read_costs_the_others_nothing(main, converted, tmp_path, capsys):
    samples = np.sin(np.arange(2000) / 9) / 2
    for name in (b"M\xfcller.wav", b"M\xf6ller.wav"):
        soundfile.write(os.fsencode(tmp_path) + b"/" + name, samples, 8000)
    (tmp_path / "noise.wav").write_text("no sound")
    with pytest.raises(SystemExit) as ended:
        main(f"--run={converted}", *FEW, f"--out={tmp_path / 'out'}", *sorted(tmp_path.glob("*.wav")))
    assert ended.value.code == 2
    assert f"skipped: {tmp_path / 'noise.wav'} cannot be read as audio" in capsys.readouterr().err
    names = {json.loads(path.read_text())["id"] for path in (tmp_path / "out").glob("*.json")}
    assert names == {r"M\xfcller", r"M\xf6ller"}
    assert r"M\xfcller" in (tmp_path / "out" / "explanations.csv").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--id=clip_0"], "holds a converted model, which has no corpus to take --id from; name sound files"),
        ([], "holds a converted model, which has no corpus to take the four cases from; name sound files"),
        (
            ["--variant=ConflictNET", "a.wav"],
            "holds one converted model, without variants and trials; leave --variant and --trial",
        ),
        (["--trial=0", "a.wav"], "holds one converted model, without variants and trials"),
        (["--label=angry", "a.wav"], "--label=angry is no class of the model; choose 0, 1"),
    ],
)
def test_what_needs_a_run_is_refused_of_a_converted_model(main, converted, arguments, said):
    with pytest.raises(UserError, match=said):
        main(f"--run={converted}", *arguments)
