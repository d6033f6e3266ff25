"""What the baselines of chapter 4 share: a GRU a modality, its last state, prosody beside the audio, a classifier.

    part          what it is
    <m>_gru       GRU over the steps of modality m, forward or both ways
    ...           what a model puts between
    classifier    dense layer on the model's summary of all modalities

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
from flax import linen as nn

from affect_jax.errors import UserError
from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.masking import select
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


class RecurrentFusion(nn.Module):
    """Base of the models; they say how many modalities they take and how `fuse` makes one vector of them.

    Attributes:
      modalities: those that are read, in this order; others in a batch are ignored.
      classes: number of classes.
      units: of the GRUs, a direction; one number for all, or one a modality.
      bidirectional: GRUs both ways; without, forward only.
      prosody: the modality, one vector a clip, that joins the audio; '' for none. Not read where the audio is not.
      audio: the modality it joins.
    """

    modalities: Sequence[str] = ("text", "video", "audio")
    classes: int = 7
    units: int | Sequence[int] = 200
    bidirectional: bool = False
    prosody: str = "prosody"
    audio: str = "audio"

    # Set by the models.
    title = ""
    counts = range(1, 4)  # how many modalities the model takes
    between = ()  # its own parts

    @property
    def deployed(self) -> tuple[str, ...]:
        """Top-level parameter names that stay after training: all."""
        return (*(f"{modality}_gru" for modality in self.modalities), *self.between, "classifier")

    @property
    def sizes(self) -> tuple[int, ...]:
        """Units a direction, one number a modality."""
        return (self.units,) * len(self.modalities) if isinstance(self.units, int) else tuple(self.units)

    def setup(self) -> None:
        """Names the parts that all models have.

        Raises:
          UserError: the arguments do not fit each other.
        """
        self._check()
        for modality, units in zip(self.modalities, self.sizes, strict=True):
            setattr(self, f"{modality}_gru", (BiGRU if self.bidirectional else GRU)(units))
        self.drop = Dropout()
        self.classifier = Dense(self.classes)

    def _check(self) -> None:
        given, allowed = tuple(self.modalities), self.counts
        if len(given) not in allowed:
            takes = f"{allowed[0]} to {allowed[-1]}" if len(allowed) > 1 else f"exactly {allowed[0]}"
            raise UserError(
                f"model {self.title!r} takes {takes} modalities but config.model.modalities has {len(given)}, {given}; "
                "name as many as it takes, or choose another model"
            )
        if len(set(given)) != len(given):
            raise UserError(f"model {self.title!r} has modalities {given}; name each of them once")
        if len(self.sizes) != len(given) or min(self.sizes) < 1:
            raise UserError(
                f"model {self.title!r} has units {self.units} for the modalities {given}; "
                "give one number, 1 or more, for all of them, or one each"
            )
        if self.classes < 2:
            raise UserError(f"model {self.title!r} has {self.classes} classes; give 2 or more")

    def __call__(
        self,
        inputs: Mapping[str, jax.Array],
        masks: Mapping[str, jax.Array],
        *,
        train: bool,
        dropout: float | jax.Array = 0.0,
        frozen: Sequence[str] = (),
    ) -> dict[str, jax.Array]:
        """All outputs.

        Args:
          inputs: modality -> float32 [B, T, D], prosody [B, 1, P]. Whatever padded steps hold has no effect.
          masks: modality -> bool [B, T], True at valid steps, padding at the end; all False where it is missing.
          train: dropout acts; needs the rng stream 'dropout'.
          dropout: rate on the features that enter the GRUs; may be traced.
          frozen: parts whose input has no dropout even when training.

        Returns:
          `logits` and `prediction`, the same, [B, classes], and what the model adds.

        Raises:
          UserError: a modality is not there, or prosody is not one vector a clip.
        """
        encoded = {}
        for modality in self.modalities:
            part, x = f"{modality}_gru", select(inputs, masks, modality)
            x, mask = self.drop(x, dropout, train=train and part not in frozen), masks[modality]
            states = getattr(self, part)(x, mask)
            last = last_state(states, mask, bidirectional=self.bidirectional)
            encoded[modality] = Encoded(states, mask, last, self._beside(inputs, masks, modality))
        fused, more = self.fuse(encoded)
        logits = self.classifier(fused)
        return {"logits": logits, "prediction": logits, **more}

    def _beside(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array], modality: str) -> jax.Array:
        if not self.prosody or modality != self.audio:
            return jnp.zeros_like(inputs[modality], shape=(inputs[modality].shape[0], 0))
        x = select(inputs, masks, self.prosody)
        if x.shape[1] != 1:
            raise UserError(
                f"model {self.title!r} reads prosody from modality {self.prosody!r} but that has {x.shape[1]} steps a "
                "clip, not one; name another one, or set config.model.prosody to '' for none"
            )
        return jnp.where(masks[modality].any(axis=1)[:, None], x[:, 0], 0)

    def fuse(self, encoded: Mapping[str, Encoded]) -> tuple[jax.Array, dict[str, jax.Array]]:
        """The vector [B, S] that the classifier reads, and outputs of the model's own."""
        raise NotImplementedError

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Logits [B, classes]."""
        return self(inputs, masks, train=False)["logits"]
