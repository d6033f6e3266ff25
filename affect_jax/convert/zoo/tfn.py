"""TFN by the names of MMSA (thuiar/MMSA, MIT), models/singleTask/TFN.py."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from affect_jax.convert import torch_names as named
from affect_jax.convert.subnet_names import list_subnets
from affect_jax.convert.torch_names import get_shape
from affect_jax.errors import UserError, join_words
from affect_jax.models.fusion.tfn import Model

MODEL = "tfn"
KEYS = ("output_range", "post_fusion_layer_1.weight", "text_subnet.rnn.weight_ih_l0")
ARGUMENTS = {"dropouts": (0.3, 0.3, 0.3, 0.5), "num_classes": 1, "train_mode": "regression"}
_MODES = ("regression", "classification")


def read_sizes(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The arguments that the arrays tell; widths in the authors' order: text, audio, video."""
    text = get_shape(arrays, "text_subnet.rnn.weight_ih_l0")
    audio, video = (get_shape(arrays, f"{m}_subnet.linear_1.weight") for m in ("audio", "video"))
    get_shape(arrays, "output_range", axes=1)
    get_shape(arrays, "output_shift", axes=1)
    return {
        "feature_dims": (text[1], audio[1], video[1]),
        "hidden_dims": (text[0] // 4, audio[0], video[0]),
        "text_out": get_shape(arrays, "text_subnet.linear_1.weight")[0],
        "post_fusion_dim": get_shape(arrays, "post_fusion_layer_1.weight")[0],
        "output_range": float(arrays["output_range"][0]),
        "output_shift": float(arrays["output_shift"][0]),
        "outputs": get_shape(arrays, "post_fusion_layer_3.weight")[0],
    }


def make_model(arguments: Mapping[str, Any]) -> Model:
    """Our model; the authors' product is audio x video x text."""
    mode = arguments["train_mode"]
    if mode not in _MODES:
        raise UserError(f"argument 'train_mode' of tfn is {mode!r}; choose one of {join_words(_MODES)}")
    text, audio, video = arguments["hidden_dims"]
    least = arguments["output_shift"]
    return Model(
        classes=arguments["outputs"] if mode == "classification" else 0,
        hidden=(audio, video, text),
        code=arguments["text_out"],
        post=arguments["post_fusion_dim"],
        dropouts=tuple(map(float, arguments["dropouts"])),
        interval=(least, least + arguments["output_range"]) if mode == "regression" else (),
    )


def list_names(model: Model) -> named.Names:
    """The state dict; the range that bounds a sentiment is a pair of constants in it."""
    least, greatest = model.interval or (-3.0, 3.0)
    names = list_subnets("tfn", model)
    for layer in range(3):
        names |= named.dense(f"post_fusion_layer_{layer + 1}", f"post_{layer}")
    names |= named.constant("output_range", np.float32([greatest - least]))
    return names | named.constant("output_shift", np.float32([least]))


def list_inputs(arguments: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """What the model reads; any number of steps will do."""
    text, audio, video = arguments["feature_dims"]
    return {m: {"steps": 1, "features": d} for m, d in {"audio": audio, "video": video, "text": text}.items()}
