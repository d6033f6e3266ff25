"""One transfer module by the names of haamoon/mmtm (MIT), mmtm.py: gates of `visual` and `skeleton` features."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from affect_jax.convert import torch_names as named
from affect_jax.convert.torch_names import get_shape
from affect_jax.errors import UserError, join_words
from affect_jax.models.fusion.mmtm import Model

MODEL = "mmtm"
KEYS = ("fc_squeeze.weight", "fc_visual.weight", "fc_skeleton.weight")
ARGUMENTS = {"ratio": None}


def read_sizes(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The arguments that the arrays tell, and the squeezed width."""
    visual, width = get_shape(arrays, "fc_visual.weight")
    return {"dim_visual": visual, "dim_skeleton": get_shape(arrays, "fc_skeleton.weight")[0], "width": width}


def make_model(arguments: Mapping[str, Any]) -> Model:
    """Our model: one module. Without a ratio, one that gives this width is taken."""
    channels, width = arguments["dim_visual"] + arguments["dim_skeleton"], arguments["width"]
    ratios = [arguments["ratio"]] if arguments["ratio"] else range(1, 2 * channels + 1)
    for ratio in ratios:
        if int(2 * channels / ratio) == width:
            return Model(modalities=("visual", "skeleton"), widths=(), ratio=ratio, fidelity="authors")
    raise UserError(
        f"argument 'ratio' of mmtm is {arguments['ratio']}, which does not give width {width}; leave it out"
    )


def list_names(model: Model) -> named.Names:
    """The state dict."""
    if model.widths or len(model.modalities) != 2 or model.fidelity != "authors":
        raise UserError(
            f"the model has widths {tuple(model.widths)}, modalities {join_words(model.modalities)} and fidelity "
            f"{model.fidelity!r}, but the authors' mmtm is one module of two modalities; convert such a one"
        )
    gates = zip(("fc_visual", "fc_skeleton"), model.modalities, strict=True)
    names = named.dense("fc_squeeze", "transfer_0/squeeze")
    for theirs, ours in gates:
        names |= named.dense(theirs, f"transfer_0/gate_{ours}")
    return names


def list_inputs(arguments: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """What the model reads; any number of steps will do."""
    sizes = {"visual": arguments["dim_visual"], "skeleton": arguments["dim_skeleton"]}
    return {m: {"steps": 1, "features": d} for m, d in sizes.items()}
