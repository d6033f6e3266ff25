"""What MDRE, MHA and AMH share: a GRU for each modality, its last state, prosody beside the audio.

`encode_modalities` is called from a model's compact method, so the GRUs become the model's own submodules `<m>_gru`.

The prosody vector describes the whole recording. The papers append it to every state of the audio. An attention score
gets the same share from it at every step, which the softmax cancels, and a weighted mean of states holds it unchanged;
so here it is appended to the summary of the audio, be that its last state or a weighted mean. Prosody comes from the
same recording, so where the audio is missing it is 0, whatever the batch holds.
Letters in names of arrays are axes: B batch, T steps, H units (of both directions), P size of prosody or 0.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from affect_jax.errors import UserError, join_words
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.masking import select_modality
from affect_jax.layers.recurrent import GRU, BiGRU


class Encoded(NamedTuple):
    """A modality behind its GRU.

    Attributes:
      states_BxTxH: 0 at padded steps.
      mask_BxT: True at valid steps.
      last_BxH: the last state, see `select_last_state`.
      prosody_BxP: what joins each summary of this modality; P is 0 for all but the audio.
    """

    states_BxTxH: jax.Array
    mask_BxT: jax.Array
    last_BxH: jax.Array
    prosody_BxP: jax.Array

    def append_prosody(self, vector_BxH: jax.Array) -> jax.Array:
        """Returns a summary of this modality with its prosody behind it, [B, H + P]."""
        return jnp.concatenate([vector_BxH, self.prosody_BxP], axis=-1)


class Prosody(NamedTuple):
    """Which modality is prosody, and which one it joins.

    Attributes:
      name: the modality with one vector a clip; '' for none. Not read where the model does not read the audio.
      audio: the modality that it joins.
    """

    name: str
    audio: str


def select_last_state(states_BxTxH: jax.Array, mask_BxT: jax.Array, *, bidirectional: bool = False) -> jax.Array:
    """Returns the state [B, H] behind the last valid step; 0 where no step is valid.

    A backward direction, the second half of H, has seen everything at the first step, so its state there is taken.
    Padding is at the end.
    """
    steps_T = jnp.arange(mask_BxT.shape[1])
    last_B = jnp.where(mask_BxT, steps_T[None, :], -1).max(axis=1)
    is_last_BxT = steps_T[None, :] == last_B[:, None]
    forward = states_BxTxH.shape[-1] // (2 if bidirectional else 1)
    # A sum of zeros and one state, not a gather: its derivative is a product, not a scatter.
    forward_BxH = jnp.where(is_last_BxT[..., None], states_BxTxH[..., :forward], 0).sum(axis=1)
    return jnp.concatenate([forward_BxH, states_BxTxH[:, 0, forward:]], axis=-1)


def assign_units(units: int | Sequence[int], modalities: Sequence[str]) -> dict[str, int]:
    """Returns modality -> units of its GRU, from one number for all or one for each."""
    each = (units,) * len(modalities) if isinstance(units, int) else tuple(units)
    return dict(zip(modalities, each, strict=True))


def check_fields(
    model: str, modalities: Sequence[str], counts: Sequence[int], units: int | Sequence[int], classes: int
) -> None:
    """Checks that the fields of a model fit each other.

    Args:
      model: its name, for the message.
      modalities: those that it reads.
      counts: how many modalities it can read, ascending.
      units: one number for all modalities, or one for each.
      classes: number of classes.

    Raises:
      UserError: they do not fit.
    """
    given = tuple(modalities)
    if len(given) not in counts:
        takes = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else f"exactly {counts[0]}"
        raise UserError(
            f"model {model!r} takes {takes} modalities but config.model.modalities has {len(given)}, "
            f"{join_words(given)}; "
            "name as many as it takes, or choose another model"
        )
    if len(set(given)) != len(given):
        raise UserError(f"model {model!r} has modalities {given}; name each of them once")
    each = (units,) * len(given) if isinstance(units, int) else tuple(units)
    if len(each) != len(given) or min(each) < 1:
        raise UserError(
            f"model {model!r} has units {units} for the modalities {join_words(given)}; "
            "give one number, 1 or more, for all of them, or one each"
        )
    if classes < 2:
        raise UserError(f"model {model!r} has {classes} classes; give 2 or more")


def encode_modalities(
    units: Mapping[str, int],
    inputs: Mapping[str, jax.Array],
    masks: Mapping[str, jax.Array],
    *,
    bidirectional: bool,
    prosody: Prosody,
    train: bool,
    dropout: float | jax.Array,
    frozen: Sequence[str],
) -> dict[str, Encoded]:
    """Runs every modality through its GRU.

    Args:
      units: modality -> units a direction of its GRU.
      inputs: modality -> float32 [B, T, D], prosody [B, 1, P]. What padded steps hold has no effect.
      masks: modality -> bool [B, T], True at valid steps, padding at the end; all False where it is missing.
      bidirectional: GRUs run both ways; else forward only.
      prosody: which modality is prosody, and which one it joins.
      train: dropout acts; needs the rng stream 'dropout'.
      dropout: rate on the features that enter the GRUs; may be traced.
      frozen: submodules whose input has no dropout even when training.

    Raises:
      UserError: the batch lacks a modality, or prosody is not one vector a clip.
    """
    encoded, drop = {}, Dropout(name="drop")
    for modality, size in units.items():
        name, x, mask = f"{modality}_gru", select_modality(inputs, masks, modality), masks[modality]
        x = drop(x, dropout, train=train and name not in frozen)
        states = (BiGRU if bidirectional else GRU)(size, name=name)(x, mask)
        last = select_last_state(states, mask, bidirectional=bidirectional)
        joins = prosody.name and modality == prosody.audio
        vector = _read_prosody(inputs, masks, prosody.name, mask) if joins else last[:, :0]
        encoded[modality] = Encoded(states, mask, last, vector)
    return encoded


def _read_prosody(
    inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array], prosody: str, audio_mask: jax.Array
) -> jax.Array:
    x = select_modality(inputs, masks, prosody)
    if x.shape[1] != 1:
        raise UserError(
            f"the model reads prosody from modality {prosody!r} but that has {x.shape[1]} steps a clip, not one; "
            "name another one, or set config.model.prosody to '' for none"
        )
    return jnp.where(audio_mask.any(axis=1)[:, None], x[:, 0], 0)
