"""MISA without BERT by the names of declare-lab/MISA (MIT), src/models.py: t, v, a are text, video and audio."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from affect_jax.convert import torch_names as named
from affect_jax.convert.torch_names import get_shape
from affect_jax.errors import UserError, join_words
from affect_jax.models.fusion.misa import Model

MODEL = "misa"
KEYS = ("embed.weight", "project_t.project_t.weight", "private_a.private_a_3.weight")
ARGUMENTS = {"dropout": 0.5, "activation": "ReLU", "reverse_grad_weight": 1.0, "use_bert": False, "word2id": None}
_LETTERS = {"t": "text", "v": "video", "a": "audio"}
_ACTIVATIONS = {"ReLU": "relu", "Tanh": "tanh", "Sigmoid": "sigmoid", "ELU": "elu", "LeakyReLU": "leaky_relu"}
_ACTIVATIONS |= {name.lower(): ours for name, ours in _ACTIVATIONS.items()}


def read_sizes(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The arguments that the arrays tell; `word2id`, a dictionary there, is told by their number of words."""
    words, embedding = get_shape(arrays, "embed.weight")
    gates, units = get_shape(arrays, "trnn1.weight_hh_l0")
    return {
        "words": words,
        "embedding_size": embedding,
        "visual_size": get_shape(arrays, "vrnn1.weight_ih_l0")[1],
        "acoustic_size": get_shape(arrays, "arnn1.weight_ih_l0")[1],
        "hidden_size": get_shape(arrays, "private_t.private_t_1.weight")[0],
        "ff": get_shape(arrays, "transformer_encoder.layers.0.linear1.weight")[0],
        "num_classes": get_shape(arrays, "fusion.fusion_layer_3.weight")[0],
        "rnncell": "lstm" if gates == 4 * units else "gru",
        "use_cmd_sim": "discriminator.discriminator_layer_1.weight" not in arrays,
    }


def make_model(arguments: Mapping[str, Any]) -> Model:
    """Our model; the transformer layer has PyTorch's dropout of .1."""
    activation, outputs = str(arguments["activation"]), arguments["num_classes"]
    if activation not in _ACTIVATIONS:
        raise UserError(f"argument 'activation' of misa is {activation!r}; choose one of {join_words(_ACTIVATIONS)}")
    if arguments["use_bert"]:
        raise UserError(
            "argument 'use_bert' of misa is true, but only the model with an embedding is read; leave it out"
        )
    return Model(
        modalities=tuple(_LETTERS.values()),
        classes=0 if outputs == 1 else outputs,
        words="text",
        vocabulary=arguments["words"],
        embedding_width=arguments["embedding_size"],
        cell=arguments["rnncell"],
        width=arguments["hidden_size"],
        feed_forward=arguments["ff"],
        activation=_ACTIVATIONS[activation],
        adversarial=not arguments["use_cmd_sim"],
        reversal=float(arguments["reverse_grad_weight"]),
        dropouts=(float(arguments["dropout"]), 0.1),
    )


def list_names(model: Model) -> named.Names:
    """The state dict."""
    if tuple(model.modalities) != tuple(_LETTERS.values()) or model.words != "text" or model.encoder_units:
        raise UserError(
            f"the model reads {join_words(model.modalities)}, words {model.words!r}, with {model.encoder_units} "
            "units, but "
            f"the authors' misa reads {join_words(_LETTERS.values())}, words 'text', with 0; convert such a one"
        )
    names = named.embedding("embed", "embedding")
    for letter, m in _LETTERS.items():
        for layer in range(2):
            names |= named.recurrent(f"{letter}rnn{layer + 1}", f"{m}_rnn_{layer}", bidirectional=True)
        names |= named.layer_norm(f"{letter}layer_norm", f"{m}_norm")
        project = f"project_{letter}"
        names |= named.dense(f"{project}.{project}", f"{m}_project")
        names |= named.layer_norm(f"{project}.{project}_layer_norm", f"{m}_project_norm")
        private = f"private_{letter}"
        names |= named.dense(f"{private}.{private}_{3 if letter == 'a' else 1}", f"{m}_private")
        names |= named.dense(f"recon_{letter}.recon_{letter}_1", f"{m}_reconstruct")
    names |= named.dense("shared.shared_1", "shared")
    names |= named.dense("sp_discriminator.sp_discriminator_layer_1", "origin")
    if model.adversarial:
        for layer in range(2):
            names |= named.dense(f"discriminator.discriminator_layer_{layer + 1}", f"domain_{layer}")
    names |= named.dense("fusion.fusion_layer_1", "fusion_0") | named.dense("fusion.fusion_layer_3", "classifier")
    layer = "transformer_encoder.layers.0"
    names |= named.attention(f"{layer}.self_attn", "fusion/self_attn")
    for n in (1, 2):
        names |= named.dense(f"{layer}.linear{n}", f"fusion/linear{n}")
        names |= named.layer_norm(f"{layer}.norm{n}", f"fusion/norm{n}")
    return names


def list_inputs(arguments: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """What the model reads; any number of steps will do."""
    widths = {"text": 1, "video": arguments["visual_size"], "audio": arguments["acoustic_size"]}
    return {m: {"steps": 1, "features": d} for m, d in widths.items()}
