"""`launch.predict` on what launch.export wrote."""

import csv
import io

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import soundfile
from absl import flags

from affect_jax.errors import UserError
from affect_jax.experiment.calibrations import Calibration
from affect_jax.inference import deployment, export_description, timelines
from affect_jax.metrics import calibration
from affect_jax.runtime.typed_json import Mismatch
from launch import cli, predict
from tests.inference import toys
from tests.launch.starting import starter

RATE, STEPS = 800, 1600  # two seconds


class Loudest(nn.Module):
    """Of speech: the largest sample, and how much of the window is sound."""

    @nn.compact
    def deploy(self, inputs, masks):
        """float32 [B]."""
        return jnp.where(masks["speech"], inputs["speech"][..., 0], -jnp.inf).max(1) + masks["speech"].mean(1)


@pytest.fixture(scope="module")
def of_features(tmp_path_factory):
    model = toys.deployed(
        toys.Item(), item=True, task="multiclass", labels=("calm", "angry", "glad"), face=(2, 4), text=(3, None)
    )
    folder = tmp_path_factory.mktemp("features")
    deployment.export_deployed(model, folder, {})
    return folder, model


@pytest.fixture(scope="module")
def of_speech(tmp_path_factory):
    steps = {"speech": deployment.Input(np.zeros(1, np.float32), np.ones(1, np.float32), STEPS)}
    model = toys.deployed(Loudest(), item=True, rate=RATE)._replace(params={}, inputs=steps)
    folder = tmp_path_factory.mktemp("speech")
    deployment.export_deployed(model, folder, {})
    return folder, model


@pytest.fixture
def main(monkeypatch):
    return starter(predict, monkeypatch)


@pytest.fixture
def item(tmp_path):
    path = tmp_path / "item.npz"
    np.savez(path, face=np.arange(6.0).reshape(3, 2), text=np.array([1.0, -2.0, 0.5]))
    return path


@pytest.fixture
def talk(tmp_path):
    path = tmp_path / "talk.wav"
    soundfile.write(path, 0.3 * np.sin(np.arange(RATE * 4)), RATE)
    return path


def test_features(main, of_features, item, capsys):
    folder, model = of_features
    main(f"--run={folder}", item, item)
    out, err = capsys.readouterr()
    assert err == (
        "export of variant 'toy' (trained on a synthetic corpus): predicting 'y' from features face, text\n"
        "2 of 2 predicted\n"
        f"next: python -m launch.predict --run={folder} {item} {item} > predictions.csv    # keeps the table\n"
    )
    trials = list(csv.DictReader(io.StringIO(out)))
    assert [trial["id"] for trial in trials] == ["item", "item"]
    face = np.concatenate([np.arange(6.0).reshape(3, 2), np.zeros((1, 2))]).astype(np.float32)
    features = {"face": face, "text": np.array([1.0, -2.0, 0.5], np.float32)}
    logits = toys.answer(model, features, {"face": np.arange(4) < 3, "text": np.array(True)})
    labels = ("calm", "angry", "glad")
    assert trials[0]["prediction"] == labels[int(logits.argmax())]
    chances = np.exp(logits - logits.max())
    assert [float(trials[0][name]) for name in labels] == pytest.approx(chances / chances.sum(), abs=2e-6)


def test_an_ensemble_with_its_calibration(main, tmp_path, item, capsys):
    labels, sizes = ("calm", "angry", "glad"), dict(face=(2, 4), text=(3, None))
    members = [toys.deployed(toys.Item(), k, item=True, task="multiclass", labels=labels, **sizes) for k in range(2)]
    members[1] = members[1]._replace(inputs=members[0].inputs)  # seeds of one fold share its standardisation
    params = jax.tree.map(lambda *leaves: np.stack(leaves), *(member.params for member in members))
    fitted = Calibration(2.0, {"0.8": 0.4, "0.9": 0.995, "0.95": None}, 100)
    model = members[0]._replace(params=params, members=(0, 1), calibration=fitted)
    deployment.export_deployed(model, tmp_path / "export", {})
    main(f"--run={tmp_path / 'export'}", item)
    out, err = capsys.readouterr()
    assert "export of the ensemble of 2 seeds of variant 'toy' (trained on a synthetic corpus)" in err
    assert "note: probabilities are at temperature 2, fitted on 100 validation answers; set_90 holds the right" in err
    (row,) = csv.DictReader(io.StringIO(out))
    assert list(row) == ["id", "prediction", *labels, "set_90", "disagreement", "note"]
    face = np.concatenate([np.arange(6.0).reshape(3, 2), np.zeros((1, 2))]).astype(np.float32)
    features = {"face": face, "text": np.array([1.0, -2.0, 0.5], np.float32)}
    said = [toys.answer(member, features, {"face": np.arange(4) < 3, "text": np.array(True)}) for member in members]
    shares = np.stack([calibration.compute_probabilities("multiclass", x) for x in said])
    np.testing.assert_allclose(
        [float(row[name]) for name in labels], calibration.apply_temperature(shares.mean(0), 2.0), atol=3e-6
    )
    entropy = [-(x * np.log(np.maximum(x, 1e-30))).sum(-1) for x in (shares.mean(0), shares)]
    assert float(row["disagreement"]) == pytest.approx(entropy[0] - entropy[1].mean(), abs=2e-5)
    assert row["prediction"] in row["set_90"].split("|")
    main(f"--run={tmp_path / 'export'}", "--coverage=0.95", item)
    out, err = capsys.readouterr()
    assert "set_95" not in out
    assert "too few for sets or intervals of 95 %" in err


