"""`launch.predict` on run folders whose model is planted: it predicts how much of a window is sound."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import pytest
import soundfile

from affect_jax.errors import UserError
from affect_jax.experiment.results_file import read_results, write_results
from affect_jax.inference import deployment
from launch import predict
from tests import run_results
from tests.launch.starting import starter

RATE, STEPS = 800, 1600  # two seconds


class Planted(NamedTuple):
    """In place of a `Deployed`."""

    trained: dict
    trial: object
    number: int
    params: dict = {}
    modality: str = "speech"
    steps: int | None = STEPS
    inputs: dict = {"speech": deployment.Input(np.zeros(1), np.ones(1), STEPS)}
    item: bool = True
    form: None = None
    windows: None = None
    delay: int = 0
    members: tuple = ()
    calibration: None = None
    affine: None = None


def write_run(folder, task="signed_regression", labels=()):
    (folder / "weights").mkdir(parents=True)
    trials = [
        run_results.make_trial(variant=variant, validation={"pcc": 0.5}, test={"pcc": 0.5})
        for variant in ("ConflictNET", "ParaNET")
    ]
    results = run_results.make_results(*trials, task=task, corpus=run_results.make_corpus(labels=labels))
    write_results(folder, results)
    config = {"corpus": {"name": "c", "rate": RATE}, "data": {"target": "conflict"}}
    (folder / "config.json").write_text(json.dumps({"config_arg": "x", "config": config}))
    where = "net/test/"
    said = np.array([[0.1, 0.2], [0.3, 0.4]], np.float32)
    said = np.stack([said, 1 - said], -1) if task == "multiclass" else said
    arrays = {"net/trial": np.arange(2), f"{where}prediction": said}
    texts = {f"{where}id": np.array(["a_1", "b_1"]), f"{where}group": np.array(["a", "b"])}
    np.savez(folder / "predictions.npz", **arrays, **texts, **{f"{where}target": np.zeros(2, np.float32)})
    return folder


@pytest.fixture
def plant(monkeypatch):
    def call(classes=0, **deployed):
        def say(found, features, mask):
            share = jnp.mean(mask, 1)
            return jnp.stack([share, 2 * share], 1) if classes else share

        def load(run, number):
            results = read_results(run)
            corpus = deployment.summarize_corpus(results.corpus)
            trained = {"task": results.task, "target": "conflict", "labels": results.corpus.labels, "corpus": corpus}
            return Planted({**trained, "rate": RATE}, results.trials[number], number, **deployed)

        monkeypatch.setattr(deployment, "load_deployed", load)
        monkeypatch.setattr(deployment, "predict_deployed", say)

    call()
    return call


@pytest.fixture
def main(monkeypatch):
    return starter(predict, monkeypatch)


@pytest.fixture
def run(tmp_path, plant):
    return write_run(tmp_path / "run")


@pytest.fixture
def talk(tmp_path):
    path = tmp_path / "talk.wav"
    soundfile.write(path, 0.3 * np.sin(np.arange(RATE * 4)), RATE)
    return path


def test_a_timeline_on_standard_output(main, run, talk, capsys):
    main(f"--run={run}", talk)
    out, err = capsys.readouterr()
    trials = list(csv.DictReader(io.StringIO(out)))
    starts = [float(trial["start"]) for trial in trials]
    assert starts[0] == 0
    assert np.diff(starts) == pytest.approx(2 / 3, abs=0.01)  # a third of what the model hears
    assert float(trials[-1]["end"]) == 4
    assert float(trials[0]["prediction"]) == 1
    assert "trial 0, variant 'ConflictNET' (from a synthetic corpus): windows of 2 s every 0.66625 s" in err
    assert "1 of 1 recordings predicted" in err.splitlines()[-2]
    assert err.splitlines()[-1].startswith(f"next: python -m launch.explore --run={run}")


def test_windows_and_hops_are_chosen(main, run, talk, capsys):
    main(f"--run={run}", "--window=1", "--hop=0.5", "--out=json", "--variant=ParaNET", talk)
    found = json.loads(capsys.readouterr().out)
    (file,) = found["files"]
    assert [w["start"] for w in file["windows"]] == [0, 0.5, 1, 1.5, 2, 2.5, 3]
    assert {w["prediction"] for w in file["windows"]} == {0.5}, "a window of 1 s fills half of the model's clip"
    assert (found["trial"], found["variant"], found["window"], found["hop"]) == (1, "ParaNET", 1.0, 0.5)
    assert found["trained_on"] == {"name": "c", "form": "v", "synthetic": True}
    assert found["target"] == "conflict"


def test_a_bad_file_is_skipped_and_the_status_says_so(main, run, talk, tmp_path, capsys):
    (tmp_path / "notes.wav").write_text("no sound")
    with pytest.raises(SystemExit) as ended:
        main(f"--run={run}", tmp_path / "notes.wav", talk, tmp_path / "missing.mp3", f"--out={tmp_path / 'out.csv'}")
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"skipped: {tmp_path / 'notes.wav'} cannot be read as audio" in err
    assert err.splitlines()[-2] == "1 of 3 recordings predicted, 2 skipped"
    trials = list(csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text())))
    assert sum(trial["file"] == str(talk) for trial in trials) == len(trials) - 2
    assert "is not a file" in trials[-1]["note"]


@pytest.mark.parametrize("form", ["csv", "json"])
def test_names_in_any_bytes_stay_apart_and_what_is_no_file_is_refused(main, run, talk, tmp_path, capsys, form):
    names = [os.fsencode(tmp_path) + b"/M\xfcller.wav", os.fsencode(tmp_path) + b"/M\xf6ller.wav"]
    for name in names:
        Path(os.fsdecode(name)).write_bytes(talk.read_bytes())
    os.mkfifo(tmp_path / "pipe.wav")
    files = [*map(os.fsdecode, names), str(tmp_path / "pipe.wav"), "/dev/null", str(talk)]
    for out in (form, f"{tmp_path / 'out'}.{form}"):
        with pytest.raises(SystemExit) as ended:
            main(f"--run={run}", "--window=2", "--hop=2", f"--out={out}", *files)
        assert ended.value.code == 2
        printed, told = capsys.readouterr()
        text = printed if out == form else (tmp_path / f"out.{form}").read_text(encoding="utf-8")
        if form == "json":
            heard = [file["file"] for file in json.loads(text)["files"] if "error" not in file]
        else:
            heard = list(dict.fromkeys(row["file"] for row in csv.DictReader(io.StringIO(text)) if row["start"]))
        assert heard == [rf"{tmp_path}/M\xfcller.wav", rf"{tmp_path}/M\xf6ller.wav", str(talk)]
        assert "pipe.wav is a pipe (FIFO), not a file" in told
        assert "/dev/null is a device, not a file" in told


def test_classes_have_their_names(main, tmp_path, plant, talk, capsys):
    plant(classes=2)
    run = write_run(tmp_path / "run", "multiclass", ("calm", "angry"))
    main(f"--run={run}", talk, "--window=2", "--hop=2")
    trials = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [trial["prediction"] for trial in trials] == ["angry", "angry"]
    assert float(trials[0]["angry"]) == pytest.approx(1 / (1 + np.exp(-1)), abs=1e-5)
    assert float(trials[0]["calm"]) + float(trials[0]["angry"]) == pytest.approx(1, abs=1e-5)


def test_pictures_lie_beside_the_output(main, run, talk, tmp_path, capsys):
    again = tmp_path / "other" / "talk.wav"
    again.parent.mkdir()
    again.write_bytes(talk.read_bytes())
    (tmp_path / "out").mkdir()
    main(f"--run={run}", "--plot", f"--out={tmp_path / 'out' / 't.json'}", talk, again)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"t.json", "talk_timeline.png", "talk_2_timeline.png"}
    assert f"wrote {tmp_path / 'out' / 'talk_timeline.png'}" in capsys.readouterr().err


def test_a_split_of_the_corpus(main, run, capsys):
    main(f"--run={run}", "--split=test", "--trial=1")
    out = capsys.readouterr().out
    assert (
        "trial 1, variant 'ParaNET' (from a synthetic corpus), fold dev, seed 0: as --trial says; validation PCC" in out
    )
    assert "\n2 files -> " in out
    assert (run / "predictions" / "test" / "a.csv").read_text() == "id,prediction\na_1,0.300000\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--window=3", "talk.wav"], "--window is 3 s; this model reads between 0.1 and 2 s"),
        (["--hop=9", "talk.wav"], "--hop is 9 s and a window 2 s"),
        (["--out=txt", "talk.wav"], "--out is 'txt'; for recordings give csv, json, or a file that ends in"),
        (["--out=/nowhere/a.csv", "talk.wav"], "there is no folder /nowhere"),
        (["--split=test", "talk.wav"], "--split is for a split of the corpus, but files are named"),
        (["--hop=1"], "--hop is for recordings, but none is named"),
        (["--plot"], "--plot is for recordings"),
        (["--variant=ConflictNE", "talk.wav"], "did you mean 'ConflictNET'"),
    ],
)
def test_wrong_flags(main, run, arguments, said):
    with pytest.raises(UserError, match=said):
        main(f"--run={run}", *arguments)


@pytest.mark.parametrize("deployed", [dict(steps=None)])
def test_models_of_something_else_are_refused(main, run, plant, deployed):
    plant(**deployed)
    with pytest.raises(UserError, match="not raw speech; name a run of raw speech"):
        main(f"--run={run}", "talk.wav")


def test_runs_without_weights_are_refused(main, tmp_path):
    run = write_run(tmp_path / "run")
    (run / "weights").rmdir()
    with pytest.raises(
        UserError,
        match=r"has no weights of trial 0 .*only training makes them: delete .*results.json, then give the command",
    ):
        main(f"--run={run}", "talk.wav")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--split=test"], "holds a converted model, which has no corpus to predict a split of; name recordings"),
        (
            ["--trial=1", "a.wav"],
            "holds one converted model, without variants and trials; leave --variant and --trial out",
        ),
    ],
)
def test_what_needs_a_run_is_refused_of_a_converted_model(main, tmp_path, arguments, said):
    (tmp_path / "model.json").write_text("{}")
    with pytest.raises(UserError, match=said):
        main(f"--run={tmp_path}", *arguments)


def test_the_program_refuses_in_one_line(repo_root, tmp_path):
    command = [sys.executable, "-m", "launch.predict", f"--run={tmp_path}", "a.wav"]
    done = subprocess.run(command, cwd=repo_root, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "has no results.json" in done.stderr
