"""Reading a modality so that padding cannot reach anything, whatever it holds."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from affect_jax.errors import UserError, join_words


def select_modality(inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array], modality: str) -> jax.Array:
    """`inputs[modality]` [..., D] with zeros where `masks[modality]` [...] is False.

    Padding is selected away, not multiplied away, so NaN there reaches neither values nor gradients.

    Raises:
      UserError: the modality is not there.
    """
    if modality not in inputs:
        raise UserError(
            f"the model reads modality {modality!r} but the batch has {join_words(sorted(inputs))}; "
            "name one of these in config.model or add it to config.data.modalities"
        )
    return zero_padding(inputs[modality], masks[modality])


def zero_padding(x: jax.Array, mask: jax.Array) -> jax.Array:
    """x [..., D] where mask [...] is True, 0 elsewhere."""
    return jnp.where(mask[..., None], x, jnp.zeros((), x.dtype))
