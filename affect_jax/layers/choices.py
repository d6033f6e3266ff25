"""Whole numbers that say how a model is wired, as data: trials of one compiled program may differ in them.

They lie beside the parameters, where batch norm's moments are, so that no gradient moves them and that a saved or
exported model has them. A model that has some lists them: `choices`, name -> how many there are to choose from.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from flax import linen as nn

CHOICES = "choices"
"""Name of the submodule that holds them."""


class Choices(nn.Module):
    """name -> int32 [], what was chosen; 0 until a stage sets it (config.stages.<stage>.choices)."""

    @nn.compact
    def __call__(self, options: Mapping[str, int]) -> dict[str, jax.Array]:
        # Floats, as all that a study differs in; those of other ranges would read past an array's end.
        numbers = {name: self.variable("batch_stats", name, jnp.zeros, ()).value for name in options}
        return {name: jnp.clip(number.astype(jnp.int32), 0, options[name] - 1) for name, number in numbers.items()}
