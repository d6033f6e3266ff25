"""Attention that hops from one modality to the next (Yoon et al. 2019, 2020).

A hop attends over the steps of one modality, its target, with what is known of the others as the context:

    c = [summaries of the other modalities]        q = c W + b
    a_t = softmax over valid t of h_t . q          new summary of the target = sum of a_t h_t

At the start every summary is its modality's last state. Each hop has its own W and b and puts its result in place of
the target's summary, so later hops see what earlier ones found. What leaves is the concatenation of all summaries.
Letters in names of arrays are axes: B batch, T steps, H units of the target, C size of the context.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.errors import UserError
from affect_jax.layers.dense import Dense
from affect_jax.layers.recurrent_fusion import Encoded, check, encode, sizes
from affect_jax.layers.wide import to_wide

# Finite, so that a clip without a single valid step gives a finite softmax with finite gradients; exp() of it is 0.
_MASKED = -1e30


class Hop(nn.Module):
    """One hop: context [B, C], states [B, T, H], mask [B, T] -> (weighted mean of the states [B, H], weights [B, T]).

    Weights are 0 at padded steps and sum to 1; where no step is valid, all of them and the mean are 0.
    Parameters: `query` {kernel [C, H], bias [H]}.
    """

    @nn.compact
    def __call__(
        self, context_BxC: jax.Array, states_BxTxH: jax.Array, mask_BxT: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        query_BxH = Dense(states_BxTxH.shape[-1], name="query")(context_BxC)
        scores_BxT = jnp.einsum("bth,bh->bt", states_BxTxH, query_BxH)
        weights_BxT = jax.nn.softmax(jnp.where(mask_BxT, to_wide(scores_BxT), _MASKED), axis=-1)
        weights_BxT = jnp.where(mask_BxT, weights_BxT, 0)
        return jnp.einsum("bt,bth->bh", weights_BxT.astype(states_BxTxH.dtype), states_BxTxH), weights_BxT


def check_hops(model: str, hops: int) -> None:
    """Raises UserError for no hop at all."""
    if hops < 1:
        raise UserError(f"model {model!r} has {hops} hops; give 1 or more, or choose model 'mdre'")


def hop(encoded: Mapping[str, Encoded], targets: Sequence[str]) -> tuple[jax.Array, dict[str, jax.Array]]:
    """Hops over `targets` in turn; called from a model's compact method, whose parts `hop_1`, `hop_2`, ... they become.

    Args:
      encoded: modality -> its states and last state.
      targets: the modality that each hop attends over.

    Returns:
      The newest summaries side by side [B, S], and `attention/hop_<i>` [B, T], the weights of each hop.
    """
    summaries = {modality: side.summary(side.last_BxH) for modality, side in encoded.items()}
    weights = {}
    for number, target in enumerate(targets, 1):
        context = jnp.concatenate([summary for m, summary in summaries.items() if m != target], axis=-1)
        side = encoded[target]
        attended = Hop(name=f"hop_{number}")(context, side.states_BxTxH, side.mask_BxT)
        found, weights[f"attention/hop_{number}"] = attended
        summaries[target] = side.summary(found)
    return jnp.concatenate(list(summaries.values()), axis=-1), weights


def hopped(
    name: str,
    counts: Sequence[int],
    model: Any,
    inputs: Mapping[str, jax.Array],
    masks: Mapping[str, jax.Array],
    *,
    train: bool,
    dropout: float | jax.Array,
    frozen: Sequence[str],
) -> dict[str, jax.Array]:
    """What MHA and AMH answer; called from their compact methods, whose parts the layers become.

    Args:
      name: the model's, for the sentences.
      counts: how many modalities it can read.
      model: its attributes: modalities, classes, units, bidirectional, prosody, audio, hops and targets.
      inputs: modality -> float32 [B, T, D], and so on as of `recurrent_fusion.encode`.
      masks: likewise.
      train: likewise.
      dropout: likewise.
      frozen: likewise.

    Returns:
      `logits` and `prediction`, the same, [B, classes], and `attention/hop_<i>` [B, T].

    Raises:
      UserError: the model's arguments do not fit each other, or the batch.
    """
    check(name, model.modalities, counts, model.units, model.classes)
    check_hops(name, model.hops)
    encoded = encode(
        dict(zip(model.modalities, sizes(model.units, model.modalities), strict=True)),
        inputs,
        masks,
        bidirectional=model.bidirectional,
        prosody=model.prosody,
        audio=model.audio,
        train=train,
        dropout=dropout,
        frozen=frozen,
    )
    fused, weights = hop(encoded, model.targets)
    logits = Dense(model.classes, name="classifier")(to_wide(fused))
    return {"logits": logits, "prediction": logits, **weights}
