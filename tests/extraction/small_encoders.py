"""Small random encoders as folders of the hub, from the fixtures of tests/encoders/data."""

import json

import numpy as np
import safetensors.numpy

from tests.encoders import proof


def write_encoder(name, folder):
    """Writes config.json, weights, tokenizer or settings of a case: wav2vec2_base (20 ms a step), bert, clip_images."""
    kinds, config = proof.read_case(name)
    arrays = dict(kinds["param"])
    folder.mkdir(exist_ok=True)
    if name == "bert":
        arrays["embeddings.word_embeddings.weight"] = np.random.default_rng(0).normal(size=(80, 8)).astype("f4")
        config["vocab_size"] = 80
        tokenizer = (proof.DATA / "processing" / "bert_tokenizer.json").read_bytes()
        (folder / "tokenizer.json").write_bytes(tokenizer)
    elif name == "clip_images":
        settings = {"size": {"shortest_edge": 8}, "crop_size": {"height": 8, "width": 8}}
        (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    else:
        config["conv_stride"] = [20, 4, 4]
    (folder / "config.json").write_text(json.dumps(config))
    safetensors.numpy.save_file(arrays, folder / "model.safetensors")
    return folder
