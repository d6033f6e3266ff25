"""MDRE: one recurrent encoder for each modality, joined late (thesis 4.3; Yoon, Byun & Jung, SLT 2018).

    h_m = last state of m's GRU          e_m = [h_m; prosody] W_m + b_m, prosody where m is the audio
    logits = [e_m for all m] M + b

    submodule       what it is                           text (300), video (2048), audio (120) + prosody (35)
    <m>_gru         GRU, 200 units                       301,200   1,350,000   193,200
    <m>_dense       dense 100                            20,100    20,100      23,600
    classifier      dense                                2,107

The paper joins audio and text. The thesis' table 4.1 has every pair and all three, so the model takes any subset of up
to three. From the authors' public code come the forward GRUs of 200 units and the dense layers, which halve what they
read and have nothing behind them (100 for text, 117 for the audio with prosody; 100 for all here). That code applies
dropout to what enters the GRUs, with a rate of .3 for audio and .7 for text; here one rate is a training setting. Its
loss, a sigmoid for each class, is not part of the model: the thesis trains every model with categorical cross-entropy.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.dense import Dense
from affect_jax.layers.recurrent_fusion import Prosody, assign_units, check_fields, encode_modalities
from affect_jax.layers.wide import to_wide


class Model(nn.Module):
    """MDRE of one to three modalities.

    Attributes:
      modalities: those that are read, in this order; others in a batch are ignored.
      classes: number of classes.
      units: units a direction of the GRUs; one number for all, or one for each modality.
      bidirectional: GRUs run both ways; else forward only.
      prosody: the modality, one vector a clip, that joins the audio; '' for none. Not read where the audio is not.
      audio: the modality it joins.
      hidden: width of the dense layer behind each encoder.
    """

    modalities: Sequence[str] = ("text", "video", "audio")
    classes: int = 7
    units: int | Sequence[int] = 200
    bidirectional: bool = False
    prosody: str = "prosody"
    audio: str = "audio"
    hidden: int = 100

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: all."""
        return (*(f"{m}_{layer}" for layer in ("gru", "dense") for m in self.modalities), "classifier")

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
        """Returns `logits` and `prediction`, the same, [B, classes].

        Args:
          inputs: modality -> float32 [B, T, D], prosody [B, 1, P]. What padded steps hold has no effect.
          masks: modality -> bool [B, T], True at valid steps, padding at the end; all False where it is missing.
          train: dropout acts; needs the rng stream 'dropout'.
          dropout: rate on the features that enter the GRUs; may be traced.
          frozen: submodules whose input has no dropout even when training.

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        check_fields("mdre", self.modalities, (1, 2, 3), self.units, self.classes)
        encoded = encode_modalities(
            assign_units(self.units, self.modalities),
            inputs,
            masks,
            bidirectional=self.bidirectional,
            prosody=Prosody(self.prosody, self.audio),
            train=train,
            dropout=dropout,
            frozen=frozen,
        )
        codes = []
        for modality, states in encoded.items():
            summary_BxS = states.append_prosody(states.last_BxH)
            codes.append(Dense(self.hidden, name=f"{modality}_dense")(summary_BxS))
        logits = Dense(self.classes, name="classifier")(to_wide(jnp.concatenate(codes, axis=-1)))
        return {"logits": logits, "prediction": logits}

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns logits [B, classes]."""
        return self(inputs, masks, train=False)["logits"]
