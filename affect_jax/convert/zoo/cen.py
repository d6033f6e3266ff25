"""One block of a channel exchanging network by the names of yikaiw/CEN (MIT), semantic_segmentation/models."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from affect_jax.convert import torch_names as named
from affect_jax.convert.torch_names import get_shape
from affect_jax.errors import UserError
from affect_jax.models.fusion.cen import Model

MODEL = "cen"
KEYS = ("block.conv1.module.weight", "block.bn2.bn_0.weight", "block.downsample.0.module.weight")
ARGUMENTS = {"bn_threshold": 0.02, "stride": 1, "lamda": 2e-4}


def read_sizes(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The arguments that the arrays tell; `lamda` is the weight of a loss, and no field of a model."""
    planes, inputs = get_shape(arrays, "block.conv1.module.weight", axes=4)[:2]
    streams = sum(name.startswith("block.bn2.bn_") and name.endswith(".weight") for name in arrays)
    return {"inplanes": inputs, "planes": planes, "num_parallel": streams}


def make_model(arguments: Mapping[str, Any]) -> Model:
    """Our model: one block on pictures."""
    return Model(
        modalities=tuple(f"x{i}" for i in range(arguments["num_parallel"])),
        width=0,
        planes=(arguments["planes"],),
        threshold=float(arguments["bn_threshold"]),
        stride=arguments["stride"],
        channels=arguments["inplanes"],
    )


def list_names(model: Model) -> named.Names:
    """The state dict."""
    if model.width or not model.channels or len(model.planes) != 1:
        raise UserError(
            f"the model has stems of width {model.width}, {len(model.planes)} blocks and pictures of {model.channels} "
            "channels, but the authors' cen is one block on pictures; convert such a one"
        )
    names: named.Names = {}
    for n in range(3):
        kernel = f"block_0/conv_{n}/kernel"
        names |= named.array(f"block.conv{n + 1}.module.weight", kernel, named.CONV_2D)
    names |= named.array("block.downsample.0.module.weight", "block_0/shortcut/kernel", named.CONV_2D)
    norms = {**{f"block.bn{n + 1}": f"norm_{n}" for n in range(3)}, "block.downsample.1": "norm_shortcut"}
    for theirs, ours in norms.items():
        for i, m in enumerate(model.modalities):
            names |= named.batch_norm(f"{theirs}.bn_{i}", f"block_0/{ours}_{m}")
    return names


def list_inputs(arguments: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """What the model reads: pictures of any number of rows and columns."""
    return {f"x{i}": {"steps": 1, "features": arguments["inplanes"]} for i in range(arguments["num_parallel"])}
