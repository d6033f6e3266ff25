"""ConflictNET that also reads what is said: raw speech and the words of a transcript (future work of the thesis, 6.2).

    submodule      what it is                                                      fusion
    speech         ConflictNET; with `cross` its layers before the second LSTM     all but words
    words_lstm     bidirectional LSTM on the vectors of words                      all but speech
    words_dense    dense layer on the mean of its states                           words, late
    speech_asks    multi-head attention: steps of speech ask, words answer         cross
    words_ask      the other way round                                             cross
    dense          dense layer on both answers                                     cross

`late` adds up what ConflictNET and the words answer, each alone. `cross` is the thesis' cross-attention (equations 2.4,
2.5 and the mean over time; section 4.2) between the steps of ConflictNET and the words. `speech` is ConflictNET itself,
`words` the words alone: what the two are compared with. Where an example lacks one of the two, `late` answers by the
other; `cross` has nothing to ask, or nobody to answer, and knows nothing, as in chapter 4. The thesis only names the
task; words' sizes are ours.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.errors import UserError, join_words, suggest_nearest
from affect_jax.layers.dense import Dense
from affect_jax.layers.masked_lstm import MaskedLSTM
from affect_jax.layers.masking import select_modality
from affect_jax.layers.mean_attention import MeanAttention
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.wide import to_wide
from affect_jax.models import conflictnet

FUSIONS = ("speech", "words", "late", "cross")


class Model(nn.Module):
    """ConflictNET with words, and each of the two alone.

    Attributes:
      modalities: the waveform, then the vectors of words.
      classes: number of classes, or 0 for regression.
      fusion: one of `FUSIONS`.
      heads: of each attention; they divide the first of `lstm_units`.
      filters, widths, pools, average_pool, lstm_units, attention_units, momentum: see `conflictnet.Model`. The LSTM of
        words has as many units as ConflictNET's first, half of them in each direction.
    """

    modalities: Sequence[str] = ("voice", "words")
    classes: int = 0
    fusion: str = "cross"
    heads: int = 4
    filters: Sequence[int] = (64, 128, 256)
    widths: Sequence[int] = (6, 4, 4)
    pools: Sequence[int] = (8, 6, 6)
    average_pool: int = 4
    lstm_units: Sequence[int] = (128, 64)
    attention_units: int = 32
    momentum: float = 0.99

    hears_waveforms = True  # no field: the first of its modalities is a column of recordings, as waveforms

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: all."""
        speech = () if self.fusion == "words" else ("speech",)
        words = () if self.fusion == "speech" else ("words_lstm",)
        heads = {"cross": ("speech_asks", "words_ask", "dense"), "speech": ()}
        return (*speech, *words, *heads.get(self.fusion, ("words_dense",)))

    @property
    def reads_padding(self) -> tuple[str, ...]:
        """Modalities whose padding counts: of speech it is silence, and read."""
        return tuple(self.modalities[:1])

    def setup(self) -> None:
        """Builds the submodules.

        Raises:
          UserError: the fields do not fit each other.
        """
        self._check()
        sizes = {name: getattr(self, name) for name in ("filters", "widths", "pools", "average_pool", "lstm_units")}
        sizes |= dict(attention_units=self.attention_units, momentum=self.momentum, classes=self.classes)
        self.speech = conflictnet.Model(modality=self.modalities[0], **sizes)
        self.words_lstm = MaskedLSTM(self.lstm_units[0] // 2, bidirectional=True)
        self.words_dense, self.dense = Dense(self.classes or 1), Dense(self.classes or 1)
        self.speech_asks, self.words_ask = MeanAttention(self.heads), MeanAttention(self.heads)

    def _check(self) -> None:
        check_classes("conflictnet_words", self.classes)
        if self.fusion not in FUSIONS:
            raise UserError(
                f"model 'conflictnet_words' has fusion {self.fusion!r}{suggest_nearest(self.fusion, FUSIONS)}; choose "
                f"one of {join_words(FUSIONS)}"
            )
        if len(self.modalities) != 2:
            raise UserError(
                f"model 'conflictnet_words' reads speech and words, but has modalities {join_words(self.modalities)}; "
                "give it a column of recordings and one of vectors of words, in this order"
            )
        if self.lstm_units[0] % 2 or self.lstm_units[0] % self.heads:
            raise UserError(
                f"model 'conflictnet_words' has {self.lstm_units[0]} units in its first LSTM, which two directions and "
                f"{self.heads} heads must divide; give it others"
            )

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
          inputs: the waveform float32 [B, T, 1] and the words [B, W, D]; where a mask is False, silence and no word.
          masks: modality -> bool, the input's shape without its last axis.
          train: batch norms use the batch's statistics, and dropout acts (rng stream 'dropout').
          dropout: rate of the attentions' weights; may be traced.
          frozen: submodules that stay as they are even when training.

        Returns:
          Regression: `prediction` [B]. Classes: `logits` [B, C], and `prediction`, the same.

        Raises:
          UserError: the model's fields do not fit each other, or the clips are too short for the pools.
        """
        hears = train and "speech" not in frozen
        if self.fusion == "speech":
            return self.speech(inputs, masks, train=hears)
        words_name = self.modalities[1]
        words_mask = masks[words_name]
        words = self.words_lstm(select_modality(inputs, masks, words_name), words_mask)
        if self.fusion == "cross":
            speech = self.speech.hear(inputs, masks, train=hears)
            is_heard = jnp.any(masks[self.modalities[0]], axis=-1)
            speech_mask = jnp.broadcast_to(is_heard[:, None], speech.shape[:2])
            options = [
                dict(train=train and name not in frozen, dropout=dropout) for name in ("speech_asks", "words_ask")
            ]
            of_words = self.speech_asks(speech, words, speech_mask, words_mask, **options[0])
            of_speech = self.words_ask(words, speech, words_mask, speech_mask, **options[1])
            return name_outputs(self.dense(to_wide(jnp.concatenate([of_words, of_speech], axis=-1))), self.classes)
        count = jnp.maximum(words_mask.sum(axis=1), 1).astype(words.dtype)
        answer = self.words_dense(to_wide(words.sum(axis=1) / count[:, None]))
        outputs = name_outputs(answer, self.classes)
        if self.fusion == "words":
            return outputs
        heard = self.speech(inputs, masks, train=hears)
        return {name: value + heard[name] for name, value in outputs.items()}

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, C], by the running statistics."""
        return self(inputs, masks, train=False)["prediction"]
