"""Multimodal transfer module: each modality's channels are gated by what all of them hold (Joze et al. 2020).

    s = relu([mean of x_1; mean of x_2; ...] W + b)        x_m <- x_m * 2 sigmoid(s W_m + b_m)

Between the stages of the modalities' networks stands a module each, which never mixes steps, so sequences of different
lengths and vectors go together. The last stage's mean over time goes to a head each; the prediction is their mean, as
in the paper.

    submodule           what it is
    <m>_stage_<i>       a dense layer with ReLU on every step
    transfer_<i>        the module behind it: `squeeze` and, for each modality, `gate_<m>`
    <m>_head            logits, or a number

`fidelity='authors'` gates by the sigmoid alone, as the public code does; the paper has twice the sigmoid, which leaves
features as they are where the module says nothing. With `widths=()` the model is one module on the features
themselves, which is what the public code has weights of; it has no heads, and gives `fused/<m>` alone.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.errors import UserError, suggest_nearest
from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.modalities import average_steps, check_modalities, is_present, read_sequence
from affect_jax.layers.outputs import average_heads, check_classes, name_outputs
from affect_jax.layers.wide import to_wide

FIDELITY = ("paper", "authors")


class Transfer(nn.Module):
    """One module: modality -> (x [B, T, D], mask [B, T]); returns modality -> x gated.

    Attributes:
      ratio: the squeezed code has 2 / ratio of all channels.
      factor: of the sigmoid.
    """

    ratio: int
    factor: float

    @nn.compact
    def __call__(self, features: Mapping[str, tuple[jax.Array, jax.Array]]) -> dict[str, jax.Array]:
        means = jnp.concatenate([average_steps(x, mask) for x, mask in features.values()], axis=-1)
        width = int(2 * means.shape[-1] / self.ratio)
        code = nn.relu(Dense(width, name="squeeze")(means))
        gates = {m: nn.sigmoid(Dense(x.shape[-1], name=f"gate_{m}")(code)) for m, (x, _) in features.items()}
        return {m: x * (self.factor * gates[m][:, None]).astype(x.dtype) for m, (x, _) in features.items()}


class Model(nn.Module):
    """Networks of dense layers, joined by transfer modules.

    Attributes:
      modalities: those that are read.
      classes: number of classes, or 0 for a regression.
      widths: of the stages, the same for all modalities; () for one module on the features themselves, and no heads.
      ratio: of the modules.
      fidelity: 'paper' or 'authors'.
    """

    modalities: Sequence[str] = ("video", "audio")
    classes: int = 0
    widths: Sequence[int] = (64, 64)
    ratio: int = 4
    fidelity: str = "paper"

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: all."""
        stages = [f"{m}_stage_{i}" for m in self.modalities for i in range(len(self.widths))]
        transfers = [f"transfer_{i}" for i in range(max(len(self.widths), 1))]
        return (*stages, *transfers, *(f"{m}_head" for m in self.modalities if self.widths))

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
          dropout: rate in front of the heads; may be traced.
          frozen: submodules whose input has no dropout even when training.

        Returns:
          `fused/<m>` [B, T, D_m], the gated features; with heads also `logits/<m>` and `prediction/<m>`, and their mean
          over the modalities that are there, `logits` and `prediction`.

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        check_modalities("mmtm", self.modalities)
        check_classes("mmtm", self.classes)
        if self.fidelity not in FIDELITY:
            raise UserError(
                f"model 'mmtm' has fidelity {self.fidelity!r}{suggest_nearest(self.fidelity, FIDELITY)}; choose one of "
                f"{FIDELITY}"
            )
        factor = 1.0 if self.fidelity == "authors" else 2.0
        features = {m: read_sequence(inputs, masks, m) for m in self.modalities}
        for stage, width in enumerate(self.widths or (0,)):
            if width:
                features = {
                    m: (nn.relu(Dense(width, name=f"{m}_stage_{stage}")(x)), mask) for m, (x, mask) in features.items()
                }
            gated = Transfer(self.ratio, factor, name=f"transfer_{stage}")(features)
            features = {m: (gated[m], mask) for m, (_, mask) in features.items()}
        outputs = {f"fused/{m}": x for m, (x, _) in features.items()}
        if not self.widths:
            return outputs
        heads = {}
        for m, (x, mask) in features.items():
            mean = Dropout(name=f"{m}_drop")(average_steps(x, mask), dropout, train=train and f"{m}_head" not in frozen)
            heads[m] = Dense(self.classes or 1, name=f"{m}_head")(to_wide(mean))
            outputs |= {f"{name}/{m}": y for name, y in name_outputs(heads[m], self.classes).items()}
        mean = average_heads(heads, {m: is_present(masks, m) for m in heads})
        return outputs | name_outputs(mean, self.classes)

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes]; of a module alone its features' means, [B, sum of D]."""
        outputs = self(inputs, masks, train=False)
        if self.widths:
            return outputs["prediction"]
        pairs = [(outputs[f"fused/{m}"], read_sequence(inputs, masks, m)[1]) for m in self.modalities]
        return jnp.concatenate([average_steps(x, mask) for x, mask in pairs], axis=-1)
