"""RAVEN by the names of victorywys/RAVEN (no licence: numbers only), model.py: words, COVAREP and FACET."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from affect_jax.convert import torch_names as named
from affect_jax.convert.torch_names import get_shape
from affect_jax.errors import UserError, join_words
from affect_jax.models.fusion.raven import Model

MODEL = "raven"
KEYS = ("calcAddon.weight", "covarepW.weight", "lstm1.layer_1.lstm.weight_ih")
ARGUMENTS = {
    "dropProb": 0.2,
    "layer": 1,
    "lastState": True,
    "shift_weight": 0.2,
    "device": "cpu",
    "shift_padding_len": 20,
    "attached": False,
}
"""`attached` is not the authors': their code without the three cuts of the gradient."""
_MODALITIES = ("text", "audio", "video")
_NAMES = {"audio": ("covarep", "covarep"), "video": ("Facet", "facet")}


def read_sizes(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The arguments that the arrays tell."""
    width, audio = get_shape(arrays, "fc_rszcovarep.weight")
    word = get_shape(arrays, "lstm1.layer_1.lstm.weight_ih")
    return {
        "padding_len": get_shape(arrays, "normcovarep.weight", axes=1)[0],
        "covarepDim": audio,
        "facetDim": get_shape(arrays, "fc_rszFacet.weight")[1],
        "wordDim": word[1],
        "normDim": width,
        "cellDim": get_shape(arrays, "covarepLSTM.weight_hh_l0")[1],
        "hiddenDim": word[0] // 4,
        "outputs": get_shape(arrays, "fc_afterLSTM.weight")[0],
    }


def make_model(arguments: Mapping[str, Any]) -> Model:
    """Our model, with the norm of the public code."""
    for name, only in (("layer", 1), ("lastState", True)):
        if arguments[name] != only:
            raise UserError(f"argument {name!r} of raven is {arguments[name]!r}, but only {only!r} can be converted")
    outputs = arguments["outputs"]
    return Model(
        classes=0 if outputs == 1 else outputs,
        width=arguments["normDim"],
        units=arguments["cellDim"],
        hidden=arguments["hiddenDim"],
        rate=float(arguments["shift_weight"]),
        dropouts=(float(arguments["dropProb"]),),
        words=arguments["padding_len"],
        fidelity="paper" if arguments["attached"] else "authors",
    )


def list_names(model: Model) -> named.Names:
    """The state dict."""
    if tuple(model.modalities) != _MODALITIES or not model.words:
        raise UserError(
            f"the model reads {join_words(model.modalities)} with words={model.words}, but the authors' raven reads "
            f"{_MODALITIES} with a norm of a fixed number of words; convert such a one"
        )
    names = named.dense("calcAddon", "shift") | named.dense("fc_afterLSTM", "head")
    names |= named.recurrent("lstm1.layer_1.lstm", "words_lstm", suffix="")
    for modality, (upper, lower) in _NAMES.items():
        names |= named.layer_norm(f"norm{upper}", f"{modality}_norm")
        names |= named.dense(f"fc_rsz{upper}", f"{modality}_dense")
        names |= named.recurrent(f"{lower}LSTM", f"{modality}_lstm")
        names |= named.dense(f"{lower}W", f"{modality}_gate")
    return names


def list_inputs(arguments: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """What the model reads: so many words, and so many sub-steps of each."""
    words, within = arguments["padding_len"], arguments["shift_padding_len"]
    return {
        "text": {"steps": words, "features": arguments["wordDim"]},
        "audio": {"steps": words * within, "features": arguments["covarepDim"]},
        "video": {"steps": words * within, "features": arguments["facetDim"]},
    }
