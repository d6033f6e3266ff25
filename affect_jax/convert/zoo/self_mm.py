"""Self-MM by the names of MMSA (thuiar/MMSA, MIT), models/multiTask/SELF_MM.py, without the transformer of its text."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from affect_jax.convert import torch_names as named
from affect_jax.convert.torch_names import get_shape
from affect_jax.errors import UserError, join_words
from affect_jax.models.fusion.self_mm import Model

MODEL = "self_mm"
KEYS = ("post_fusion_layer_1.weight", "post_text_layer_1.weight", "audio_model.rnn.weight_ih_l0")
_MODALITIES = ("text", "audio", "video")
_RATES = ("post_fusion_dropout", *(f"post_{m}_dropout" for m in _MODALITIES), "a_lstm_dropout", "v_lstm_dropout")
ARGUMENTS = {
    **dict.fromkeys(_RATES, 0.0),
    "a_lstm_layers": 1,
    "v_lstm_layers": 1,
    "need_data_aligned": False,
    "use_finetune": False,
    "transformers": "",
    "pretrained": "",
}


def read_sizes(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The arguments that the arrays tell; widths in the authors' order: text, audio, video."""
    audio, video = (get_shape(arrays, f"{m}_model.rnn.weight_ih_l0") for m in ("audio", "video"))
    owns = {m: get_shape(arrays, f"post_{m}_layer_1.weight") for m in _MODALITIES}
    return {
        "feature_dims": (owns["text"][1], audio[1], video[1]),
        "a_lstm_hidden_size": audio[0] // 4,
        "v_lstm_hidden_size": video[0] // 4,
        **{f"{m}_out": own[1] for m, own in owns.items()},
        "post_fusion_dim": get_shape(arrays, "post_fusion_layer_1.weight")[0],
        **{f"post_{m}_dim": own[0] for m, own in owns.items()},
        "outputs": get_shape(arrays, "post_fusion_layer_3.weight")[0],
    }


def make_model(arguments: Mapping[str, Any]) -> Model:
    """Our model."""
    for name in ("a_lstm_layers", "v_lstm_layers"):
        if arguments[name] != 1:
            raise UserError(f"argument {name!r} of self_mm is {arguments[name]!r}, but only 1 can be converted")
    rates = [float(arguments[name]) for name in _RATES]
    outputs = arguments["outputs"]
    return Model(
        classes=0 if outputs == 1 else outputs,
        first=("text",),
        units=(1, arguments["a_lstm_hidden_size"], arguments["v_lstm_hidden_size"]),
        codes=tuple(arguments[f"{m}_out"] for m in _MODALITIES),
        fused=arguments["post_fusion_dim"],
        own=tuple(arguments[f"post_{m}_dim"] for m in _MODALITIES),
        dropouts=(*rates[:4], 0.0, *rates[4:]),
    )


def list_names(model: Model) -> named.Names:
    """The state dict."""
    if tuple(model.modalities) != _MODALITIES or tuple(model.first) != ("text",):
        raise UserError(
            f"the model reads {join_words(model.modalities)}, of {join_words(model.first)} the first step, but the "
            "authors' "
            f"self_mm reads {_MODALITIES}, of ('text',) the first step; convert such a one"
        )
    names = named.dense("post_fusion_layer_1", "fusion")
    for layer in (2, 3):
        names |= named.dense(f"post_fusion_layer_{layer}", f"head/dense_{layer - 2}")
    for m in _MODALITIES:
        names |= named.dense(f"post_{m}_layer_1", f"{m}_own")
        for layer in (2, 3):
            names |= named.dense(f"post_{m}_layer_{layer}", f"{m}_head/dense_{layer - 2}")
    for m in _MODALITIES[1:]:
        names |= named.recurrent(f"{m}_model.rnn", f"{m}_lstm") | named.dense(f"{m}_model.linear_1", f"{m}_code")
    return names


def list_inputs(arguments: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """What the model reads: the text's features, of which step 0 counts, and any number of steps of the others."""
    return {m: {"steps": 1, "features": d} for m, d in zip(_MODALITIES, arguments["feature_dims"], strict=True)}
