"""What bilinear fusions share: one vector a modality in front, a power normalisation and a dense layer behind.

Letters in names of arrays are axes: B batch, F features.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp

from affect_jax.errors import UserError
from affect_jax.layers.activations import activate
from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.modalities import read_sequence
from affect_jax.layers.outputs import name_outputs
from affect_jax.layers.summary import TRAINED, Summary
from affect_jax.layers.wide import to_wide

_LEAST = 1e-12  # of a norm, as PyTorch has it


def normalize_power(x_BxF: jax.Array) -> jax.Array:
    """Signed square root, then unit length (Lin et al. 2015, 3.1). Where a root has no slope, 0, its gradient is 0."""
    size = jnp.abs(x_BxF)
    root = jnp.sign(x_BxF) * jnp.where(size > 0, jnp.sqrt(jnp.where(size > 0, size, 1.0)), 0.0)
    square = jnp.square(root).sum(axis=-1, keepdims=True)
    length = jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1.0)), 0.0)
    return root / jnp.maximum(length, _LEAST)


def summarize_all(
    modalities: Sequence[str],
    inputs: Mapping[str, jax.Array],
    masks: Mapping[str, jax.Array],
    summary: str,
    units: int,
) -> dict[str, jax.Array]:
    """Modality -> one vector an example [B, D]; called from a compact method, whose submodules `<m>_summary` become."""
    return {m: Summary(summary, units, name=f"{m}_summary")(*read_sequence(inputs, masks, m)) for m in modalities}


def list_summaries(modalities: Sequence[str], summary: str) -> tuple[str, ...]:
    """Names of the submodules that `summarize_all` makes and that have parameters."""
    return tuple(f"{m}_summary" for m in modalities) if summary in TRAINED else ()


def classify(
    z_BxF: jax.Array, classes: int, activation: str, rates: Sequence[float | jax.Array], train: bool
) -> dict[str, jax.Array]:
    """The outputs of a fused vector: `fused`, and what a dense layer `classifier`, with an activation, makes of it.

    `rates` of dropout: in front of the layer and behind it.
    """
    z = Dropout(name="drop_fused")(z_BxF, rates[0], train=train)
    y = activate(Dense(classes or 1, name="classifier")(to_wide(z)), activation)
    return {"fused": z_BxF} | name_outputs(Dropout(name="drop_output")(y, rates[1], train=train), classes)


def spread_rates(model: str, dropouts: Sequence[float], dropout: float | jax.Array) -> list[float | jax.Array]:
    """Rates of dropout of projections, fused vector and output; without `dropouts` the stage's, and none of the output.

    Raises:
      UserError: there are other than three.
    """
    if len(dropouts) not in (0, 3):
        raise UserError(f"model {model!r} has {len(dropouts)} dropouts, but needs 3, or () for the stage's one")
    return list(dropouts) if dropouts else [dropout, dropout, 0.0]
