"""Weights of other programs' models into ours and back, as plain arrays: nothing here can run foreign code.

Another model is one more file here and one more entry of `MODELS`. `folder` says what is written.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import flax.linen as nn
import numpy as np

from affect_jax.convert.conflictnet import conflictnet_from_keras, conflictnet_to_keras
from affect_jax.convert.folder import Variables, describe, read, read_arrays, write
from affect_jax.convert.fusion import fusion_from_torch, fusion_inputs, fusion_to_torch

__all__ = [
    "MODELS",
    "conflictnet_from_keras",
    "conflictnet_to_keras",
    "describe",
    "fusion_from_torch",
    "fusion_inputs",
    "fusion_to_torch",
    "read",
    "read_arrays",
    "write",
]


class Converter(NamedTuple):
    """What converts one model.

    Attributes:
      reads: direction, e.g. 'from_keras' -> (arrays, options by name) -> (model, variables).
      writes: direction, e.g. 'to_keras' -> (model, variables) -> arrays.
    """

    reads: Mapping[str, Callable[..., tuple[nn.Module, Variables]]]
    writes: Mapping[str, Callable[[nn.Module, Variables], dict[str, np.ndarray]]]


MODELS = {
    "attention_fusion": Converter(reads={"from_torch": fusion_from_torch}, writes={"to_torch": fusion_to_torch}),
    "conflictnet": Converter(reads={"from_keras": conflictnet_from_keras}, writes={"to_keras": conflictnet_to_keras}),
}
