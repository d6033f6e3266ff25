"""Bilinear pooling: the products of all entries of two modalities, for every pair (Lin et al. 2015).

    z_mn = sum over steps of p_m outer p_n, of modalities that share their steps; else of their means
    y = W [normalised z_mn for all pairs] + b

Each product has its signed square root taken and is brought to length 1, as in the paper.

    submodule        what it is
    <m>_projection   dense layer in front, by which a product has width^2 entries; the paper has none
    classifier

After the paper (which multiplies features of two networks on one picture): no numbers are compared.
"""

import itertools
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.bilinear import normalize_power
from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.masking import zero_padding
from affect_jax.layers.modalities import average_steps, check_modalities, read_sequence
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.wide import to_wide


class Model(nn.Module):
    """Bilinear pooling of two or more modalities.

    Attributes:
      modalities: those that are read.
      classes: number of classes, or 0 for a regression.
      width: of the projections.
    """

    modalities: Sequence[str] = ("text", "video", "audio")
    classes: int = 0
    width: int = 32

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: all."""
        return (*(f"{m}_projection" for m in self.modalities), "classifier")

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
          inputs: modality -> [B, T, D], or [B, D].
          masks: modality -> bool, the input's shape without its last axis; all False where the modality is missing.
          train: dropout acts; needs the rng stream 'dropout'.
          dropout: rate in front of the classifier; may be traced.
          frozen: submodules whose input has no dropout even when training.

        Returns:
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B]; `fused`, the
          normalised products side by side.

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        check_modalities("bilinear", self.modalities)
        check_classes("bilinear", self.classes)
        codes = {}
        for m in self.modalities:
            x, mask = read_sequence(inputs, masks, m)
            codes[m] = zero_padding(Dense(self.width, name=f"{m}_projection")(x), mask), mask
        products = [normalize_power(_multiply(codes[a], codes[b])) for a, b in itertools.combinations(codes, 2)]
        fused = jnp.concatenate(products, axis=-1)
        last = Dropout(name="drop")(fused, dropout, train=train and "classifier" not in frozen)
        y = Dense(self.classes or 1, name="classifier")(to_wide(last))
        return {"fused": fused} | name_outputs(y, self.classes)

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes]."""
        return self(inputs, masks, train=False)["prediction"]


def _multiply(a: tuple[jax.Array, jax.Array], b: tuple[jax.Array, jax.Array]) -> jax.Array:
    """[B, width^2]: the mean product of shared steps, or the product of means."""
    (x, of_x), (y, of_y) = a, b
    if x.shape[1] == y.shape[1]:
        product = jnp.einsum("bti,btj->bij", x, y) / jnp.maximum((of_x & of_y).sum(axis=1), 1)[:, None, None]
    else:
        product = average_steps(x, of_x)[:, :, None] * average_steps(y, of_y)[:, None, :]
    return product.reshape(product.shape[0], product.shape[1] * product.shape[2])
