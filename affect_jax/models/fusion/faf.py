"""Word-level fusion with attention (Gu et al. 2018): FAF, and the horizontal and vertical fusion that it grew from.

Modalities share their steps, such as words with the sound of each. Each goes through a bi-GRU; a(t) are its weights
over the steps, softmax(v . tanh(W h(t) + b)).

    fusion       what a step is
    horizontal   [a_m(t) h_m(t) for all m]
    vertical     [s(t) h_m(t) for all m], s the mean of the modalities' a
    fine         the vertical one times (softmax(v . tanh(W x + b)) + s)(t), x that step: attention once more (FAF)

    submodule       what it is
    <m>_gru         bi-GRU
    <m>_attention   W, b and v: `dense`, `score`
    fine            the same of the fused steps
    convolution     of `span` steps with ReLU, whose greatest value over the steps is read by
    classifier

After the paper: there is no public code. Its text goes through embeddings and its audio through spectral coefficients
of each word; here both are features. Widths are chosen here.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.errors import UserError, join_words, suggest_nearest
from affect_jax.layers.aligned import read_aligned
from affect_jax.layers.convolve import convolve
from affect_jax.layers.dense import Dense, uniform
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.masking import zero_padding
from affect_jax.layers.modalities import check_modalities
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.recurrent import BiGRU
from affect_jax.layers.wide import to_wide

FUSION = ("horizontal", "vertical", "fine")


class StepWeights(nn.Module):
    """Weights [B, T] of steps x [B, T, D], whose sum is 1; 0 at padded steps."""

    features: int

    @nn.compact
    def __call__(self, x: jax.Array, mask: jax.Array) -> jax.Array:
        score = nn.Dense(1, use_bias=False, name="score")
        scores = to_wide(score(jnp.tanh(Dense(self.features, name="dense")(x))))[..., 0]
        return jnp.where(mask, nn.softmax(jnp.where(mask, scores, -1e30)), 0).astype(x.dtype)


class Model(nn.Module):
    """Word-level fusion of two or more modalities.

    Attributes:
      modalities: those that are read, with shared steps.
      classes: number of classes, or 0 for a regression.
      fusion: 'horizontal', 'vertical' or 'fine'.
      units: of the GRUs, a direction.
      width: of the attentions.
      filters: of the convolution.
      span: steps of the convolution.
    """

    modalities: Sequence[str] = ("text", "audio")
    classes: int = 0
    fusion: str = "fine"
    units: int = 64
    width: int = 64
    filters: int = 64
    span: int = 3

    aligned = True
    """Its modalities share their steps."""

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: all."""
        each = [f"{m}_{name}" for m in self.modalities for name in ("gru", "attention")]
        return (*each, *(["fine"] if self.fusion == "fine" else []), "convolution", "classifier")

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
          dropout: rate in front of the convolution and the classifier; may be traced.
          frozen: submodules whose input has no dropout even when training.

        Returns:
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B]; `latent/<m>`,
          the GRUs' states [B, T, 2 * units]; `weights/<m>` [B, T]; `fused`, what the classifier reads.

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        check_modalities("faf", self.modalities)
        check_classes("faf", self.classes)
        if self.fusion not in FUSION:
            raise UserError(
                f"model 'faf' has fusion {self.fusion!r}{suggest_nearest(self.fusion, FUSION)}; choose one of "
                f"{join_words(FUSION)}"
            )
        sequences, mask = read_aligned("faf", inputs, masks, self.modalities)
        states = {m: BiGRU(self.units, name=f"{m}_gru")(x, mask) for m, x in sequences.items()}
        weights = {m: StepWeights(self.width, name=f"{m}_attention")(h, mask) for m, h in states.items()}
        x = self._fuse(states, weights, mask)
        x = Dropout(name="drop_0")(x, dropout, train=train and "convolution" not in frozen)
        bound = uniform((self.span * x.shape[-1]) ** -0.5)
        conv = nn.Conv(
            self.filters,
            (self.span,),
            kernel_init=bound,
            bias_init=bound,
            conv_general_dilated=convolve,
            name="convolution",
        )
        fused = zero_padding(nn.relu(conv(x)), mask).max(axis=1)  # a ReLU's value is 0 or more
        last = Dropout(name="drop_1")(fused, dropout, train=train and "classifier" not in frozen)
        outputs = {f"latent/{m}": h for m, h in states.items()} | {f"weights/{m}": a for m, a in weights.items()}
        y = Dense(self.classes or 1, name="classifier")(to_wide(last))
        return outputs | {"fused": fused} | name_outputs(y, self.classes)

    def _fuse(self, states: Mapping[str, jax.Array], weights: Mapping[str, jax.Array], mask: jax.Array) -> jax.Array:
        """The fused steps [B, T, 2 * units * modalities]."""
        mean = sum(weights.values()) / len(weights)
        if self.fusion == "horizontal":
            return jnp.concatenate([weights[m][..., None] * h for m, h in states.items()], axis=-1)
        steps = jnp.concatenate([mean[..., None] * h for h in states.values()], axis=-1)
        if self.fusion == "vertical":
            return steps
        return steps * (StepWeights(self.width, name="fine")(steps, mask) + mean)[..., None]

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes]."""
        return self(inputs, masks, train=False)["prediction"]
