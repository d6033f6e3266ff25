"""A pretrained encoder of words (BERT, RoBERTa, XLM-R, CamemBERT), pooled over pieces, and a head: a text's answer.

Fine-tuned as by Devlin et al. 2019 (section 4.1), but with the mean over all pieces for the first one's state, since
not every encoder was trained to put a text into its first piece; low-rank adapters are of Hu et al. 2022. What of it is
trained is `encoder.train`, see `encoders.tuning`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.encoders import front
from affect_jax.encoders.tuning import EncoderSettings
from affect_jax.layers.masking import select_modality
from affect_jax.layers.outputs import check_classes


class Model(nn.Module):
    """Attributes: `modality`, numbers of word pieces [B, T, 1]; `classes`, or 0 for a number; `encoder`; `pooling`
    ('mean' or 'attentive'); `head_units` of a dense layer before the last, 0 without it."""

    modality: str = "words"
    classes: int = 0
    encoder: EncoderSettings = EncoderSettings(family="bert")
    pooling: str = "mean"
    head_units: int = 0

    reads_words = True  # no field: a column of words becomes numbers of pieces

    @property
    def counted(self) -> tuple[str, ...]:
        """Modalities whose features are whole numbers, which stay float32 in any precision."""
        return (self.modality,)

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
        """`prediction` [B], or `logits` and `prediction` [B, C]."""
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
        check_classes("pretrained_words", self.classes)
        numbers, mask = select_modality(inputs, masks, self.modality)[..., 0], masks[self.modality]
        pieces = jnp.round(numbers).astype(jnp.int32)
        states, valid = front.encode(self, self.encoder, pieces, mask, train=train, merges=merges)
        return front.answer(self._head, states, valid, dropout=dropout, train=train)
