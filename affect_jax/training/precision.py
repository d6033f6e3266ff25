"""Mixed precision: a model's forward and backward pass of training in bfloat16, everything else in float32.

What matrix products read is cast before it enters the model: the batch's inputs, and parameters of two axes or more.
Biases, the scales of norms and other vectors stay float32: they enter no product, their gradient is a sum over every
step, and some (cut-off frequencies) are useless with 8 bits. Outputs are cast back before a loss sees them; the
losses' targets, translations' among them, are the float32 originals. Gradients come back through the casts as float32.
Inside, layers form softmaxes, norms, means, carried states and sums over time in float32 and hand on bfloat16.
With float32 nothing is cast at all.
"""

from collections.abc import Collection, Mapping

import jax
import jax.numpy as jnp

from affect_jax.types import Array, Params


def lower_precision(
    precision: str, params: Params, inputs: Mapping[str, Array], counted: Collection[str] = ()
) -> tuple[Params, dict[str, Array]]:
    """(parameters, inputs) as a model in this precision takes them: float32 arrays of two axes or more are cast, but
    the modalities `counted`, which are whole numbers, are not."""
    dtype = jnp.dtype(precision)

    def cast(x: Array) -> Array:
        return x.astype(dtype) if x.dtype == jnp.float32 and x.ndim > 1 else x

    lowered = {modality: x if modality in counted else cast(x) for modality, x in inputs.items()}
    return jax.tree.map(cast, params), lowered


def raise_precision(outputs: Mapping[str, Array]) -> dict[str, Array]:
    """The outputs as losses take them: bfloat16 becomes float32, in the order of the names as given."""
    return {name: x.astype(jnp.float32) if x.dtype == jnp.bfloat16 else x for name, x in outputs.items()}
