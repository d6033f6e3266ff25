"""An LSTM encoder-decoder with attention, on sound alone: the audio part of a compared method of chapter 3.

    submodule  what it is
    encoder    LSTM on frames, means of `pool` of them (25 a second of frames of 10 ms)
    first      dense layer, tanh: the encoder's last state -> the decoder's first
    attention  Bahdanau attention of the decoder's state to all states of the encoder (thesis figure 2.3)
    decoder    LSTM cell on what the attention gives, `steps` times
    head       dense layer on the last state and what it attended to

Vereecken, Petridis, Panagakis & Pantic, "Online Attention for Interpretable Conflict Estimation in Political Debates"
(FG 2018), read 65 low-level descriptors of the sound beside points of the faces, 25 times a second, and gives a number
for every moment. Here one number is asked of a clip, so the decoder takes a few steps and the last one answers.

After what the thesis tells of the paper (2.6.1, table 2.4): no code was found, and widths are chosen.
Letters in names of arrays are axes: B batch, T frames, S means of frames, D features, H units.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.errors import UserError
from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.frames import average_frames
from affect_jax.layers.masked_lstm import MaskedLSTM
from affect_jax.layers.modalities import read_sequence
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.recurrent_fusion import select_last_state
from affect_jax.layers.wide import to_wide


class Attention(nn.Module):
    """The mean [B, H] of states [B, S, H] with weights softmax(v . tanh(W query + U state)) (Bahdanau et al. 2015)."""

    units: int

    @nn.compact
    def __call__(self, query_BxH: jax.Array, states_BxSxH: jax.Array, mask_BxS: jax.Array) -> jax.Array:
        asked = Dense(self.units, name="query")(query_BxH)[:, None] + Dense(self.units, name="key")(states_BxSxH)
        score_BxS = to_wide(Dense(1, name="score")(nn.tanh(asked)))[..., 0]
        weight_BxS = nn.softmax(jnp.where(mask_BxS, score_BxS, -1e30))
        return jnp.einsum("bs,bsh->bh", weight_BxS, to_wide(states_BxSxH)).astype(states_BxSxH.dtype)


class Model(nn.Module):
    """An encoder of frames and a decoder that attends to them.

    Attributes:
      modality: the one that is read, such as log-mels.
      classes: number of classes, or 0 for a number.
      pool: frames that are averaged before the encoder.
      units: of encoder, attention and decoder.
      steps: of the decoder.
    """

    modality: str = "log_mel"
    classes: int = 0
    pool: int = 4
    units: int = 64
    steps: int = 3
    deployed = ("encoder", "first", "attention", "decoder", "head")

    @nn.compact
    def __call__(
        self,
        inputs: Mapping[str, jax.Array],
        masks: Mapping[str, jax.Array],
        *,
        train: bool,
        dropout: float | jax.Array = 0.0,
        frozen: Sequence[str] = (),
    ) -> dict[str, jax.Array]:
        """Returns all outputs.

        Args:
          inputs: the modality -> [B, T, D].
          masks: the modality -> bool [B, T].
          train: dropout acts; needs the rng stream 'dropout'.
          dropout: rate in front of the head; may be traced.
          frozen: submodules whose input has no dropout even when training.

        Returns:
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B].

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        check_classes("encoder_decoder", self.classes)
        if self.steps < 1:
            raise UserError(f"model 'encoder_decoder' has {self.steps} steps; give its decoder 1 or more")
        x_BxSxD, mask_BxS, _ = average_frames(
            *read_sequence(inputs, masks, self.modality), self.pool, "encoder_decoder"
        )
        states_BxSxH = MaskedLSTM(self.units, name="encoder")(x_BxSxD, mask_BxS)
        last_BxH = select_last_state(states_BxSxH, mask_BxS)
        state_BxH = nn.tanh(Dense(self.units, name="first")(last_BxH))
        attend, cell = Attention(self.units, name="attention"), nn.OptimizedLSTMCell(self.units, name="decoder")
        carry = (jnp.zeros_like(state_BxH), state_BxH)  # cells and states
        for _ in range(self.steps):
            context_BxH = attend(carry[1], states_BxSxH, mask_BxS)
            carry, state_BxH = cell(carry, context_BxH)
        acts = train and "head" not in frozen
        read = Dropout(name="drop")(to_wide(jnp.concatenate([state_BxH, context_BxH], axis=-1)), dropout, train=acts)
        return name_outputs(Dense(self.classes or 1, name="head")(read), self.classes)

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, C]."""
        return self(inputs, masks, train=False)["prediction"]