def test_an_export_on_isotonic_curves(main, tmp_path, item, capsys):
    labels, sizes = ("calm", "angry", "glad"), dict(face=(2, 4), text=(3, None))
    model = toys.deployed(toys.Item(), 0, item=True, task="multiclass", labels=labels, **sizes)
    curves = tuple(((0.0, 1.0), (low, high)) for low, high in ((0.1, 0.6), (0.2, 0.9), (0.3, 0.4)))
    fitted = Calibration(2.0, {"0.8": 0.4, "0.9": 0.995, "0.95": None}, 100, curves)
    deployment.export_deployed(model._replace(calibration=fitted), tmp_path / "export", {})
    main(f"--run={tmp_path / 'export'}", item)
    out, err = capsys.readouterr()
    assert "note: probabilities are on isotonic curves, fitted on 100 validation answers; set_90 holds the right" in err
    (row,) = csv.DictReader(io.StringIO(out))
    face = np.concatenate([np.arange(6.0).reshape(3, 2), np.zeros((1, 2))]).astype(np.float32)
    features = {"face": face, "text": np.array([1.0, -2.0, 0.5], np.float32)}
    said = toys.answer(model, features, {"face": np.arange(4) < 3, "text": np.array(True)})
    shares = calibration.apply_isotonic(calibration.compute_probabilities("multiclass", said), curves)
    np.testing.assert_allclose([float(row[name]) for name in labels], shares, atol=3e-6)
    with pytest.raises(UserError, match="--calibration is for a run, but .* holds an export"):
        main(f"--run={tmp_path / 'export'}", "--calibration=isotonic", item)
    falling = Calibration(2.0, {}, 9, (((0.1, 0.9), (0.9, 0.1)),))
    with pytest.raises(Mismatch, match="which is no curve within 0 and 1"):
        export_description._check_calibration(falling, "multiclass")


def test_a_bad_file_is_skipped_and_the_status_says_so(main, of_features, item, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(f"--run={of_features[0]}", tmp_path / "none.npz", item, f"--out={tmp_path / 'out.csv'}")
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"skipped: {tmp_path / 'none.npz'} is missing" in err
    assert f"\n1 of 2 predicted, 1 skipped -> {tmp_path / 'out.csv'}\nnext: " in err
    assert (tmp_path / "out.csv").read_text().startswith("id,prediction,calm,angry,glad,note\nitem,")


def test_recordings_are_heard_as_the_model_of_the_run_hears_them(main, of_speech, talk, capsys):
    folder, model = of_speech
    main(f"--run={folder}", "--hop=1", talk)
    out, err = capsys.readouterr()
    said = [float(trial["prediction"]) for trial in csv.DictReader(io.StringIO(out))]
    assert "export of variant 'toy' (from a synthetic corpus): windows of 2 s every 1 s, predicting 'y'" in err
    cut = timelines.plan_windows(RATE, STEPS, None, 1.0)
    (want,) = timelines.predict_recordings([talk], timelines.compile_model(model), cut)
    assert len(said) == 3
    assert said == pytest.approx(want.prediction, abs=1e-5)


@pytest.mark.parametrize(
    ("which", "arguments", "said"),
    [
        ("of_features", [], "holds an export; name files to predict, as in: --run="),
        ("of_features", ["--split=test"], "one trial without its corpus; leave it out"),
        ("of_speech", ["--variant=x", "a.wav"], "one trial without its corpus; leave it out"),
        ("of_speech", ["--trial=0", "a.wav"], "leave it out"),
        ("of_features", ["--hop=1", "a.npz"], r"clips or of raw speech, but it reads 'face\+text'"),
        ("of_features", ["--out=json", "a.npz"], "--out is 'json'; for items and features give csv"),
        ("of_features", ["--out=txt", "a.npz"], "--out is 'txt'"),
    ],
)
def test_what_needs_more_than_an_export_is_refused(request, main, which, arguments, said):
    with pytest.raises(UserError, match=said):
        main(f"--run={request.getfixturevalue(which)[0]}", *arguments)


def test_a_damaged_export_is_one_line_and_status_2(monkeypatch, of_features, item, tmp_path, capsys):
    (tmp_path / "export").mkdir()
    for path in of_features[0].iterdir():
        (tmp_path / "export" / path.name).write_bytes(path.read_bytes())
    model = tmp_path / "export" / "model.jax"
    model.write_bytes(model.read_bytes()[:-1])
    values = flags.FlagValues()
    predict.define_flags(values)
    values(["predict", f"--run={tmp_path / 'export'}", str(item)])
    monkeypatch.setattr(predict, "FLAGS", values)
    monkeypatch.setattr(cli.app, "run", lambda main, flags_parser: main(["predict", str(item)]))
    monkeypatch.setattr(cli.startup, "use_all_cores", lambda: None)
    monkeypatch.setattr(cli.startup, "cache_compilations", lambda: None)
    with pytest.raises(SystemExit) as ended:
        cli.run(predict.main)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith(f"error: {model} is not the file that")
