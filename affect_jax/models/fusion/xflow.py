"""Cross-connections between the networks of modalities: X-CNN (Velickovic et al. 2016), XFlow (Cangea et al. 2017).

Each modality has a network of its own. Behind every stage but the last, each gets what the others hold there: a dense
layer on every step with PReLU (a convolution of width 1), beside its own features. Between sequences of other lengths
steps are matched by their relative position; a vector is given to every step of a sequence, and a sequence's mean to a
vector. With `residual`, as in XFlow, the inputs of the others also go to the last stage.

    submodule                what it is
    <m>_stage_<i>            convolution of `span` steps with ReLU; of a vector, its middle weights are a dense layer
    <n>_to_<m>_<i>           cross-connection behind stage i: `dense`, `slope` of the PReLU
    <n>_input_to_<m>         residual cross-connection, the same
    hidden, classifier       dense layers on the means over steps side by side

After the papers: their networks read pictures and pool them, and no public code of X-CNN's sequences exists; widths are
chosen here.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.convolve import convolve
from affect_jax.layers.dense import Dense, uniform
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.masking import zero_padding
from affect_jax.layers.modalities import average_steps, check_modalities, read_sequence
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.wide import to_wide

_SLOPE = 0.25  # of a PReLU at the start, PyTorch's

Code = tuple[jax.Array, jax.Array]
"""[B, T, D], and its mask [B, T]."""


class CrossConnection(nn.Module):
    """A modality's features for another's steps: two codes -> [B, T of the other, features]."""

    features: int

    @nn.compact
    def __call__(self, source: Code, target: Code) -> jax.Array:
        x, mask = source
        y = Dense(self.features, name="dense")(x)
        slope = self.param("slope", nn.initializers.constant(_SLOPE), (self.features,))
        y = zero_padding(jnp.maximum(y, 0) + slope[None, None] * jnp.minimum(y, 0), mask)
        return zero_padding(match_steps(y, mask, target[1]), target[1])


class Stage(nn.Module):
    """Convolution over `span` steps with ReLU: [B, T, D] -> [B, T, features], 0 at padded steps.

    Also of a vector, one step: parameters that depended on a batch's steps would not fit its next one.
    """

    features: int
    span: int

    @nn.compact
    def __call__(self, x: jax.Array, mask: jax.Array) -> jax.Array:
        bound = uniform((self.span * x.shape[-1]) ** -0.5)
        conv = nn.Conv(
            self.features, (self.span,), kernel_init=bound, bias_init=bound, conv_general_dilated=convolve, name="conv"
        )
        return zero_padding(nn.relu(conv(x)), mask)


class Model(nn.Module):
    """Networks with cross-connections of two or more modalities.

    Attributes:
      modalities: those that are read.
      classes: number of classes, or 0 for a regression.
      widths: of the stages, the same for all modalities.
      crossed: width of a cross-connection.
      span: steps of a convolution.
      residual: the inputs of the others go to the last stage, too (XFlow).
      hidden: width of the dense layer in front of the classifier.
    """

    modalities: Sequence[str] = ("video", "audio")
    classes: int = 0
    widths: Sequence[int] = (64, 64)
    crossed: int = 32
    span: int = 3
    residual: bool = True
    hidden: int = 64

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: all."""
        stages = [f"{m}_stage_{i}" for m in self.modalities for i in range(len(self.widths))]
        pairs = [(n, m) for m in self.modalities for n in self.modalities if n != m]
        crossed = [f"{n}_to_{m}_{i}" for n, m in pairs for i in range(len(self.widths) - 1)]
        inputs = [f"{n}_input_to_{m}" for n, m in pairs if self.residual]
        return (*stages, *crossed, *inputs, "hidden", "classifier")

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
          dropout: rate in front of the last two layers; may be traced.
          frozen: submodules whose input has no dropout even when training.

        Returns:
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B]; `latent/<m>`
          [B, T, width] and `fused`.

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        check_modalities("xflow", self.modalities)
        check_classes("xflow", self.classes)
        read = {m: read_sequence(inputs, masks, m) for m in self.modalities}
        codes = dict(read)
        for stage, width in enumerate(self.widths):
            if stage:
                codes = self._cross(codes, "{n}_to_{m}_" + str(stage - 1), codes)
            if self.residual and stage == len(self.widths) - 1:
                codes = self._cross(codes, "{n}_input_to_{m}", read)
            codes = {
                m: (Stage(width, self.span, name=f"{m}_stage_{stage}")(x, mask), mask) for m, (x, mask) in codes.items()
            }
        outputs = {f"latent/{m}": x for m, (x, _) in codes.items()}
        fused = jnp.concatenate([average_steps(x, mask) for x, mask in codes.values()], axis=-1)
        x = Dropout(name="drop_0")(fused, dropout, train=train and "hidden" not in frozen)
        x = nn.relu(Dense(self.hidden, name="hidden")(x))
        x = Dropout(name="drop_1")(x, dropout, train=train and "classifier" not in frozen)
        y = Dense(self.classes or 1, name="classifier")(to_wide(x))
        return outputs | {"fused": fused} | name_outputs(y, self.classes)

    def _cross(self, codes: Mapping[str, Code], name: str, given: Mapping[str, Code]) -> dict[str, Code]:
        """Every modality's code with what the others `given` beside it."""
        joined = {}
        for m, (x, mask) in codes.items():
            others = [n for n in codes if n != m]
            crossed = [CrossConnection(self.crossed, name=name.format(n=n, m=m))(given[n], (x, mask)) for n in others]
            joined[m] = jnp.concatenate([x, *crossed], axis=-1), mask
        return joined

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes]."""
        return self(inputs, masks, train=False)["prediction"]


def match_steps(x_BxSxD: jax.Array, mask_BxS: jax.Array, other_BxT: jax.Array) -> jax.Array:
    """[B, T, D]: for each step of the other the one at its relative position; the mean where the other has one step."""
    own_Bx1, others_Bx1 = (mask.sum(axis=1, keepdims=True) for mask in (mask_BxS, other_BxT))
    middle_BxT = (2 * jnp.arange(other_BxT.shape[1])[None] + 1) * own_Bx1 // (2 * jnp.maximum(others_Bx1, 1))
    at_BxT = jnp.clip(middle_BxT, 0, jnp.maximum(own_Bx1 - 1, 0))
    matched_BxTxD = jnp.take_along_axis(x_BxSxD, at_BxT[..., None], axis=1)
    return jnp.where(others_Bx1[..., None] == 1, average_steps(x_BxSxD, mask_BxS)[:, None], matched_BxTxD)
