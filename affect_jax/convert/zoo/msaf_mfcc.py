"""MSAF's network for MFCC by the names of anita-hu/MSAF (MIT), ravdess/networks/mfcc_cnn.py."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from affect_jax.convert import torch_names as named
from affect_jax.convert.torch_names import get_shape
from affect_jax.errors import UserError
from affect_jax.models.mfcc_cnn import Model

MODEL = "mfcc_cnn"
KEYS = ("conv3.weight", "bn3.running_mean", "fc1.weight")
ARGUMENTS = {"time": None}


def read_sizes(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The arguments that the arrays tell; eight lengths of a clip have the same number of steps behind the pool."""
    convolutions = [get_shape(arrays, f"conv{i}.weight", axes=3) for i in (1, 2, 3)]
    classes, flat = get_shape(arrays, "fc1.weight")
    return {
        "coefficients": convolutions[0][1],
        "classes": classes,
        "filters": tuple(shape[0] for shape in convolutions),
        "widths": tuple(shape[2] for shape in convolutions),
        "steps": flat // convolutions[2][0],
    }


def make_model(arguments: Mapping[str, Any]) -> Model:
    """Our model."""
    return Model("mfcc", arguments["classes"], arguments["filters"], arguments["widths"])


def list_names(model: Model) -> named.Names:
    """The state dict."""
    if len(model.filters) != 3:
        raise UserError(
            f"the model has {len(model.filters)} convolutions, but the authors' one has 3; convert such a one"
        )
    names = named.dense("fc1", "classifier")
    for i in range(3):
        names |= named.dense(f"conv{i + 1}", f"conv_{i}", layout=named.CONV_1D)
        names |= named.batch_norm(f"bn{i + 1}", f"norm_{i}")
    return names


def list_inputs(arguments: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """What the model reads: clips of `time` frames, or of the fewest that fit the arrays."""
    steps = arguments["time"] or 8 * arguments["steps"] + 4
    return {"mfcc": {"steps": steps, "features": arguments["coefficients"]}}
