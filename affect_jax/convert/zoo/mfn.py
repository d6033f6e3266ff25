"""MFN by the names of pliang279/MFN (MIT), test_mosi.py."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from affect_jax.convert import mfn_names
from affect_jax.convert import torch_names as named
from affect_jax.convert.torch_names import get_shape
from affect_jax.models.fusion.mfn import Model

MODEL = "mfn"
KEYS = ("att1_fc1.weight", "gamma1_fc1.weight", "lstm_l.weight_ih", "out_fc1.weight")
ARGUMENTS = {"config": {}, **mfn_names.make_net_defaults(tuple(mfn_names.NETS), 0.2)}


def read_sizes(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """What the arrays tell of the arguments, which are dicts."""
    sizes = mfn_names.read_lstm_sizes(arrays)
    return {
        **sizes,
        "memory": get_shape(arrays, "att2_fc2.weight")[0],
        "window": get_shape(arrays, "att1_fc1.weight")[1] // sum(sizes["units"]),
        "outputs": get_shape(arrays, "out_fc2.weight")[0],
        **mfn_names.read_net_sizes(arrays, mfn_names.NETS),
    }


def make_model(arguments: Mapping[str, Any]) -> Model:
    """Our model; the window is always two steps."""
    told = {"input_dims": "features", "h_dims": "units", "memsize": "memory", "windowsize": "window"}
    known = {theirs: arguments[ours] for theirs, ours in told.items()}
    mfn_names.check_known("mfn", "config", mfn_names.check_nested("mfn", arguments, "config", known), tuple(known))
    attention, proposal, keep, write, head = (arguments[f"{name} shapes"] for name in mfn_names.NETS)
    outputs = arguments["outputs"]
    return Model(
        classes=0 if outputs == 1 else outputs,
        hidden=arguments["units"],
        memory=arguments["memory"],
        attention=attention,
        proposal=proposal,
        gates=(keep, write),
        head=head,
        dropouts=mfn_names.read_drops("mfn", arguments, tuple(mfn_names.NETS)),
    )


def list_names(model: Model) -> named.Names:
    """The state dict."""
    mfn_names.check_modalities("mfn", model.modalities)
    return mfn_names.list_fusion("fusion") | mfn_names.list_net("out", "head")


def list_inputs(arguments: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """What the model reads; any number of steps will do."""
    names = mfn_names.MODALITIES.values()
    return {m: {"steps": 1, "features": d} for m, d in zip(names, arguments["features"], strict=True)}
