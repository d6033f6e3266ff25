"""Codes that correlate, and networks that make those of a missing modality: DCC-CAE (Dumpala et al. 2018).

    submodule     what it is
    encoder       MLP on the mean of the first modality's steps, without context
    teachers      an MLP for each further modality
    translators   an MLP for each further modality, from the first one's code to that modality's
    classifier    dense layer on the first one's code and those that the translators made

First the encoders learn by `dcca` of each pair of codes and the translators by the error of their codes, without
labels; then what is deployed learns from the labels. The loss of the translators does not move what they are to make.

After what the thesis tells of the paper: there is no public code, and widths are chosen.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.aligned import check_steps
from affect_jax.layers.dense import MLP, Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.masking import zero_padding
from affect_jax.layers.modalities import average_steps, check_modalities, read_sequence
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.wide import to_wide


class _Networks(nn.Module):
    """Modality -> its MLP of what it is given."""

    widths: Sequence[int]

    @nn.compact
    def __call__(self, given: Mapping[str, jax.Array]) -> dict[str, jax.Array]:
        return {m: jnp.tanh(MLP(self.widths, name=m)(x)) for m, x in given.items()}


class Model(nn.Module):
    """DCC-CAE of two or more modalities, of which the first is deployed.

    Attributes:
      modalities: that which is deployed, then those whose codes are made from its code.
      classes: number of classes, or 0 for a number.
      widths: of the encoders and of the translators; the last is that of the codes.
      per_step: a label for each step, which all modalities then share.
    """

    modalities: Sequence[str] = ("audio", "video")
    classes: int = 0
    widths: Sequence[int] = (64, 32)
    per_step: bool = False
    deployed = ("encoder", "translators", "classifier")
    deploys_first = True  # no field: the others of its modalities are of training alone

    @property
    def aligned(self) -> bool:
        """Whether its modalities share their steps."""
        return self.per_step

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
          inputs: modality -> [B, T, D], or [B, D]. The codes of a further modality are left out where the batch lacks
            one of them.
          masks: modality -> bool, the input's shape without its last axis; all False where the modality is missing.
          train: dropout acts; needs the rng stream 'dropout'.
          dropout: rate in front of the classifier; may be traced.
          frozen: submodules whose input has no dropout even when training.

        Returns:
          `logits` and `prediction`, the same, [B, classes] (with steps behind B where `per_step`), or of a regression
          `prediction` alone without the last axis; `latent/m`, the code of each modality, `code/m`, what the
          translator made of it, 0 where m is missing, and `goal/m`, what it was to make.

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        check_modalities("dcc_cae", self.modalities)
        check_classes("dcc_cae", self.classes)
        first, *others = self.modalities
        given = [m for m in self.modalities if m in inputs or m == first]
        sequences = {m: read_sequence(inputs, masks, m) for m in given}
        if self.per_step:
            check_steps("dcc_cae", {m: x.shape[1] for m, (x, _) in sequences.items()})
        vectors = {m: x if self.per_step else average_steps(x, mask) for m, (x, mask) in sequences.items()}
        is_there = {m: mask if self.per_step else mask.any(axis=1) for m, (_, mask) in sequences.items()}
        code = jnp.tanh(MLP(self.widths, name="encoder")(vectors[first]))
        made = _Networks(self.widths, name="translators")(dict.fromkeys(others, code))
        outputs = {f"latent/{first}": zero_padding(code, is_there[first])}
        if len(given) == len(self.modalities):
            codes = _Networks(self.widths, name="teachers")({m: vectors[m] for m in others})
            for m in others:
                outputs[f"latent/{m}"] = zero_padding(codes[m], is_there[m])
                outputs[f"goal/{m}"] = jax.lax.stop_gradient(outputs[f"latent/{m}"])
                outputs[f"code/{m}"] = zero_padding(made[m], is_there[m])
        fused = jnp.concatenate([code, *(made[m] for m in others)], axis=-1)
        acts = train and "classifier" not in frozen
        fused = Dropout(name="drop")(to_wide(fused), dropout, train=acts)
        return outputs | name_outputs(Dense(self.classes or 1, name="classifier")(fused), self.classes)

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions, or logits with an axis of classes, from the first modality and deployed parameters."""
        first = self.modalities[0]
        return self({first: inputs[first]}, masks, train=False)["prediction"]
