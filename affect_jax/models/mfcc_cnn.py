"""The network for MFCC that MSAF's authors fuse on RAVDESS, by itself (Su et al. 2020).

    two convolutions over time, widths 7 and padding 2 (each shortens by 2), ReLU; a maximum pool of 8; a third, width 5

    submodule     13 coefficients, 216 frames, 8 classes
    conv_0..2     32, 32, 64 filters           2,944 + 7,200 + 10,304
    norm_0..2     batch norm, behind ReLU (of the second one behind the pool)   64 + 64 + 128
    classifier    a dense layer on all steps, channel by channel: 26 x 64 -> 8   13,320

34,024 parameters. The classifier knows the number of steps, so all clips have one length; padding is zeros that are
read, as in the public code.
"""

from collections.abc import Mapping, Sequence

import jax
from flax import linen as nn

from affect_jax.layers.batch_norm import BatchNorm
from affect_jax.layers.convolve import convolve
from affect_jax.layers.dense import Dense, uniform
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.masking import select_modality
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.pooling import max_pool
from affect_jax.layers.wide import to_wide


class Model(nn.Module):
    """MSAF's network for MFCC.

    Attributes:
      modality: the one that is read, [B, T, coefficients].
      classes: number of classes, or 0 for a regression.
      filters: of the three convolutions.
      widths: of their kernels.
      pool: steps of the maximum pool behind the second one.
    """

    modality: str = "mfcc"
    classes: int = 8
    filters: Sequence[int] = (32, 32, 64)
    widths: Sequence[int] = (7, 7, 5)
    pool: int = 8

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: all."""
        return (*(f"{layer}_{i}" for i in range(len(self.filters)) for layer in ("conv", "norm")), "classifier")

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
          inputs: modality -> [B, T, coefficients], T the same in all calls.
          masks: modality -> bool [B, T]; padding is read as zeros.
          train: dropout and batch norm act as in training; needs the rng stream 'dropout'.
          dropout: rate in front of the classifier; may be traced.
          frozen: submodules that run as when not training.

        Returns:
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B]; `fused`, what the
          classifier reads.
        """
        check_classes("mfcc_cnn", self.classes)
        x = select_modality(inputs, masks, self.modality)
        for i, (filters, width) in enumerate(zip(self.filters, self.widths, strict=True)):
            bound = (x.shape[-1] * width) ** -0.5
            init = dict(kernel_init=uniform(bound), bias_init=uniform(bound), conv_general_dilated=convolve)
            x = nn.relu(nn.Conv(filters, (width,), padding=[(2, 2)], name=f"conv_{i}", **init)(x))
            if i == 1:
                x = max_pool(x, (self.pool,))
            x = BatchNorm(name=f"norm_{i}")(x, train=train and f"norm_{i}" not in frozen)
        flat = x.swapaxes(1, 2).reshape(x.shape[0], x.shape[1] * x.shape[2])
        y = Dropout(name="drop")(to_wide(flat), dropout, train=train and "classifier" not in frozen)
        return {"fused": flat} | name_outputs(Dense(self.classes or 1, name="classifier")(y), self.classes)

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes]."""
        return self(inputs, masks, train=False)["prediction"]
