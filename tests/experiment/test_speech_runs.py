"""Studies of raw speech, from the corpus to the deployed model: batch statistics, one label a clip, folds of actors."""

import json

import jax
import numpy as np
import pytest

from affect_jax.config.load import load_config
from affect_jax.data import splits
from affect_jax.errors import UserError
from affect_jax.features import audio
from affect_jax.inference import deployment, export_folder, speech_models, timelines
from affect_jax.metrics import calibration
from affect_jax.runtime import run_folder
from tests import small


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    return tmp_path_factory.mktemp("corpora")


@pytest.fixture(scope="module")
def conflict(corpora, tmp_path_factory):
    """A finished run: (folder, config, results)."""
    folder, config = tmp_path_factory.mktemp("runs") / "conflict", small.conflictnet_config(corpora)
    return folder, config, small.run(config, str(folder), config_arg="configs/conflictnet.py")


@pytest.fixture(scope="module")
def emotion(corpora, tmp_path_factory):
    """A run whose weights are drawn: (folder, config, results)."""
    folder, config = tmp_path_factory.mktemp("runs") / "emotion", small.speech_emotion_config(corpora)
    return folder, config, small.run_drawn(config, folder, config_arg="configs/speech_emotion.py")


def test_a_clip_has_one_prediction_and_its_sign_is_scored(conflict):
    folder, _, results = conflict
    arrays = run_folder.read_arrays(folder / "predictions.npz")
    assert arrays["conflictnet/test/prediction"].shape == (2, 3)
    for at, trial in enumerate(results.trials):
        x, y = arrays["conflictnet/test/prediction"][at], arrays["conflictnet/test/target"]
        assert trial.test["accuracy"] == pytest.approx(np.mean((x >= 0) == (y >= 0)), abs=1e-6)
        assert trial.test["pcc"] == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-4)
        # A loss of 1 - PCC leaves scale and offset free: validation has set them, and what is kept is what they gave.
        x, y = (arrays[f"conflictnet/validation/{name}"] for name in ("prediction", "target"))
        assert trial.affine.scale > 0
        np.testing.assert_allclose(calibration.fit_affine(x[at], y), (1, 0), atol=1e-3)
    high = np.mean(arrays["conflictnet/test/target"] >= 0)
    assert results.baselines["test"]["accuracy"] == pytest.approx(max(high, 1 - high), abs=1e-6)


def test_the_deployed_model_hears_waveforms_as_the_run_did(conflict, tmp_path):
    folder, config, _ = conflict
    deployed = deployment.load_deployed(folder, 1)
    assert (deployed.modality, deployed.item, deployed.steps) == ("speech", True, 16000)
    deployment.export_deployed(deployed, tmp_path, {})
    artifact = jax.export.deserialize(bytearray((tmp_path / "model.jax").read_bytes()))
    arrays = run_folder.read_arrays(folder / "predictions.npz")
    clips = splits.load_recordings(load_config(config).corpus).splits["test"]
    x = np.stack([audio.normalize_rms(clip.features["speech"].astype(np.float32)) for clip in clips])[..., None]
    want = arrays["conflictnet/test/prediction"][1]
    np.testing.assert_allclose(artifact.call(x, np.ones(x.shape[:2], bool)), want, rtol=1e-4, atol=1e-5)
    assert json.loads((tmp_path / "description.json").read_text())["output"]["shape"] == "[b]"
    hearer = speech_models.wrap_export(tmp_path, export_folder.read_export(tmp_path))
    assert (hearer.rate, hearer.task, hearer.target) == (8000, "signed_regression", "conflict")
    sides = x, np.ones(x.shape[:2], bool)
    said = timelines.compile_model(hearer.deployed)(*sides)
    alone = jax.jit(lambda *sides: deployment.predict_deployed(deployed, *sides))(*sides)
    np.testing.assert_allclose(said, alone, rtol=1e-5, atol=1e-6)


def test_running_statistics_are_kept_with_the_weights(conflict):
    params = deployment.load_deployed(conflict[0], 0).params
    moved = jax.tree.leaves(params["batch_stats"])
    assert len(moved) == 2
    assert not [x for x in moved if np.all(x == 0) or np.all(x == 1)]


def test_the_authors_rescaling_changes_the_range_and_no_correlation(conflict, corpora, tmp_path):
    folder, config, plain = conflict
    config = small.conflictnet_config(corpora)
    config.data.rescale = "authors"
    results = small.run(config, str(tmp_path / "run"), config_arg="configs/conflictnet.py")
    made = run_folder.read_arrays(tmp_path / "run" / "predictions.npz")["conflictnet/test/prediction"]
    gold = [
        float(clip.targets["conflict"][0])
        for clip in splits.load_recordings(load_config(config).corpus).splits["train"]
    ]
    np.testing.assert_allclose([made.min(1), made.max(1)], [[min(gold)] * 2, [max(gold)] * 2], atol=1e-5)
    for a, b in zip(plain.trials, results.trials, strict=True):
        assert b.affine is None
        assert a.test["pcc"] == pytest.approx(b.test["pcc"], abs=1e-3)


def test_an_unknown_rescaling_is_refused(corpora, tmp_path):
    config = small.conflictnet_config(corpora)
    config.data.rescale = "author"
    with pytest.raises(UserError, match="did you mean 'authors'"):
        small.run(config, str(tmp_path / "run"), config_arg="configs/conflictnet.py")


def test_every_fold_is_scored_on_its_own_actors_alone(emotion):
    folder, config, results = emotion
    arrays = run_folder.read_arrays(folder / "predictions.npz")
    recordings = splits.load_recordings(load_config(config).corpus)
    shown = arrays["trunk/test/id"]
    values = arrays["trunk/test/prediction"]
    assert values.shape == (2, len(shown), 8)
    for trial, name in zip(values, ("fold_1", "fold_4"), strict=True):
        assert set(shown[~np.isnan(trial).any(-1)]) == set(recordings.folds[name].test)
    for at, trial in enumerate(results.trials):
        mine = ~np.isnan(values[at]).any(-1)
        hits = values[at][mine].argmax(-1) == arrays["trunk/test/target"][mine]
        assert trial.test["accuracy"] == pytest.approx(hits.mean(), abs=1e-6)
    assert results.corpus.labels[0] == "neutral"
