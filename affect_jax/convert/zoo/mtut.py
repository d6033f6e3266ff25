"""The heads of MTUT by the names of MMPose 0.x (open-mmlab/mmpose, Apache-2.0, third-party), heads/mtut_head.py."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from affect_jax.convert import torch_names as named
from affect_jax.convert.torch_names import get_shape
from affect_jax.errors import UserError, join_words
from affect_jax.models.colearning.mtut import Model

MODEL = "mtut"
KEYS = ("output_conv.rgb.weight", "output_conv.rgb.bias")
ARGUMENTS = {"modality": None, "avg_pool_kernel": (1, 7, 7), "dropout_prob": 0.0, "train_cfg": None, "test_cfg": None}
_START, _END = "output_conv.", ".weight"


def read_sizes(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The arguments that the arrays tell, and their modalities."""
    heads = [name for name in arrays if name.startswith(_START) and name.endswith(_END)]
    if not heads:
        raise UserError("there is no array 'output_conv.<modality>.weight', so these are not weights of mtut")
    classes, channels, *_ = get_shape(arrays, heads[0], axes=5)
    return {
        "num_classes": classes,
        "in_channels": channels,
        "heads": tuple(name[len(_START) : -len(_END)] for name in heads),
    }


def make_model(arguments: Mapping[str, Any]) -> Model:
    """Our model: the heads alone. Of `train_cfg`, beta is an option of the loss `ssa` and lambda_ its weight."""
    modalities = tuple(arguments["modality"] or arguments["heads"])
    if set(modalities) != set(arguments["heads"]):
        raise UserError(
            f"argument 'modality' of mtut is {join_words(modalities)}, but the arrays are of "
            f"{join_words(arguments['heads'])}; "
            "make them agree, or leave it out"
        )
    return Model(
        modalities=modalities, classes=arguments["num_classes"], widths=(), pool=tuple(arguments["avg_pool_kernel"])
    )


def list_names(model: Model) -> named.Names:
    """The state dict."""
    if not model.pool:
        raise UserError("the model has stages in front of its heads, which the authors' mtut has not; set `pool`")
    names: named.Names = {}
    for m in model.modalities:
        names |= named.dense(f"{_START}{m}", f"{m}_head", layout=named.POINT_3D)
    return names


def list_inputs(arguments: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """What the model reads: maps, whose positions may be one axis."""
    return {m: {"steps": 1, "features": arguments["in_channels"]} for m in arguments["modality"] or arguments["heads"]}
