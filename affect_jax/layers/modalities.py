"""What models of any number of modalities share: each is a sequence or a vector, padded or missing.

Letters in names of arrays are axes: B batch, T steps, D features.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp

from affect_jax.errors import UserError, join_words
from affect_jax.layers.masking import select_modality


def check_modalities(model: str, modalities: Sequence[str], least: int = 2, most: int | None = None) -> None:
    """Checks the field `modalities` of a model.

    Raises:
      UserError: there are too few or too many, or one of them twice.
    """
    given = tuple(modalities)
    if len(given) < least or (most is not None and len(given) > most):
        takes = f"{least}" if most == least else f"{least} to {most}" if most else f"{least} or more"
        raise UserError(
            f"model {model!r} takes {takes} modalities but config.model.modalities has {len(given)}, "
            f"{join_words(given)}; "
            "name as many as it takes, or choose another model"
        )
    if len(set(given)) != len(given):
        raise UserError(f"model {model!r} has modalities {given}; name each of them once")


def read_sequence(
    inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array], modality: str
) -> tuple[jax.Array, jax.Array]:
    """A modality as a sequence: x [B, T, D], 0 where its mask [B, T] is False, and the mask.

    A vector an example, [B, D] with a mask [B], is a sequence of one step.

    Raises:
      UserError: the batch has no such modality.
    """
    x, mask = select_modality(inputs, masks, modality), masks[modality]
    return (x[:, None], mask[:, None]) if x.ndim == 2 else (x, mask)


def read_vector(inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array], modality: str) -> jax.Array:
    """A modality as one vector an example, [B, D]: the mean of its valid steps, 0 where it is missing.

    Raises:
      UserError: the batch has no such modality.
    """
    return average_steps(*read_sequence(inputs, masks, modality))


def average_steps(x_BxTxD: jax.Array, mask_BxT: jax.Array) -> jax.Array:
    """The mean [B, D] of the valid steps, 0 where there are none. Padded steps must be finite."""
    count_B = jnp.sum(mask_BxT, axis=1, dtype=x_BxTxD.dtype)
    total_BxD = jnp.where(mask_BxT[..., None], x_BxTxD, 0).sum(axis=1)
    return total_BxD / jnp.maximum(count_B, 1)[:, None]


def is_present(masks: Mapping[str, jax.Array], modality: str) -> jax.Array:
    """bool [B]: the example has at least one valid step of the modality."""
    mask = masks[modality]
    return mask.any(axis=1) if mask.ndim > 1 else mask


def assign_rates(
    model: str, dropouts: Sequence[float], dropout: float | jax.Array, count: int
) -> list[float | jax.Array]:
    """`count` rates of dropout: a model's own, or the stage's `dropout` everywhere where it has none.

    Raises:
      UserError: the model has another number of rates.
    """
    if dropouts and len(dropouts) != count:
        raise UserError(f"model {model!r} has {len(dropouts)} dropouts, but needs {count}, or () for the stage's one")
    return list(dropouts) if dropouts else [dropout] * count
