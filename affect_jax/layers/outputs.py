"""Checks of classes and clip lengths, and the names of a model's outputs: what models of one head have in common."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from affect_jax.errors import UserError


def check_classes(model: str, classes: int) -> None:
    """Checks the field `classes` of a model that can also be a regression.

    Raises:
      UserError: it is negative or 1.
    """
    if classes < 0 or classes == 1:
        raise UserError(f"model {model!r} has {classes} classes; give 0 for a regression, or 2 or more")


def check_length(x: jax.Array, shortest: int, model: str) -> None:
    """Checks that clips are long enough for a model's pools.

    Raises:
      UserError: x [B, T, 1] has T < `shortest`.
    """
    steps = x.shape[1]
    # While jax.export traces with a symbolic length, there is no number to compare.
    if isinstance(steps, int) and steps < shortest:
        raise UserError(
            f"model {model!r} got clips of {steps:,} samples but its pools need at least {shortest:,}; "
            "give longer clips, or smaller pools"
        )


def name_outputs(y: jax.Array, classes: int) -> dict[str, jax.Array]:
    """Names what the last layer returns.

    Args:
      y: [..., C] logits of classes, or [..., 1] of a regression.
      classes: number of classes, or 0 for a regression.

    Returns:
      `logits` and `prediction`, the same, [..., C]; of a regression `prediction` [...] alone.
    """
    return {"logits": y, "prediction": y} if classes else {"prediction": y[..., 0]}


def average_heads(heads: Mapping[str, jax.Array], present: Mapping[str, jax.Array]) -> jax.Array:
    """The mean [B, C] of what each modality's last layer returns [B, C], over those that are there, `present` [B].

    Of an example without any modality, the mean over all.
    """
    shares = jnp.stack([present[m] for m in heads], axis=1).astype(jnp.float32)
    shares = jnp.where(shares.any(axis=1, keepdims=True), shares, 1.0)
    stacked = jnp.stack(list(heads.values()), axis=1)
    return (shares[..., None] * stacked).sum(axis=1) / shares.sum(axis=1)[:, None]
