"""MHA: multi-hop attention of two modalities (thesis 4.3; Yoon, Byun, Dey & Jung, ICASSP 2019).

    hop 1 attends over the first modality with the second one's last state as the context
    hop 2 attends over the second modality with the result of hop 1
    hop 3 attends over the first one again with the result of hop 2, and so on
    logits = [newest summary of the first; newest summary of the second] M + b

`affect_jax/layers/hopping.py` has a hop's equations. In the paper the first modality is text and the second audio.
The names stand in the project's order (text, video, audio), so every pair starts as the paper's does: audio or video
asks first, and what it finds in the text (with video and audio: in the video) then asks back.

    part          what it is                          text (300), audio (120) + prosody (35)
    <m>_gru       bi-GRU, 200 units a direction       602,400, 386,400
    hop_1         query, 435 -> 400                   174,400
    hop_2         query, 400 -> 400                   160,400
    classifier    dense                               5,852

Two hops, as the abstract tells it: parts of the text that the audio asks for, then parts of the audio that these ask
for. It says bidirectional LSTM; GRUs here, as in the authors' public code of MDRE and AMH. A plain product of states
needs equal sizes, which prosody breaks, so a learned map leads from context to query, as in that code. There is no
residual connection around the GRUs, which that code leaves switched off. 200 units are those of MDRE and AMH.
"""

from collections.abc import Sequence

from affect_jax.layers.hopping import HoppingFusion


class Model(HoppingFusion):
    """MHA. Attributes of `HoppingFusion`; exactly two modalities, the one that hop 1 attends over first."""

    modalities: Sequence[str] = ("text", "audio")
    bidirectional: bool = True
    hops: int = 2

    title = "mha"
    counts = range(2, 3)

    @property
    def targets(self) -> tuple[str, ...]:
        """The modality that each hop attends over: first, second, first, ..."""
        return tuple(self.modalities[hop % 2] for hop in range(self.hops))
