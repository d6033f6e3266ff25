"""A small two-dimensional CNN on log-mel spectrograms, with attentive statistics over time.

Ours; blocks of a 3 x 3 convolution, batch norm, ReLU and a pool are as in VGG (Simonyan & Zisserman 2015) and the audio
networks after it (Kong et al. 2020, PANNs), the pooling over time is Okabe et al.'s (2018). Vectors of other
modalities, such as the mean action units of a face, stand beside the pooled sound.

    submodule     64 bands, T steps, 8 classes                                   trainable
    block_0       16 filters, 2 steps and bands apart, and a pool of 2           176
    block_1, 2    32 and 64 filters, each with a pool of 2                       4,672 + 18,560
    block_3       128 filters: 16 times fewer steps and bands than the input     73,984
    pool          mean and deviation of 4 bands x 128 channels                   32,896
    <m>_dense     a vector of another modality, 35 -> 64                         2,304
    hidden        1,024 -> 128                                                   131,200
    classifier    128 -> 8                                                       1,032
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.attentive_statistics import AttentiveStatistics
from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.modalities import check_modalities, is_present, read_sequence, read_vector
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.spectrogram import SpectrogramBlock
from affect_jax.layers.wide import to_wide


def choose_fields(lengths: Mapping[str, int]) -> dict[str, Any]:
    """The fields that follow from the modalities of one's own corpus: the longest is read as a spectrogram."""
    return dict(modalities=tuple(sorted(lengths, key=lambda modality: -lengths[modality])))


class Model(nn.Module):
    """A spectrogram, convolved and pooled, and the means over time of other modalities.

    Attributes:
      modalities: the spectrogram first, [B, T, bands]; then those of which the mean over time is read.
      classes: number of classes, or 0 for a regression.
      filters: channels of each block.
      stride: of the first block's convolution, in time and frequency.
      attention: units of the hidden layer that weighs steps.
      vector: units for each modality beside the spectrogram.
      hidden: units of the layer in front of the last.
    """

    modalities: Sequence[str] = ("log_mel",)
    classes: int = 0
    filters: Sequence[int] = (16, 32, 64, 128)
    stride: int = 2
    attention: int = 64
    vector: int = 64
    hidden: int = 128

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: all."""
        blocks = (f"block_{index}" for index in range(len(self.filters)))
        return (*blocks, "pool", *(f"{m}_dense" for m in self.modalities[1:]), "hidden", "classifier")

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
        """Returns all outputs.

        Args:
          inputs: modality -> [B, T, D], or [B, D] of vectors.
          masks: modality -> bool [B, T], or [B]; what is padded changes nothing.
          train: dropout and batch norm act as in training; needs the rng stream 'dropout'.
          dropout: rate in front of each of the two last layers; may be traced.
          frozen: submodules that run as when not training.

        Returns:
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B]; `fused`, what the
          layer `hidden` reads.
        """
        check_modalities("spectrogram_cnn", self.modalities, least=1)
        check_classes("spectrogram_cnn", self.classes)
        x, mask = read_sequence(inputs, masks, self.modalities[0])
        x = x[..., None]
        for index, filters in enumerate(self.filters):
            name = f"block_{index}"
            sizes = dict(stride=self.stride if index == 0 else 1, pooled=index < len(self.filters) - 1)
            x, mask = SpectrogramBlock(filters, name=name, **sizes)(x, mask, train=train and name not in frozen)
        steps = x.reshape(*x.shape[:2], -1)
        parts = [AttentiveStatistics(self.attention, name="pool")(steps, mask)]
        for modality in self.modalities[1:]:
            code = nn.relu(Dense(self.vector, name=f"{modality}_dense")(read_vector(inputs, masks, modality)))
            parts.append(jnp.where(is_present(masks, modality)[:, None], code, 0))
        fused = jnp.concatenate(parts, axis=-1)
        y = Dropout(name="drop")(fused, dropout, train=train and "hidden" not in frozen)
        y = nn.relu(Dense(self.hidden, name="hidden")(y))
        y = Dropout(name="drop_hidden")(to_wide(y), dropout, train=train and "classifier" not in frozen)
        return {"fused": fused} | name_outputs(Dense(self.classes or 1, name="classifier")(y), self.classes)

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes]."""
        return self(inputs, masks, train=False)["prediction"]
