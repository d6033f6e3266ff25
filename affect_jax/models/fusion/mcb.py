"""Multimodal compact bilinear pooling: the outer product's count sketch, never formed (Fukui et al. 2016, algorithm 1).

    sketch of x: s[h_i] += sign_i x_i        z = irfft(prod over m of rfft(sketch of x_m))        y = g(z W + b)

    submodule     what it is
    <m>_summary   of a sequence: its mean, statistics, or a GRU's last state (the paper fuses vectors)
    sketch_<m>    h and signs, drawn once; no parameters but running statistics that never change
    classifier    W, b

The convolution of sketches is the sketch of the outer product, of any number of modalities. The paper normalises z
(signed square root, unit length); the public code that numbers were compared with, Cadene/block.bootstrap.pytorch, does
not.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.bilinear import classify, list_summaries, normalize_power, spread_rates, summarize_all
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.modalities import check_modalities
from affect_jax.layers.outputs import check_classes


class CountSketch(nn.Module):
    """x [B, D] -> [B, width]: every entry is added, with its sign, to an entry of the sketch."""

    width: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        # As floats: these lie among running statistics, which the train state carries.
        shape = (x.shape[-1],)
        places = self.variable("batch_stats", "hash", lambda: self._draw(shape, self.width))
        signs = self.variable("batch_stats", "sign", lambda: 2 * self._draw(shape, 2) - 1)
        zeros = jnp.zeros((x.shape[0], self.width), x.dtype)
        return zeros.at[:, places.value.astype(jnp.int32)].add(x * signs.value[None, :])

    def _draw(self, shape: tuple[int, ...], most: int) -> jax.Array:
        return jax.random.randint(self.make_rng("params"), shape, 0, most).astype(jnp.float32)


class Model(nn.Module):
    """MCB of two or more modalities.

    Attributes:
      modalities: those that are read.
      classes: number of classes, or 0 for a regression.
      summary: of a sequence: 'mean', 'statistics', 'attentive' or 'gru'.
      units: of the GRUs.
      width: of the sketch.
      output_activation: '', 'relu', 'tanh' or 'sigmoid'.
      normalize: signed square root and unit length of the sketch.
      dropouts: rates of the projections, of the fused vector and of the output; () for the stage's `dropout`, and none
        of the output.
    """

    modalities: Sequence[str] = ("text", "video", "audio")
    classes: int = 0
    summary: str = "statistics"
    units: int = 64
    width: int = 1024
    output_activation: str = ""
    normalize: bool = True
    dropouts: Sequence[float] = ()

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: all."""
        return (*list_summaries(self.modalities, self.summary), "classifier")

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
        check_modalities("mcb", self.modalities)
        check_classes("mcb", self.classes)
        rates = spread_rates("mcb", self.dropouts, dropout)
        vectors = summarize_all(self.modalities, inputs, masks, self.summary, self.units)
        spectrum = jnp.ones((), jnp.complex64)
        for m, x in vectors.items():
            x = Dropout(name=f"drop_{m}")(x, rates[0], train=train)
            spectrum = spectrum * jnp.fft.rfft(CountSketch(self.width, name=f"sketch_{m}")(x))
        z = jnp.fft.irfft(spectrum, n=self.width)
        z = normalize_power(z) if self.normalize else z
        return classify(z, self.classes, self.output_activation, rates[1:], train)

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes]."""
        return self(inputs, masks, train=False)["prediction"]
