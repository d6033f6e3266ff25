"""AMH: attentive modality hopping over three modalities (thesis 4.3; Yoon, Dey, Lee & Jung, ICASSP 2020).

    hop 1 attends over video with the last states of text and audio as the context
    hop 2 attends over audio with text's last state and the result of hop 1
    hop 3 attends over text with the results of hops 1 and 2
    hop 4 attends over video again, and so on
    logits = [newest summaries of the three] M + b

`affect_jax/layers/hopping.py` has a hop's equations. The order follows from that of `modalities` (text, video, audio):
hops go to the second, the third, the first, and around again.

    part                  what it is                  text (300), video (2048), audio (120) + prosody (35)
    <m>_gru               GRU                         301,200 (200 units), 836,352 (128), 193,200 (200)
    hop_1, hop_4, hop_7   query to video, 435 -> 128  55,808 each
    hop_2, hop_5          query to audio, 328 -> 200  65,800 each
    hop_3, hop_6          query to text, 363 -> 200   72,800 each
    classifier            dense                       3,948

Sizes, seven hops and forward GRUs are those of the training command in the authors' public code, as is the form of a
hop, each with a W and b of its own. That code reads no prosody; the thesis says the model has it, so it joins the audio
as in MDRE. There dropout acts on what enters the GRUs with a rate for each modality (text .7, the others .3), and word
vectors are trained further; here one rate is a training setting and the words' vectors are data.
"""

from collections.abc import Mapping, Sequence

import jax
from flax import linen as nn

from affect_jax.layers.hopping import hopped


class Model(nn.Module):
    """AMH of exactly three modalities.

    Attributes:
      modalities: in the order of hops: the second, the third, the first, and around again.
      classes: number of classes.
      units: of the GRUs, a direction; one number for all, or one a modality.
      bidirectional: GRUs both ways; without, forward only.
      prosody: the modality, one vector a clip, that joins the audio; '' for none. Not read where the audio is not.
      audio: the modality it joins.
      hops: how many, 1 or more. Each has parameters of its own.
    """

    modalities: Sequence[str] = ("text", "video", "audio")
    classes: int = 7
    units: int | Sequence[int] = (200, 128, 200)
    bidirectional: bool = False
    prosody: str = "prosody"
    audio: str = "audio"
    hops: int = 7

    @property
    def targets(self) -> tuple[str, ...]:
        """The modality that each hop attends over: second, third, first, second, ..."""
        return tuple(self.modalities[(hop + 1) % 3] for hop in range(self.hops))

    @property
    def deployed(self) -> tuple[str, ...]:
        """Top-level parameter names that stay after training: all."""
        hops = tuple(f"hop_{number}" for number in range(1, self.hops + 1))
        return (*(f"{m}_gru" for m in self.modalities), *hops, "classifier")

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
        """`logits` and `prediction`, the same, [B, classes], and `attention/hop_<i>` [B, T].

        Arguments as of `layers.hopping.hopped`.

        Raises:
          UserError: the model's arguments do not fit each other, or the batch.
        """
        return hopped("amh", (3,), self, inputs, masks, train=train, dropout=dropout, frozen=frozen)

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Logits [B, classes]."""
        return self(inputs, masks, train=False)["logits"]
