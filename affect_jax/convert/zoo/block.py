"""BLOCK by the names of Cadene/block.bootstrap.pytorch (BSD-3-Clause), fusions.py."""

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
from affect_jax.errors import UserError, join_words
from affect_jax.models.fusion.block import Model

MODEL = "block"
KEYS = ("linear0.weight", "merge_linears0.0.weight", "merge_linears1.0.weight")
ARGUMENTS = {"pos_norm": "before_cat", **DROPOUTS}
list_inputs = list_fusion_inputs
_NORMS = ("before_cat", "after_cat", "")


def read_sizes(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The arguments that the arrays tell."""
    rows, size = get_shape(arrays, "merge_linears0.0.weight")
    chunks = sum(name.startswith("merge_linears0.") and name.endswith(".weight") for name in arrays)
    return read_fusion_sizes(arrays) | {"chunks": chunks, "rank": rows // size}


def make_model(arguments: Mapping[str, Any]) -> Model:
    """Our model."""
    norm = arguments["pos_norm"] or ""
    if norm not in _NORMS:
        raise UserError(f"argument 'pos_norm' of block is {norm!r}; choose one of {join_words(_NORMS)}")
    return Model(**choose_fusion_fields(arguments), chunks=arguments["chunks"], rank=arguments["rank"], normalize=norm)


def list_names(model: Model) -> named.Names:
    """The state dict."""
    check_two_vectors("block", model)
    names = named.dense("linear_out", "classifier")
    for i, m in enumerate(model.modalities):
        names |= named.dense(f"linear{i}", f"{m}_projection")
        for c in range(len(model.sizes)):
            names |= named.dense(f"merge_linears{i}.{c}", f"{m}_merge_{c}")
    return names
