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

from collections.abc import Sequence

from affect_jax.layers.hopping import HoppingFusion


class Model(HoppingFusion):
    """AMH. Attributes of `HoppingFusion`; exactly three modalities."""

    units: int | Sequence[int] = (200, 128, 200)
    hops: int = 7

    title = "amh"
    counts = range(3, 4)

    @property
    def targets(self) -> tuple[str, ...]:
        """The modality that each hop attends over: second, third, first, second, ..."""
        return tuple(self.modalities[(hop + 1) % 3] for hop in range(self.hops))
