"""MCB by the names of Cadene/block.bootstrap.pytorch (BSD-3-Clause), fusions.py."""

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
from affect_jax.models.fusion.mcb import Model

MODEL = "mcb"
KEYS = ("mcb.sketch1.h", "mcb.sketch1.s", "linear_out.weight")
ARGUMENTS = {"activ_output": "relu", **DROPOUTS}
list_inputs = list_fusion_inputs
# Places in the sketch are whole numbers there and floats here, among the running statistics.
_PLACES = named.Layout(np.asarray, lambda x: x.astype(np.int64), 1)


def read_sizes(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The arguments that the arrays tell."""
    inputs = tuple(get_shape(arrays, f"mcb.sketch{i}.h", axes=1)[0] for i in (1, 2))
    return read_fusion_sizes(arrays) | {"input_dims": inputs}


def make_model(arguments: Mapping[str, Any]) -> Model:
    """Our model."""
    return Model(**choose_fusion_fields(arguments), normalize=False)


def list_names(model: Model) -> named.Names:
    """The state dict."""
    check_two_vectors("mcb", model)
    names = named.dense("linear_out", "classifier")
    for i, m in enumerate(model.modalities):
        names |= named.array(f"mcb.sketch{i + 1}.h", f"sketch_{m}/hash", _PLACES, "batch_stats")
        names |= named.array(f"mcb.sketch{i + 1}.s", f"sketch_{m}/sign", collection="batch_stats")
    return names
