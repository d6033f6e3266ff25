"""MDRE: a recurrent encoder a modality, joined late (thesis 4.3; Yoon, Byun & Jung, SLT 2018).

    h_m = last state of m's GRU          e_m = [h_m; prosody] W_m + b_m, prosody where m is the audio
    logits = [e_m for all m] M + b

    part            what it is                           text (300), video (2048), audio (120) + prosody (35)
    <m>_gru         GRU, 200 units                       301,200   1,350,000   193,200
    <m>_dense       dense 100                            20,100    20,100      23,600
    classifier      dense                                2,107

The paper joins audio and text; the thesis' table 4.1 has every pair and all three, so any subset of up to three is
taken. From the authors' public code: forward GRUs of 200 units, and dense layers with nothing behind them that halve
what they read (100 for text, 117 for the audio with prosody; 100 for all here). There dropout acts on what enters the
GRUs, with another rate for audio (.3) than for text (.7); here one rate is a training setting. Their loss, a sigmoid
for each class, is not the model's: the thesis trains every model with the categorical cross-entropy.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.dense import Dense
from affect_jax.layers.recurrent_fusion import check, encode, sizes
from affect_jax.layers.wide import to_wide


class Model(nn.Module):
    """MDRE of one to three modalities.

    Attributes:
      modalities: those that are read, in this order; others in a batch are ignored.
      classes: number of classes.
      units: of the GRUs, a direction; one number for all, or one a modality.
      bidirectional: GRUs both ways; without, forward only.
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
        """Top-level parameter names that stay after training: all."""
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
        """`logits` and `prediction`, the same, [B, classes].

        Arguments as of `layers.recurrent_fusion.encode`.

        Raises:
          UserError: the model's arguments do not fit each other, or the batch.
        """
        check("mdre", self.modalities, (1, 2, 3), self.units, self.classes)
        encoded = encode(
            dict(zip(self.modalities, sizes(self.units, self.modalities), strict=True)),
            inputs,
            masks,
            bidirectional=self.bidirectional,
            prosody=self.prosody,
            audio=self.audio,
            train=train,
            dropout=dropout,
            frozen=frozen,
        )
        codes = [Dense(self.hidden, name=f"{m}_dense")(side.summary(side.last_BxH)) for m, side in encoded.items()]
        logits = Dense(self.classes, name="classifier")(to_wide(jnp.concatenate(codes, axis=-1)))
        return {"logits": logits, "prediction": logits}

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Logits [B, classes]."""
        return self(inputs, masks, train=False)["logits"]
