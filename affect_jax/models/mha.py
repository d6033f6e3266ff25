"""MHA: multi-hop attention of two modalities (thesis 4.3; Yoon, Byun, Dey & Jung, ICASSP 2019).

    hop 1 attends over the first modality with the second one's last state as the context
    hop 2 attends over the second modality with the result of hop 1
    hop 3 attends over the first one again with the result of hop 2, and so on
    logits = [newest summary of the first; newest summary of the second] M + b

A hop attends over the steps h_t of one modality, its target, with what is known of the others as the context c:

    c = [summaries of the other modalities]        q = c W + b
    a_t = softmax over valid t of h_t . q          new summary of the target = sum over t of a_t h_t

At the start every summary is its modality's last state. Each hop has a W and b of its own.
In the paper the first modality is text and the second audio. Modalities are named in the project's order (text, video,
audio), so every pair starts as the paper's does: audio or video asks first, and what it finds in the text (for the pair
of video and audio, in the video) asks back.

    submodule     what it is                          text (300), audio (120) + prosody (35)
    <m>_gru       bi-GRU, 200 units a direction       602,400, 386,400
    hop_1         query, 435 -> 400                   174,400
    hop_2         query, 400 -> 400                   160,400
    classifier    dense                               5,852

There are two hops, as the abstract describes: the audio asks for parts of the text, and these ask for parts of the
audio. The abstract says bidirectional LSTM; here they are GRUs, as in the authors' public code of MDRE and AMH. A plain
product of states needs equal sizes, which prosody breaks, so a learned map leads from the context to the query, as in
that code. There is no residual connection around the GRUs, which that code leaves switched off. The 200 units are those
of MDRE and AMH.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.dense import Dense
from affect_jax.layers.hopping import Hop, check_hops
from affect_jax.layers.recurrent_fusion import Prosody, assign_units, check_fields, encode_modalities
from affect_jax.layers.wide import to_wide


class Model(nn.Module):
    """MHA of exactly two modalities.

    Attributes:
      modalities: the one that hop 1 attends over, and the other.
      classes: number of classes.
      units: units a direction of the GRUs; one number for all, or one for each modality.
      bidirectional: GRUs run both ways; else forward only.
      prosody: the modality, one vector a clip, that joins the audio; '' for none. Not read where the audio is not.
      audio: the modality it joins.
      hops: number of hops, 1 or more; each has its own parameters.
    """

    modalities: Sequence[str] = ("text", "audio")
    classes: int = 7
    units: int | Sequence[int] = 200
    bidirectional: bool = True
    prosody: str = "prosody"
    audio: str = "audio"
    hops: int = 2

    @property
    def targets(self) -> tuple[str, ...]:
        """The modality that each hop attends over: first, second, first, ..."""
        return tuple(self.modalities[hop % 2] for hop in range(self.hops))

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: all."""
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
        """Returns `logits` and `prediction`, the same, [B, classes], and `attention/hop_<i>` [B, T].

        Args:
          inputs: modality -> float32 [B, T, D], prosody [B, 1, P]. What padded steps hold has no effect.
          masks: modality -> bool [B, T], True at valid steps, padding at the end; all False where it is missing.
          train: dropout acts; needs the rng stream 'dropout'.
          dropout: rate on the features that enter the GRUs; may be traced.
          frozen: submodules whose input has no dropout even when training.

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        check_fields("mha", self.modalities, (2,), self.units, self.classes)
        check_hops("mha", self.hops)
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
        summaries = {m: states.append_prosody(states.last_BxH) for m, states in encoded.items()}
        attention = {}
        for number, target in enumerate(self.targets, 1):
            context_BxC = jnp.concatenate([summary for m, summary in summaries.items() if m != target], axis=-1)
            states = encoded[target]
            # h_t and the context form the weights; their weighted mean takes the place of the target's summary, so
            # that later hops ask with what this one found.
            mean_BxH, weights_BxT = Hop(name=f"hop_{number}")(context_BxC, states.states_BxTxH, states.mask_BxT)
            summaries[target] = states.append_prosody(mean_BxH)
            attention[f"attention/hop_{number}"] = weights_BxT
        fused_BxS = jnp.concatenate(list(summaries.values()), axis=-1)
        logits = Dense(self.classes, name="classifier")(to_wide(fused_BxS))
        return {"logits": logits, "prediction": logits, **attention}

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns logits [B, classes]."""
        return self(inputs, masks, train=False)["logits"]
