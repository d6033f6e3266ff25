"""AMH: attentive modality hopping over three modalities (thesis 4.3; Yoon, Dey, Lee & Jung, ICASSP 2020).

    hop 1 attends over video with the last states of text and audio as the context
    hop 2 attends over audio with text's last state and the result of hop 1
    hop 3 attends over text with the results of hops 1 and 2
    hop 4 attends over video again, and so on
    logits = [newest summaries of the three] M + b

A hop attends over the steps h_t of one modality, its target, with what is known of the others as the context c:

    c = [summaries of the other modalities]        q = c W + b
    a_t = softmax over valid t of h_t . q          new summary of the target = sum over t of a_t h_t

At the start every summary is its modality's last state. Each hop has a W and b of its own.
The order of hops follows from that of `modalities` (text, video, audio): they go to the second, the third, the first,
and around again.

    submodule             what it is                  text (300), video (2048), audio (120) + prosody (35)
    <m>_gru               GRU                         301,200 (200 units), 836,352 (128), 193,200 (200)
    hop_1, hop_4, hop_7   query to video, 435 -> 128  55,808 each
    hop_2, hop_5          query to audio, 328 -> 200  65,800 each
    hop_3, hop_6          query to text, 363 -> 200   72,800 each
    classifier            dense                       3,948

The sizes, the seven hops, the forward GRUs and the form of a hop are those of the training command in the authors'
public code. That code reads no prosody; the thesis says that the model has it, so it joins the audio as in MDRE. The
code applies dropout to what enters the GRUs with one rate for each modality (text .7, the others .3) and trains the
word vectors further; here one rate is a training setting and the word vectors are data.
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
    """AMH of exactly three modalities.

    Attributes:
      modalities: those that are read; hops go to the second, the third, the first, and around again.
      classes: number of classes.
      units: units a direction of the GRUs; one number for all, or one for each modality.
      bidirectional: GRUs run both ways; else forward only.
      prosody: the modality, one vector a clip, that joins the audio; '' for none. Not read where the audio is not.
      audio: the modality it joins.
      hops: number of hops, 1 or more; each has its own parameters.
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
        check_fields("amh", self.modalities, (3,), self.units, self.classes)
        check_hops("amh", self.hops)
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
