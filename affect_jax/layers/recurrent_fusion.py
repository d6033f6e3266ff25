"""What the compared methods of chapter 4 share: a GRU a modality, its last state, prosody beside the audio.

`encode` is called from a model's compact method, where the GRUs become the model's own parts `<m>_gru`.

The vector of prosody describes the whole recording. The papers append it to the audio's states, each step the same. A
score of attention gets the same share from it at every step, which the softmax cancels, and a weighted mean of states
holds it unchanged; so here it is appended to the summary of the audio, be that its last state or a weighted mean.
It comes from the same recording: where the audio is missing, prosody is 0 whatever the batch holds.
Letters in names of arrays are axes: B batch, T steps, H units (of both directions), P size of prosody or 0.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from affect_jax.errors import UserError
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.masking import select_modality
from affect_jax.layers.recurrent import GRU, BiGRU


class Encoded(NamedTuple):
    """A modality behind its GRU."""

    states_BxTxH: jax.Array
    """0 at padded steps."""
    mask_BxT: jax.Array
    last_BxH: jax.Array
    """The last state, see `last_state`."""
    beside_BxP: jax.Array
    """What joins each summary of this modality; P is 0 but for the audio."""

    def summary(self, vector_BxH: jax.Array) -> jax.Array:
        """A vector of this modality with what belongs beside it, [B, H + P]."""
        return jnp.concatenate([vector_BxH, self.beside_BxP], axis=-1)


def last_state(states_BxTxH: jax.Array, mask_BxT: jax.Array, *, bidirectional: bool = False) -> jax.Array:
    """States [B, H] behind the last valid step; 0 where no step is valid.

    A backward direction, the second half of H, has seen everything at the first step, so its state there is taken.
    Padding is at the end.
    """
    steps_T = jnp.arange(mask_BxT.shape[1])
    last_B = jnp.where(mask_BxT, steps_T[None, :], -1).max(axis=1)
    there_BxT = steps_T[None, :] == last_B[:, None]
    forward = states_BxTxH.shape[-1] // (2 if bidirectional else 1)
    # A sum of zeros and one state, not a gather: its derivative is a product, not a scatter.
    ahead = jnp.where(there_BxT[..., None], states_BxTxH[..., :forward], 0).sum(axis=1)
    return jnp.concatenate([ahead, states_BxTxH[:, 0, forward:]], axis=-1)


def sizes(units: int | Sequence[int], modalities: Sequence[str]) -> tuple[int, ...]:
    """Units a direction, one number a modality."""
    return (units,) * len(modalities) if isinstance(units, int) else tuple(units)


def check(
    model: str, modalities: Sequence[str], counts: Sequence[int], units: int | Sequence[int], classes: int
) -> None:
    """Refuses arguments of a model that do not fit each other.

    Args:
      model: its name, for the sentence.
      modalities: that it reads.
      counts: how many it can read, ascending.
      units: one number, or one a modality.
      classes: number of classes.

    Raises:
      UserError: what was found, and what to give instead.
    """
    given = tuple(modalities)
    if len(given) not in counts:
        takes = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else f"exactly {counts[0]}"
        raise UserError(
            f"model {model!r} takes {takes} modalities but config.model.modalities has {len(given)}, {given}; "
            "name as many as it takes, or choose another model"
        )
    if len(set(given)) != len(given):
        raise UserError(f"model {model!r} has modalities {given}; name each of them once")
    each = sizes(units, given)
    if len(each) != len(given) or min(each) < 1:
        raise UserError(
            f"model {model!r} has units {units} for the modalities {given}; "
            "give one number, 1 or more, for all of them, or one each"
        )
    if classes < 2:
        raise UserError(f"model {model!r} has {classes} classes; give 2 or more")


def encode(
    units: Mapping[str, int],
    inputs: Mapping[str, jax.Array],
    masks: Mapping[str, jax.Array],
    *,
    bidirectional: bool,
    prosody: str,
    audio: str,
    train: bool,
    dropout: float | jax.Array,
    frozen: Sequence[str],
) -> dict[str, Encoded]:
    """Every modality behind its GRU.

    Args:
      units: modality -> units a direction of its GRU.
      inputs: modality -> float32 [B, T, D], prosody [B, 1, P]. Whatever padded steps hold has no effect.
      masks: modality -> bool [B, T], True at valid steps, padding at the end; all False where it is missing.
      bidirectional: GRUs both ways; else forward only.
      prosody: the modality that joins the audio, '' for none; not read where the audio is not.
      audio: the modality it joins.
      train: dropout acts; needs the rng stream 'dropout'.
      dropout: rate on the features that enter the GRUs; may be traced.
      frozen: parts whose input has no dropout even when training.

    Raises:
      UserError: a modality is not there, or prosody is not one vector a clip.
    """
    encoded, drop = {}, Dropout(name="drop")
    for modality, size in units.items():
        part, x, mask = f"{modality}_gru", select_modality(inputs, masks, modality), masks[modality]
        x = drop(x, dropout, train=train and part not in frozen)
        states = (BiGRU if bidirectional else GRU)(size, name=part)(x, mask)
        last = last_state(states, mask, bidirectional=bidirectional)
        beside = _prosody(inputs, masks, prosody, mask) if prosody and modality == audio else last[:, :0]
        encoded[modality] = Encoded(states, mask, last, beside)
    return encoded


def _prosody(
    inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array], prosody: str, audio_mask: jax.Array
) -> jax.Array:
    x = select_modality(inputs, masks, prosody)
    if x.shape[1] != 1:
        raise UserError(
            f"the model reads prosody from modality {prosody!r} but that has {x.shape[1]} steps a clip, not one; "
            "name another one, or set config.model.prosody to '' for none"
        )
    return jnp.where(audio_mask.any(axis=1)[:, None], x[:, 0], 0)
