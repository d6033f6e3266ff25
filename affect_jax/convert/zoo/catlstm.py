"""CAT-LSTM by the names of a form in PyTorch of soujanyaporia/multimodal-sentiment-analysis (MIT, TensorFlow 1).

Linear weights are [out, in]; the cell's kernels and those of the attention over steps are as in TensorFlow, [in, out].
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from affect_jax.convert import torch_names as named
from affect_jax.convert.torch_names import get_shape
from affect_jax.errors import UserError
from affect_jax.models.fusion.catlstm import Model

MODEL = "catlstm"
KEYS = ("gru.gates_kernel", "gru.candidate_kernel", "out.weight")
ARGUMENTS = {"d": None, "wide": None, "unimodal": None, "T": None}
_MODALITIES = ("audio", "video", "text")


def read_sizes(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The arguments that the arrays tell, the width of what the cell reads, and the widths of the dense layers."""
    rows, units = get_shape(arrays, "gru.candidate_kernel")
    layers = sum(f"dense.{i}.weight" in arrays for i in range(len(arrays)))
    attn_fusion = "u_w" in arrays
    return {
        "units": units,
        "features": rows - units,
        "widths": tuple(get_shape(arrays, f"dense.{i}.weight")[0] for i in range(layers)),
        "classes": get_shape(arrays, "out.weight")[0],
        "attn_fusion": attn_fusion,
        "attn_2": "w_omega" in arrays,
        "vectors": np.shape(arrays["u_w"])[0] if attn_fusion else None,
    }


def make_model(arguments: Mapping[str, Any]) -> Model:
    """Our model; one dense layer says that there is one modality, which is called 'input'."""
    alone = len(arguments["widths"]) == 1
    if arguments["unimodal"] not in (None, alone):
        raise UserError(
            f"argument 'unimodal' of catlstm is {arguments['unimodal']}, but the arrays have "
            f"{len(arguments['widths'])} dense layers, and one modality has one; leave it out"
        )
    expected = _count_features(arguments)
    if arguments["d"] not in (None, expected):
        raise UserError(f"argument 'd' of catlstm is {arguments['d']}, but the arrays have {expected}; leave it out")
    return Model(
        modalities=("input",) if alone else _MODALITIES,
        classes=arguments["classes"],
        fusion="attention" if arguments["attn_fusion"] else "concat",
        attention=arguments["attn_2"],
        units=arguments["units"],
        widths=tuple(arguments["widths"]),
        activation="tanh" if alone else "relu",
        steps=arguments["vectors"] or 20,
        fidelity="authors",
    )


def _count_features(arguments: Mapping[str, Any]) -> int:
    """Features of one modality."""
    joined = len(arguments["widths"]) > 1 and not arguments["attn_fusion"]
    return arguments["features"] // 3 if joined else arguments["features"]


def list_names(model: Model) -> named.Names:
    """The state dict."""
    if not model.per_step or model.fidelity != "authors":
        raise UserError(
            f"the model has per_step {model.per_step} and fidelity {model.fidelity!r}, but the authors' catlstm has a "
            "label a step and their fidelity; convert such a one"
        )
    names: named.Names = {}
    if model.fusion == "attention":
        names |= named.dense("fusion_dense", "fusion/dense") | named.array("u_w", "fusion/vectors")
    for array in ("gates_kernel", "gates_bias", "candidate_kernel", "candidate_bias"):
        names |= named.array(f"gru.{array}", f"gru/{array}")
    for array in ("w_omega", "b_omega") if model.attention else ():
        names |= named.array(array, f"attention/{array}")
    for layer in range(len(model.widths)):
        names |= named.dense(f"dense.{layer}", f"dense_{layer}")
    return names | named.dense("out", "classifier")


def list_inputs(arguments: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """What the model reads; any number of steps will do, the same for all."""
    names = ("input",) if len(arguments["widths"]) == 1 else _MODALITIES
    return {m: {"steps": 1, "features": _count_features(arguments)} for m in names}
