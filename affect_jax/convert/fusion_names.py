"""What the fusions of Cadene/block.bootstrap.pytorch (BSD-3-Clause) share: two vectors, names of layers, arguments."""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import numpy as np

from affect_jax.convert.torch_names import get_shape
from affect_jax.errors import UserError, join_words

MODALITIES = ("x0", "x1")
DROPOUTS = {"dropout_input": 0.0, "dropout_pre_lin": 0.0, "dropout_output": 0.0}


def read_fusion_sizes(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """`output_dim` and `mm_dim`, and `input_dims` of those with projections."""
    outputs, width = get_shape(arrays, "linear_out.weight")
    sizes = {"output_dim": outputs, "mm_dim": width}
    if "linear0.weight" in arrays:
        sizes["input_dims"] = tuple(get_shape(arrays, f"linear{i}.weight")[1] for i in range(2))
    return sizes


def list_fusion_inputs(arguments: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Two vectors."""
    return {m: {"steps": 1, "features": d} for m, d in zip(MODALITIES, arguments["input_dims"], strict=True)}


def choose_fusion_fields(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Fields that all of our models have; `activ_input` and `activ_output` where the method has them."""
    outputs = arguments["output_dim"]
    fields = dict(
        modalities=MODALITIES,
        classes=0 if outputs == 1 else outputs,
        summary="mean",
        width=arguments["mm_dim"],
        dropouts=tuple(float(arguments.get(name, 0.0)) for name in DROPOUTS),
    )
    for theirs, ours in (("activ_input", "activation"), ("activ_output", "output_activation")):
        if theirs in arguments:
            fields[ours] = arguments[theirs] or ""
    return fields


def check_two_vectors(method: str, model: nn.Module) -> None:
    """Checks that the authors' code has layers for this model.

    Raises:
      UserError: it reads other than two modalities, or sequences by a GRU.
    """
    if len(model.modalities) != 2 or model.summary == "gru":
        raise UserError(
            f"the model reads {join_words(model.modalities)} by {model.summary!r}, but the authors' {method} reads two "
            "vectors; convert a model of two modalities without a GRU"
        )
