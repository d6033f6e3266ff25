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

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from affect_jax.layers.dense import Dense
from affect_jax.layers.recurrent_fusion import Encoded, RecurrentFusion


class Model(RecurrentFusion):
    """MDRE of one to three modalities. Attributes of `RecurrentFusion`, and:

    Attributes:
      hidden: width of the dense layer behind each encoder.
    """

    hidden: int = 100

    title = "mdre"

    @property
    def between(self) -> tuple[str, ...]:
        """The parts between GRUs and classifier."""
        return tuple(f"{modality}_dense" for modality in self.modalities)

    def setup(self) -> None:
        """Names the parts.

        Raises:
          UserError: the arguments do not fit each other.
        """
        super().setup()
        for part in self.between:
            setattr(self, part, Dense(self.hidden))

    def fuse(self, encoded: Mapping[str, Encoded]) -> tuple[jax.Array, dict[str, jax.Array]]:
        """The dense layers' outputs side by side."""
        codes = [
            getattr(self, part)(side.summary(side.last_BxH))
            for part, side in zip(self.between, encoded.values(), strict=True)
        ]
        return jnp.concatenate(codes, axis=-1), {}
