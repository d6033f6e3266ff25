"""Multimodal low-rank bilinear pooling: the product of projections (Kim et al. 2017, eq. 7).

    z = prod over m of f(x_m W_m + b_m)        y = g(z W + b)

    submodule       what it is
    <m>_summary     of a sequence: its mean, statistics, or a GRU's last state (the paper fuses vectors)
    <m>_projection  W_m, b_m
    classifier      W, b

A bilinear form whose matrices have rank `width`, of any number of modalities. Numbers were compared with those of
Cadene/block.bootstrap.pytorch.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.activations import activate
from affect_jax.layers.bilinear import classify, list_summaries, normalize_power, spread_rates, summarize_all
from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.modalities import check_modalities
from affect_jax.layers.outputs import check_classes


class Model(nn.Module):
    """MLB of two or more modalities.

    Attributes:
      modalities: those that are read.
      classes: number of classes, or 0 for a regression.
      summary: of a sequence: 'mean', 'statistics', 'attentive' or 'gru'.
      units: of the GRUs.
      width: of the projections.
      activation: of the projections: '', 'relu', 'tanh' or 'sigmoid'.
      output_activation: of the output, likewise.
      normalize: signed square root and unit length of the product.
      dropouts: rates of the projections, of the fused vector and of the output; () for the stage's `dropout`, and none
        of the output.
    """

    modalities: Sequence[str] = ("text", "video", "audio")
    classes: int = 0
    summary: str = "statistics"
    units: int = 64
    width: int = 64
    activation: str = "tanh"
    output_activation: str = ""
    normalize: bool = False
    dropouts: Sequence[float] = ()

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: all."""
        projections = [f"{m}_projection" for m in self.modalities]
        return (*list_summaries(self.modalities, self.summary), *projections, "classifier")

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
          dropout: rate, where the model has no rates of its own; may be traced.
          frozen: no effect: the submodules are trained together.

        Returns:
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B]; `fused` [B, width].

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        del frozen
        check_modalities("mlb", self.modalities)
        check_classes("mlb", self.classes)
        rates = spread_rates("mlb", self.dropouts, dropout)
        vectors = summarize_all(self.modalities, inputs, masks, self.summary, self.units)
        product = jnp.ones((), jnp.float32)
        for m, x in vectors.items():
            code = activate(Dense(self.width, name=f"{m}_projection")(x), self.activation)
            product = product * Dropout(name=f"drop_{m}")(code, rates[0], train=train)
        z = normalize_power(product) if self.normalize else product
        return classify(z, self.classes, self.output_activation, rates[1:], train)

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes]."""
        return self(inputs, masks, train=False)["prediction"]
