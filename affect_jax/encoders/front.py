"""A pretrained encoder inside a model: its submodules, what they make of a batch, and the head behind them.

All trials share `pretrained`, the parameters of the encoder that nobody trains. Each trial has its own `encoder`, the
parameters that are trained; `adapters`; `layer_weights`, a score a state where all states are mixed; `pooling`, where
that is attentive; `hidden` and `head`, dense layers.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.encoders import tuning
from affect_jax.encoders.tuning import EncoderSettings
from affect_jax.errors import UserError
from affect_jax.layers.attentive_statistics import AttentiveStatistics
from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.masking import zero_padding
from affect_jax.layers.outputs import name_outputs
from affect_jax.layers.wide import to_wide

SHARED, TRAINED = "pretrained", "encoder"
POOLINGS = ("mean", "attentive")


class Head(NamedTuple):
    """What stands behind the encoder.

    Attributes:
      pooling: over time: 'mean' of the valid steps, or 'attentive' statistics of them.
      units: of a dense layer with tanh before the last one; 0 without.
      classes: how many, or 0 for a number.
    """

    pooling: str
    units: int
    classes: int


def list_shared(settings: EncoderSettings) -> tuple[str, ...]:
    """Submodules of which all trials read one copy."""
    return () if settings.train == "all" else (SHARED,)


def list_submodules(settings: EncoderSettings, head: Head) -> tuple[str, ...]:
    """All submodules of the model."""
    present = {
        SHARED: settings.train != "all",
        TRAINED: settings.train in ("all", "last"),
        "adapters": settings.train == "adapters",
        "layer_weights": settings.layer == "learned",
        "pooling": head.pooling == "attentive",
        "hidden": head.units > 0,
        "head": True,
    }
    return tuple(name for name, is_present in present.items() if is_present)


def load_submodules(settings: EncoderSettings) -> dict[str, Any]:
    """Submodule -> the parameters that it starts with, float32 on the host, of those that are the encoder's.

    Raises:
      UserError: as `tuning.load_parameters`.
    """
    parts = tuning.split_parameters(tuning.load_parameters(settings), settings)
    return {name: tree for name, tree in ((SHARED, parts.shared), (TRAINED, parts.trained)) if tree}


def encode(
    model: nn.Module, settings: EncoderSettings, inputs: jax.Array, mask: jax.Array, *, train: bool, merges: bool
) -> tuple[jax.Array, jax.Array]:
    """States of a batch and their mask, by parameters of the module that calls it (within its compact method).

    Args:
      model: the module.
      settings: of the encoder.
      inputs: samples [B, S] or numbers of pieces [B, T].
      mask: bool of that shape.
      train: whether the encoder's own dropout and masks act, which they do where anything of it is trained.
      merges: whether adapters are added to the kernels first, as is cheaper where nothing is trained.

    Returns:
      [B, T, D] and bool [B, T].
    """
    shapes = tuning.split_parameters(tuning.trace_parameters(settings), settings)
    shared = model.param(SHARED, _make_zeros, shapes.shared) if shapes.shared else {}
    trained = model.param(TRAINED, _make_zeros, shapes.trained) if shapes.trained else {}
    params, adapters = tuning.join_parameters(shared, trained), {}
    if settings.train == "adapters":
        adapters = model.param("adapters", tuning.init_adapters, settings)
    if merges and adapters:
        params, adapters = tuning.merge_adapters(params, adapters, settings), {}
    drops = train and settings.train != "nothing"
    rngs = {"dropout": model.make_rng("dropout")} if drops else None
    with nn.intercept_methods(tuning.add_adapters(adapters, settings)):
        outputs = tuning.build_front(settings).apply({"params": params}, inputs, mask, train=drops, rngs=rngs)
    return _take_layer(model, settings.layer, outputs), getattr(outputs, "mask", mask)


def _make_zeros(key: jax.Array, shapes: Any) -> Any:
    """Places for parameters, which the engine fills by `load_submodules`."""
    return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)


def _take_layer(model: nn.Module, layer: str, outputs: Any) -> jax.Array:
    if layer == "last":
        return outputs.last
    if layer == "mean":
        return jnp.stack(outputs.states).mean(axis=0)
    if layer != "learned":
        return outputs.states[int(layer)]
    scores = model.param("layer_weights", lambda key, count: {"scores": jnp.zeros(count)}, len(outputs.states))
    shares = jax.nn.softmax(to_wide(scores["scores"])).astype(outputs.last.dtype)
    return jnp.einsum("l,lbtd->btd", shares, jnp.stack(outputs.states))


def answer(
    head: Head, states: jax.Array, mask: jax.Array, *, dropout: float | jax.Array, train: bool
) -> dict[str, jax.Array]:
    """Named outputs [B] or [B, C] of states [B, T, D]; to be called within a compact method.

    Raises:
      UserError: there is no such pooling.
    """
    if head.pooling not in POOLINGS:
        raise UserError(f"config.model.pooling is {head.pooling!r}; set one of {', '.join(POOLINGS)}")
    if head.pooling == "attentive":
        x = AttentiveStatistics(name="pooling")(states, mask)
    else:
        count = jnp.maximum(mask.sum(axis=1), 1).astype(jnp.float32)[:, None]
        x = (zero_padding(to_wide(states), mask).sum(axis=1) / count).astype(states.dtype)
    x = Dropout(name="dropout")(x, dropout, train=train)
    if head.units:
        x = nn.tanh(Dense(head.units, name="hidden")(x))
    return name_outputs(to_wide(Dense(head.classes or 1, name="head")(x)), head.classes)
