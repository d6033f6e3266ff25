"""A pretrained encoder of speech (wav2vec 2.0, HuBERT, WavLM, XLS-R), pooled over time, and a head: a clip's answer.

As in SUPERB's utterance-level tasks (Yang et al. 2021, "SUPERB: Speech processing Universal PERformance Benchmark",
section 3.2), which mix the frozen states of all layers by learned weights and take the mean over time; and as in
fine-tuning for emotions (Pepino et al. 2021; Wagner et al. 2023), where the encoder is trained, too. Low-rank adapters
are of Hu et al. 2022. What of it is trained is `encoder.train`, see `encoders.tuning`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.encoders import front, speech
from affect_jax.encoders.tuning import EncoderSettings
from affect_jax.errors import UserError
from affect_jax.layers.masking import select_modality, zero_padding
from affect_jax.layers.outputs import check_classes
from affect_jax.layers.wide import to_wide


class Model(nn.Module):
    """Attributes: `modality`, a waveform at `rate`, which must be 16,000 Hz; `classes`, or 0 for a number; `encoder`;
    `pooling` ('mean' or 'attentive'); `head_units` of a dense layer before the last, 0 without it."""

    modality: str = "speech"
    classes: int = 0
    rate: float = float(speech.RATE)
    encoder: EncoderSettings = EncoderSettings()
    pooling: str = "mean"
    head_units: int = 0

    hears_waveforms = True  # no field: what a config on one's own corpus gives it to read

    @property
    def deployed(self) -> tuple[str, ...]:
        """Submodules that stay after training: all."""
        return front.list_submodules(self.encoder, self._head)

    @property
    def shared(self) -> tuple[str, ...]:
        """Submodules of which all trials of a study read one copy."""
        return front.list_shared(self.encoder)

    def load_submodules(self) -> dict[str, Any]:
        """What the encoder's submodules start with."""
        return front.load_submodules(self.encoder)

    @property
    def _head(self) -> front.Head:
        return front.Head(self.pooling, self.head_units, self.classes)

    def __call__(
        self,
        inputs: Mapping[str, jax.Array],
        masks: Mapping[str, jax.Array],
        *,
        train: bool,
        dropout: float | jax.Array = 0.0,
        frozen: Sequence[str] = (),
    ) -> dict[str, jax.Array]:
        """`prediction` [B], or `logits` and `prediction` [B, C].

        Raises:
          UserError: the recordings were read at another rate, or a setting does not fit.
        """
        del frozen  # the encoder's dropout follows what its settings train
        return self._answer(inputs, masks, train=train, dropout=dropout, merges=False)

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Prediction [B], or logits [B, C]; adapters are part of the kernels."""
        return self._answer(inputs, masks, train=False, dropout=0.0, merges=True)["prediction"]

    @nn.compact
    def _answer(
        self,
        inputs: Mapping[str, jax.Array],
        masks: Mapping[str, jax.Array],
        *,
        train: bool,
        dropout: float | jax.Array,
        merges: bool,
    ) -> dict[str, jax.Array]:
        check_classes("pretrained_speech", self.classes)
        if self.rate != speech.RATE:
            raise UserError(
                f"an encoder of speech hears {speech.RATE:,} Hz, but the recordings are read at {self.rate:,.0f}; set "
                f"config.corpus.rate={speech.RATE}"
            )
        samples, mask = select_modality(inputs, masks, self.modality)[..., 0], masks[self.modality]
        samples = normalise_samples(samples, mask) if self.encoder.normalises else samples
        states, valid = front.encode(self, self.encoder, samples, mask, train=train, merges=merges)
        return front.answer(self._head, states, valid, dropout=dropout, train=train)


def normalise_samples(samples: jax.Array, mask: jax.Array) -> jax.Array:
    """[B, S] with mean 0 and variance 1 over the samples that mask [B, S] has, as `encoders.sound` does with one clip;
    zeros elsewhere."""
    wide = to_wide(samples)
    count = jnp.maximum(mask.sum(axis=1, keepdims=True), 1).astype(wide.dtype)
    centred = zero_padding((wide - wide.sum(axis=1, keepdims=True) / count)[..., None], mask)[..., 0]
    deviation = jnp.sqrt(jnp.square(centred).sum(axis=1, keepdims=True) / count + 1e-7)
    return (centred / deviation).astype(samples.dtype)
