"""LMF by the names of Justin1904/Low-rank-Multimodal-Fusion (no licence: numbers only), model.py."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from affect_jax.convert import torch_names as named
from affect_jax.convert.subnet_names import list_subnets
from affect_jax.convert.torch_names import get_shape
from affect_jax.models.fusion.lmf import Model

MODEL = "lmf"
KEYS = ("audio_factor", "fusion_weights", "text_subnet.rnn.weight_ih_l0")
ARGUMENTS = {"dropouts": (0.2, 0.2, 0.2, 0.2)}


def read_sizes(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The arguments that the arrays tell; widths in the authors' order: audio, video, text."""
    text = get_shape(arrays, "text_subnet.rnn.weight_ih_l0")
    audio, video = (get_shape(arrays, f"{m}_subnet.linear_1.weight") for m in ("audio", "video"))
    rank, _, outputs = get_shape(arrays, "text_factor", axes=3)
    return {
        "input_dims": (audio[1], video[1], text[1]),
        "hidden_dims": (audio[0], video[0], text[0] // 4),
        "text_out": get_shape(arrays, "text_subnet.linear_1.weight")[0],
        "output_dim": outputs,
        "rank": rank,
    }


def make_model(arguments: Mapping[str, Any]) -> Model:
    """Our model. The last of the authors' dropouts is never used in their code, and left out."""
    outputs = arguments["output_dim"]
    return Model(
        classes=0 if outputs == 1 else outputs,
        hidden=tuple(arguments["hidden_dims"]),
        code=arguments["text_out"],
        rank=arguments["rank"],
        dropouts=tuple(map(float, arguments["dropouts"][:3])),
    )


def list_names(model: Model) -> named.Names:
    """The state dict."""
    names = list_subnets("lmf", model)
    for m in model.modalities:
        names |= named.array(f"{m}_factor", f"fusion/factor_{m}")
    return names | named.array("fusion_weights", "fusion/weights") | named.array("fusion_bias", "fusion/bias")


def list_inputs(arguments: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """What the model reads; any number of steps will do."""
    names = ("audio", "video", "text")
    return {m: {"steps": 1, "features": d} for m, d in zip(names, arguments["input_dims"], strict=True)}
