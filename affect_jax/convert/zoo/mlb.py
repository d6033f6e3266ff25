"""MLB by the names of Cadene/block.bootstrap.pytorch (BSD-3-Clause), fusions.py."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from affect_jax.convert import torch_names as named
from affect_jax.convert.fusion_names import (
    DROPOUTS,
    check_two_vectors,
    choose_fusion_fields,
    list_fusion_inputs,
    read_fusion_sizes,
)
from affect_jax.models.fusion.mlb import Model

MODEL = "mlb"
KEYS = ("linear0.weight", "linear1.weight", "linear_out.weight")
ARGUMENTS = {"activ_input": "relu", "activ_output": "relu", "normalize": False, **DROPOUTS}
list_inputs = list_fusion_inputs


def read_sizes(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The arguments that the arrays tell."""
    return read_fusion_sizes(arrays)


def make_model(arguments: Mapping[str, Any]) -> Model:
    """Our model."""
    return Model(**choose_fusion_fields(arguments), normalize=bool(arguments["normalize"]))


def list_names(model: Model) -> named.Names:
    """The state dict."""
    check_two_vectors("mlb", model)
    names = named.dense("linear_out", "classifier")
    for i, m in enumerate(model.modalities):
        names |= named.dense(f"linear{i}", f"{m}_projection")
    return names
