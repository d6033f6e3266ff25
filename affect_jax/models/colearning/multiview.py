"""A multimodal network teaches a network of one modality by its codes and its soft targets (Aguilar et al. 2019).

    submodule   what it is
    teacher     of each modality a bi-LSTM, attention over its steps and a dense layer; attention over modalities
    student     the same of the first modality alone
    *_head      dense layer on the code

The teacher learns first, from the labels. The student then learns from the labels, by the loss `contrastive` to have
the teacher's code of an example near and those of others far, and by `kl` to say what the teacher says.

After what the thesis tells of the paper: there is no public code; widths, margin and temperature are chosen.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.aligned import check_steps
from affect_jax.layers.attentive_code import AttentiveCode
from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.modalities import check_modalities, read_sequence
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.wide import to_wide


class Teacher(nn.Module):
    """The code of all modalities, [B, units] or of `per_step` [B, T, units]: a mean of theirs, weighed by attention."""

    units: int
    per_step: bool

    @nn.compact
    def __call__(self, sequences: Mapping[str, tuple[jax.Array, jax.Array]]) -> jax.Array:
        encoders = {m: AttentiveCode(self.units, self.per_step, name=m) for m in sequences}
        codes = jnp.stack([encoders[m](x, mask) for m, (x, mask) in sequences.items()], axis=-2)
        masks = [mask if self.per_step else mask.any(axis=1) for _, mask in sequences.values()]
        is_there = jnp.stack(masks, axis=-1)
        scores = to_wide(Dense(1, name="score")(jnp.tanh(Dense(self.units, name="attention")(codes))))[..., 0]
        weights = jnp.where(is_there, nn.softmax(jnp.where(is_there, scores, -1e30)), 0).astype(codes.dtype)
        return jnp.einsum("...m,...md->...d", weights, codes)


class Model(nn.Module):
    """The student of the first modality, and its teacher of all.

    Attributes:
      modalities: that of the student first; the teacher reads all.
      classes: number of classes, or 0 for a number.
      units: of all layers.
      per_step: a label for each step, which all modalities then share.
    """

    modalities: Sequence[str] = ("audio", "text")
    classes: int = 0
    units: int = 64
    per_step: bool = False
    deployed = ("student", "student_head")
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
          inputs: modality -> [B, T, D], or [B, D]. The teacher is left out where the batch lacks a modality.
          masks: modality -> bool, the input's shape without its last axis; all False where the modality is missing.
          train: dropout acts; needs the rng stream 'dropout'.
          dropout: rate in front of the heads; may be traced.
          frozen: submodules whose input has no dropout even when training.

        Returns:
          `logits` and `prediction`, the same, [B, classes] (with steps behind B where `per_step`), or of a regression
          `prediction` alone without the last axis, of the student; the same of the teacher as `logits/teacher` and
          `prediction/teacher`; their codes `latent/student` and `latent/teacher`.

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        check_modalities("multiview", self.modalities)
        check_classes("multiview", self.classes)
        x, mask = read_sequence(inputs, masks, self.modalities[0])
        codes = {"student": AttentiveCode(self.units, self.per_step, name="student")(x, mask)}
        if all(m in inputs for m in self.modalities):
            sequences = {m: read_sequence(inputs, masks, m) for m in self.modalities}
            if self.per_step:
                check_steps("multiview", {m: x.shape[1] for m, (x, _) in sequences.items()})
            codes["teacher"] = Teacher(self.units, self.per_step, name="teacher")(sequences)
        outputs: dict[str, jax.Array] = {}
        for owner, code in codes.items():
            acts = train and f"{owner}_head" not in frozen
            dropped = Dropout(name=f"{owner}_drop")(to_wide(code), dropout, train=acts)
            named = name_outputs(Dense(self.classes or 1, name=f"{owner}_head")(dropped), self.classes)
            outputs |= named if owner == "student" else {f"{name}/{owner}": y for name, y in named.items()}
            outputs[f"latent/{owner}"] = code
        return outputs

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions, or logits with an axis of classes, from the first modality and deployed parameters."""
        first = self.modalities[0]
        return self({first: inputs[first]}, masks, train=False)["prediction"]
