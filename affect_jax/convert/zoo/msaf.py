"""MSAF's attention by the names of anita-hu/MSAF (MIT), MSAF.py: gates of any number of feature maps, x0, x1, ..."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from affect_jax.convert import torch_names as named
from affect_jax.convert.torch_names import get_shape
from affect_jax.errors import UserError
from affect_jax.models.fusion.msaf import Model

MODEL = "msaf"
KEYS = ("blocks.0.joint_features.0.weight", "blocks.0.dense_group.0.weight")
ARGUMENTS = {"block_dropout": 0.2, "lowest_atten": 0.0, "in_channels": None, "reduction_factor": None}


def read_sizes(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The arguments that the arrays tell; how the blocks are shared among the modalities leaves no trace."""
    code, block = get_shape(arrays, "blocks.0.joint_features.0.weight")
    count = sum(name.startswith("blocks.0.dense_group.") and name.endswith(".weight") for name in arrays)
    segments = len({name.split(".")[1] for name in arrays if name.startswith("blocks.")})
    return {"block_channel": block, "code": code, "blocks": count, "split_block": segments}


def make_model(arguments: Mapping[str, Any]) -> Model:
    """Our model: one attention."""
    channels, block = _read_channels(arguments), arguments["block_channel"]
    reduction = arguments["reduction_factor"] or block // arguments["code"]
    if sum(channels) != arguments["blocks"] * block or block // reduction != arguments["code"]:
        raise UserError(
            f"arguments in_channels {channels} and reduction_factor {reduction} of msaf do not fit the arrays, which "
            f"are of {arguments['blocks']} blocks of {block} channels with a code of {arguments['code']}; mend them"
        )
    return Model(
        modalities=tuple(f"x{i}" for i in range(len(channels))),
        widths=(),
        block=block,
        reduction=reduction,
        least_share=float(arguments["lowest_atten"]),
        block_dropout=float(arguments["block_dropout"]),
        segments=arguments["split_block"],
        channels=channels,
    )


def list_names(model: Model) -> named.Names:
    """The state dict."""
    if model.widths:
        raise UserError(
            f"the model has stages of widths {tuple(model.widths)}, but the authors' msaf is one attention; convert a "
            "model with widths=()"
        )
    names: named.Names = {}
    for s in range(model.segments):
        theirs, ours = f"blocks.{s}", "split_0" + (f"_{s}" if model.segments > 1 else "")
        names |= named.dense(f"{theirs}.joint_features.0", f"{ours}/joint")
        names |= named.batch_norm(f"{theirs}.joint_features.1", f"{ours}/norm")
        for k in range(sum(model.channels) // model.block):
            names |= named.dense(f"{theirs}.dense_group.{k}", f"{ours}/block_{k}")
    return names


def list_inputs(arguments: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """What the model reads; any number of steps will do."""
    channels = _read_channels(arguments)
    return {f"x{i}": {"steps": arguments["split_block"], "features": d} for i, d in enumerate(channels)}


def _read_channels(arguments: Mapping[str, Any]) -> tuple[int, ...]:
    if arguments["in_channels"] is None:
        raise UserError(
            "msaf needs the argument 'in_channels', the channels of each modality, which the arrays do not tell; give "
            "--arguments"
        )
    return tuple(arguments["in_channels"])
