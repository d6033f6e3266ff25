"""MFM by the names of pliang279/factorized (MIT), mfm_model.py."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from affect_jax.convert import mfn_names
from affect_jax.convert import torch_names as named
from affect_jax.convert.torch_names import get_shape
from affect_jax.models.fusion.mfm import Model

MODEL = "mfm"
KEYS = ("decoder_l.lstm.weight_ih", "last_to_zy_fc1.weight", "mfn_encoder.att1_fc1.weight")
ARGUMENTS = {"config": {}, **mfn_names.make_net_defaults(tuple(mfn_names.NETS), 0.2)}
_ENCODER = "mfn_encoder."
_DROPS = ("zl_to_fl", "za_to_fa", "zv_to_fv", "zy_to_fy", "fy_to_y")
# Weights of the losses, which the model does not have: config.stages of ours.
_WEIGHTS = ("lda_mmd", "lda_xl", "lda_xa", "lda_xv")


def read_sizes(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """What the arrays tell of the arguments, which are dicts."""
    sizes = mfn_names.read_lstm_sizes(arrays, _ENCODER)
    letters = (*mfn_names.MODALITIES, "y")
    return {
        **sizes,
        "memory": get_shape(arrays, f"{_ENCODER}att2_fc2.weight")[0],
        "window": get_shape(arrays, f"{_ENCODER}att1_fc1.weight")[1] // sum(sizes["units"]),
        "outputs": get_shape(arrays, "fy_to_y_fc2.weight")[0],
        "codes": tuple(get_shape(arrays, f"z{m}_to_f{m}_fc1.weight")[1] for m in letters),
        "factors": tuple(get_shape(arrays, f"z{m}_to_f{m}_fc1.weight")[0] for m in letters),
        **mfn_names.read_net_sizes(arrays, mfn_names.NETS, _ENCODER),
    }


def make_model(arguments: Mapping[str, Any]) -> Model:
    """Our model; the window is always two steps."""
    letters = (*mfn_names.MODALITIES, "y")
    told = {"input_dims": "features", "h_dims": "units", "memsize": "memory", "windowsize": "window"}
    known = {theirs: arguments[ours] for theirs, ours in told.items()} | {"output_dim": arguments["outputs"]}
    known |= {f"z{m}_size": size for m, size in zip(letters, arguments["codes"], strict=True)}
    known |= {f"f{m}_size": size for m, size in zip(letters, arguments["factors"], strict=True)}
    config = mfn_names.check_nested("mfm", arguments, "config", known)
    mfn_names.check_known("mfm", "config", config, (*known, *_WEIGHTS, *(f"{name}_dropout" for name in _DROPS)))
    attention, proposal, keep, write, unused = (arguments[f"{name} shapes"] for name in mfn_names.NETS)
    drops = mfn_names.read_drops("mfm", arguments, tuple(mfn_names.NETS))[:-1]
    outputs = arguments["outputs"]
    return Model(
        classes=0 if outputs == 1 else outputs,
        hidden=arguments["units"],
        memory=arguments["memory"],
        attention=attention,
        proposal=proposal,
        gates=(keep, write),
        codes=arguments["codes"][:-1],
        joint_code=arguments["codes"][-1],
        factors=arguments["factors"][:-1],
        joint_factor=arguments["factors"][-1],
        dropouts=(*drops, *(float(config.get(f"{name}_dropout", 0.0)) for name in _DROPS)),
        unused_head=unused,
    )


def list_names(model: Model) -> named.Names:
    """The state dict."""
    mfn_names.check_modalities("mfm", model.modalities)
    names = mfn_names.list_fusion("encoder", _ENCODER) | mfn_names.list_net(f"{_ENCODER}out", "unused")
    names |= named.dense("last_to_zy_fc1", "joint_code")
    names |= mfn_names.list_net("zy_to_fy", "joint_factor") | mfn_names.list_net("fy_to_y", "head")
    for letter, m in mfn_names.MODALITIES.items():
        names |= named.recurrent(f"encoder_{letter}.lstm", f"{m}_lstm", suffix="")
        names |= named.dense(f"encoder_{letter}.fc1", f"{m}_code")
        names |= mfn_names.list_net(f"z{letter}_to_f{letter}", f"{m}_factor")
        names |= named.recurrent(f"decoder_{letter}.lstm", f"{m}_decoder", suffix="")
        names |= named.dense(f"decoder_{letter}.fc1", f"{m}_output")
    return names


def list_inputs(arguments: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """What the model reads; any number of steps will do."""
    names = mfn_names.MODALITIES.values()
    return {m: {"steps": 1, "features": d} for m, d in zip(names, arguments["features"], strict=True)}
