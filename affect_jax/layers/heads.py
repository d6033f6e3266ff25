"""The last layer of a network, with dropout in front: what models of several heads have in common."""

import jax

from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.outputs import name_outputs
from affect_jax.layers.wide import to_wide


def apply_head(
    name: str, x: jax.Array, classes: int, *, dropout: float | jax.Array, train: bool
) -> dict[str, jax.Array]:
    """Makes the submodules `<name>` and `<name>_drop` of the module that calls, and applies them.

    Args:
      name: of the head.
      x: [B, W].
      classes: number of classes, or 0 for a regression.
      dropout: rate; may be traced.
      train: dropout acts; needs the rng stream 'dropout'.

    Returns:
      `logits` and `prediction`, the same, [B, classes]; of a regression `prediction` [B] alone.
    """
    x = Dropout(name=f"{name}_drop")(to_wide(x), dropout, train=train)
    return name_outputs(Dense(classes or 1, name=name)(x), classes)
