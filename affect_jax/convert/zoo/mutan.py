"""MUTAN by the names of Cadene/block.bootstrap.pytorch (BSD-3-Clause), fusions.py."""

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
from affect_jax.convert.torch_names import get_shape
from affect_jax.models.fusion.mutan import Model

MODEL = "mutan"
KEYS = ("linear0.weight", "merge_linear0.weight", "merge_linear1.weight")
ARGUMENTS = {"normalize": False, **DROPOUTS}
list_inputs = list_fusion_inputs


def read_sizes(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The arguments that the arrays tell."""
    sizes = read_fusion_sizes(arrays)
    return sizes | {"rank": get_shape(arrays, "merge_linear0.weight")[0] // sizes["mm_dim"]}


def make_model(arguments: Mapping[str, Any]) -> Model:
    """Our model."""
    return Model(**choose_fusion_fields(arguments), rank=arguments["rank"], normalize=bool(arguments["normalize"]))


def list_names(model: Model) -> named.Names:
    """The state dict."""
    check_two_vectors("mutan", model)
    names = named.dense("linear_out", "classifier")
    for i, m in enumerate(model.modalities):
        names |= named.dense(f"linear{i}", f"{m}_projection")
        names |= named.dense(f"merge_linear{i}", f"{m}_merge")
    return names
