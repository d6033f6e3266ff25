"""Folders and files of weights, images, samples and word pieces, as their authors' libraries read them."""

import json
import sys

import numpy as np
import pytest
import safetensors.numpy

from affect_jax.encoders import folder as folders
from affect_jax.encoders import images, pieces, sound
from affect_jax.errors import UserError
from tests.encoders import proof

PROCESSING = proof.DATA / "processing"


@pytest.fixture
def bert(tmp_path):
    kinds, config = proof.read_case("bert")
    (tmp_path / "config.json").write_text(json.dumps(config))
    safetensors.numpy.save_file(kinds["param"], tmp_path / "model.safetensors")
    return tmp_path


def test_a_folder_and_one_in_parts_are_the_same(bert):
    whole = folders.load_encoder(str(bert)).variables
    arrays = folders.read_weights(bert)
    half = {name: f"model-{index % 2}.safetensors" for index, name in enumerate(arrays)}
    for part in set(half.values()):
        safetensors.numpy.save_file({n: arrays[n] for n, own in half.items() if own == part}, bert / part)
    (bert / "model.safetensors.index.json").write_text(json.dumps({"weight_map": half}))
    (bert / "model.safetensors").unlink()
    parts = folders.load_encoder(str(bert)).variables
    np.testing.assert_array_equal(
        whole["params"]["pooler"]["dense"]["kernel"], parts["params"]["pooler"]["dense"]["kernel"]
    )


def test_torchvision_file_is_named_with_its_network(tmp_path):
    path = tmp_path / "weights.safetensors"
    safetensors.numpy.save_file({"conv1.weight": np.zeros((64, 3, 7, 7), np.float32)}, path)
    with pytest.raises(UserError, match=r"lacks the array 'bn1\.running_mean'"):
        folders.load_encoder(f"resnet18:{path}")


def test_damaged_and_pickled_files_are_told(bert, monkeypatch):
    content = (bert / "model.safetensors").read_bytes()
    for damaged in (b"", content[:100], content[: len(content) // 2]):
        (bert / "model.safetensors").write_bytes(damaged)
        with pytest.raises(UserError, match="cut short or no safetensors"):
            folders.load_encoder(str(bert))
    (bert / "model.safetensors").rename(bert / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"save_pretrained.*converts them"):
        folders.load_encoder(str(bert))
    with pytest.raises(UserError, match=r"weights_only=True.*converts it"):
        folders.load_encoder(f"resnet101:{bert / 'resnet.pth'}")
    (bert / "config.json").write_text("[]")
    with pytest.raises(UserError, match="no JSON object"):
        folders.load_encoder(str(bert))
    (bert / "config.json").unlink()
    with pytest.raises(UserError, match=r"config\.json is missing"):
        folders.load_encoder(str(bert))
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UserError, match="pip install huggingface_hub; hf download some/model"):
        folders.load_encoder("some/model")
    with pytest.raises(UserError, match="is not a folder; name one"):
        folders.load_encoder("/no/such/folder")


@pytest.mark.parametrize("name", ["wide", "tall", "exact", "small"])
def test_images_are_prepared_as_by_torchvision_and_transformers(name):
    with np.load(PROCESSING / "arrays.npz") as arrays:
        network = images.dataclasses.replace(images.TORCHVISION, shortest=20, crop=17)
        clip = images.dataclasses.replace(images.CLIP, shortest=17, crop=17)
        for kind, settings in (("torchvision", network), ("clip", clip)):
            ours = images.prepare_image(arrays[f"in/{name}"], settings)
            np.testing.assert_allclose(ours, arrays[f"{kind}/{name}"], atol=1e-5)


def test_image_settings_come_from_the_folder(tmp_path):
    assert images.read_image_settings(tmp_path) == images.CLIP
    settings = {"size": {"shortest_edge": 30}, "crop_size": 20, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]}
    (tmp_path / images.SETTINGS).write_text(json.dumps(settings | {"resample": 2}))
    assert images.read_image_settings(tmp_path) == images.ImageSettings(30, 20, 2, (0.0,) * 3, (1.0,) * 3)
    with pytest.raises(UserError, match="uint8"):
        images.prepare_image(np.zeros((4, 4)), images.CLIP)


@pytest.mark.parametrize("name", ["loud", "silent", "one"])
def test_samples_are_normalised_as_by_transformers(name):
    with np.load(PROCESSING / "arrays.npz") as arrays:
        np.testing.assert_allclose(sound.normalise_samples(arrays[f"in/{name}"]), arrays[f"sound/{name}"], atol=2e-6)


@pytest.fixture(params=["bert", "roberta"])
def tokenizer(request, tmp_path):
    pytest.importorskip("tokenizers")
    (tmp_path / "tokenizer.json").write_bytes((PROCESSING / f"{request.param}_tokenizer.json").read_bytes())
    return request.param, pieces.read_tokenizer(tmp_path)


def test_pieces_are_those_of_transformers(tokenizer):
    name, reader = tokenizer
    cases = json.loads((PROCESSING / "pieces.json").read_text())
    for text, theirs in zip(cases["texts"], cases["pieces"][name], strict=True):
        if "  " in text:  # words come without the number of blanks between them
            continue
        (ours,) = pieces.split_into_pieces(reader, text.split(), 512)
        assert ours.numbers.tolist() == theirs
        assert sorted(set(ours.words.tolist())) == [-1, *range(len(text.split()))]


def test_long_texts_are_cut_between_words_and_pieces_go_back(tokenizer):
    _, reader = tokenizer
    text = ["unbelievable", "cats", "sat", "on", "mats"] * 4
    parts = pieces.split_into_pieces(reader, text, 20)
    assert len(parts) > 1
    assert max(len(part.numbers) for part in parts) <= 20
    found = np.concatenate([part.words[part.words >= 0] for part in parts])
    assert sorted(set(found.tolist())) == list(range(20))
    assert (np.diff(found) >= 0).all()
    words = [pieces.average_over_words(part.words[:, None].astype(float), part, 20) for part in parts]
    np.testing.assert_array_equal(sum(words)[:, 0], np.arange(20))


def test_an_absent_or_damaged_tokenizer_is_told(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"AutoTokenizer.*writes it"):
        pieces.read_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(UserError, match="is no tokenizer"):
        pieces.read_tokenizer(tmp_path)
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(UserError, match=r"pip install 'affect-jax\[words\]'"):
        pieces.read_tokenizer(tmp_path)
