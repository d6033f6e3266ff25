"""Names for the trees that pass between rooms."""

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

import jax

Array = jax.Array
Params = dict[str, Any]
"""Flax parameters: top-level part name -> tree of arrays."""

Outputs = dict[str, Array]
"""A model's named outputs: `prediction`, `logits`, `latent/<modality>`, `translation/<modality>`, ..."""


class Batch(TypedDict):
    """What a step sees of the corpus. Padding has mask False and value 0."""

    inputs: Mapping[str, Array]
    """modality -> float32 [B, T, D], or [B, D] where an example is one frame."""
    masks: Mapping[str, Array]
    """modality -> bool [B, T] or [B]."""
    target: Array
    """float32 [B, T] or [B]."""
    mask: Array
    """bool, the target's shape."""
    labelled: NotRequired[Array]
    """bool, the target's shape: the step has a label; only where some of the corpus have none."""
    partner: NotRequired[Array]
    """float32 [B]: the target of the example that each was mixed with, see data/augment.py."""
    share: NotRequired[Array]
    """float32 [B]: the weight of its own target; behind it `partner` has the rest."""
    segments: NotRequired[Array]
    """int32 [B, T]: steps of one number are one sequence, where packed sequences hold several; see data/packing."""
