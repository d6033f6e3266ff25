"""Runs over a pretrained encoder, from recordings and texts to answers for new ones."""

import csv
import json
import shutil

import jax
import numpy as np
import pytest
import safetensors.numpy
import soundfile

from affect_jax.encoders import published, tuning
from affect_jax.errors import UserError
from affect_jax.inference import deployment, export_folder, predictor, speech_models, timelines, word_inputs
from affect_jax.inference.output import Output
from affect_jax.inference.predict_inputs import predict_inputs
from affect_jax.runtime import run_folder, run_identity
from affect_jax.training import checkpoint
from configs import sentiment
from tests import small
from tests.encoders import proof

SIZES = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)


def write_weights(folder, described):
    """A random encoder as a folder of the hub."""
    params = tuning.load_parameters(tuning.EncoderSettings(described=json.dumps(described)))
    safetensors.numpy.save_file(published.write_arrays({"params": params}), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(described))


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    """A run over a folder of weights, which is gone afterwards."""
    folder, weights = tmp_path_factory.mktemp("runs") / "speech", tmp_path_factory.mktemp("weights")
    described = dict(model_type="wav2vec2", num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2, **SIZES)
    described |= dict(conv_dim=[6], conv_stride=[40], conv_kernel=[40], mask_time_prob=0.0)
    write_weights(weights, described)
    config = small.encoder_config(tmp_path_factory.mktemp("corpora"))
    config.model.encoder.weights = str(weights)
    small.run(config, folder, config_arg="configs/speech_emotion.py")
    shutil.rmtree(weights)
    return folder


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """A run on 36 texts of nine speakers, whose words are in a column and, of one, in a file, over a folder of weights
    with a tokenizer, which is gone afterwards."""
    pytest.importorskip("tokenizers")
    place = tmp_path_factory.mktemp("words")
    (place / "weights").mkdir()
    write_weights(place / "weights", dict(model_type="bert", vocab_size=68, max_position_embeddings=40, **SIZES))
    shutil.copyfile(proof.DATA / "processing" / "bert_tokenizer.json", place / "weights" / "tokenizer.json")
    rows = [("id", "group", "label:sentiment", "said")]
    for n in range(36):
        rows.append(
            (f"i{n}", f"g{n % 9}", ("bad", "good")[n % 2], f"the {('mat', 'cats')[n % 2]} sat in the {'n' * (n % 5)}")
        )
    (place / "one.txt").write_text("the mat sat")
    rows[1] = (*rows[1][:3], "one.txt")
    with (place / "texts.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    config = sentiment.get_config()
    config.corpus.update(manifest=str(place / "texts.csv"), data_dir=str(place / "data"))
    config.study.folds, config.stages.fit.epochs = ("fold_1",), 3
    config.model.encoder.weights = str(place / "weights")
    small.run(config, place / "run", config_arg="configs/sentiment.py")
    (place / "weights").rename(place / "gone")
    return place


def test_the_encoder_is_kept_once_and_no_trial_has_it(speech):
    weights = run_folder.locate_weights(speech, "encoder")
    identity = run_identity.read_identity(speech)
    leaves, _ = checkpoint.restore_checkpoint(weights / "000", identity)
    assert {name.split("/")[1] for name in leaves if name.startswith("params/")} == {
        "adapters",
        "head",
        "layer_weights",
        "pooling",
    }
    shared, _ = checkpoint.restore_checkpoint(weights / "shared", identity)
    assert {name.split("/")[1] for name in shared if name.startswith("params/")} == {"pretrained"}
    up = leaves["params/adapters/encoder/layers_0/attention/q_proj/up"]
    assert up.shape[0] == 2
    assert np.abs(up).max() > 0


def test_new_recordings_are_predicted_by_the_run_and_by_its_export(speech, tmp_path):
    heard = speech_models.load_run_model(speech)
    assert (heard.rate, heard.deployed.steps) == (16000, 2000)
    soundfile.write(tmp_path / "new.wav", 0.1 * np.random.default_rng(0).normal(size=9000), 16000)
    cut = timelines.plan_windows(heard.rate, heard.deployed.steps, None, None)
    deployment.export_deployed(heard.deployed, tmp_path / "export", {})
    exported = speech_models.wrap_export(tmp_path / "export", export_folder.read_export(tmp_path / "export"))
    ours, theirs = (
        next(iter(timelines.predict_recordings([tmp_path / "new.wav"], timelines.compile_model(model.deployed), cut)))
        for model in (heard, exported)
    )
    assert ours.error == theirs.error == ""
    assert len(ours.prediction) > 1
    np.testing.assert_allclose(ours.prediction, theirs.prediction, atol=1e-5)
    arrays = run_folder.read_arrays(speech / "predictions.npz")
    assert np.isfinite(arrays["encoder/test/prediction"]).any()


def test_a_run_without_its_encoder_is_told(speech, tmp_path):
    shutil.copytree(speech, tmp_path / "run")
    shutil.rmtree(run_folder.locate_weights(tmp_path / "run", "encoder") / "shared")
    with pytest.raises(UserError, match="holds the encoder that all trials share; restore it"):
        deployment.load_deployed(tmp_path / "run", 0)


def answer(model, place, files, folder):
    path = folder / "out.csv"
    assert predict_inputs(model, word_inputs.number_texts(model, place, files, folder), Output("csv", path)) == 0
    return list(csv.DictReader(path.read_text().splitlines()))


def test_texts_are_predicted_by_the_run_and_by_its_export(words, tmp_path):
    deployed = deployment.load_deployed(words / "run", 0)
    run = predictor.wrap_deployed(deployed)
    deployment.export_deployed(deployed, tmp_path / "export", {})
    export = predictor.wrap_export(tmp_path / "export", export_folder.read_export(tmp_path / "export"))
    (tmp_path / "good.txt").write_text("the cats sat")
    (tmp_path / "new.csv").write_text("id,said\na,the cats sat\nb,the mat sat\n")
    files = [str(tmp_path / "good.txt"), str(tmp_path / "new.csv")]
    for model, place in ((run, words / "run"), (export, tmp_path / "export")):
        folder = tmp_path / f"numbers_{model is run}"
        folder.mkdir()
        rows = answer(model, place, files, folder)
        assert [row["id"] for row in rows] == ["good", "a", "b"]
        good, a, b = (float(row["good"]) for row in rows)
        assert good == pytest.approx(a, abs=1e-5)
        assert a != pytest.approx(b, abs=1e-4)


def test_what_is_wrong_with_texts_is_told(words, tmp_path):
    config = sentiment.get_config()
    lines = (words / "texts.csv").read_text().replace("one.txt", "none.txt")
    (tmp_path / "texts.csv").write_text(lines)
    config.corpus.update(manifest=str(tmp_path / "texts.csv"), data_dir=str(tmp_path))
    with pytest.raises(UserError, match=r"said: .*none\.txt cannot be read"):
        small.run(config, tmp_path / "run")
    config.corpus.modalities = ("sad",)
    with pytest.raises(UserError, match=r"has no column 'sad' \(did you mean 'said'\?\) of words"):
        small.run(config, tmp_path / "run")
    (tmp_path / "texts.csv").write_text("id,label:sentiment,said,heard\na,good,this,that\n")
    config.corpus.modalities = None
    with pytest.raises(UserError, match=r"which column has the words \(there are: said, heard\); name it by --config"):
        small.run(config, tmp_path / "run")


def test_adapters_are_part_of_the_exported_kernels(speech):
    deployed = deployment.load_deployed(speech, 0)
    features = np.random.default_rng(1).normal(size=(2, 2000, 1)).astype(np.float32)
    mask = np.arange(2000)[None] < np.array([[2000], [1500]])

    @jax.jit
    def predict(x, mask):
        plain = deployed.model.apply({"params": deployed.params}, {"speech": x}, {"speech": mask}, train=False)
        return deployment.predict_deployed(deployed, x, mask), plain["prediction"]

    said, plain = predict(np.where(mask[..., None], features, 0), mask)
    np.testing.assert_allclose(said, plain, atol=1e-5)
    described = json.loads((speech / "config.json").read_text())["config"]["model"]["encoder"]["described"]
    assert json.loads(described)["model_type"] == "wav2vec2"
