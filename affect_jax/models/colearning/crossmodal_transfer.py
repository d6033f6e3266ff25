"""A teacher says what is seen, and a student learns to hear the same, without a label (Albanie et al. 2018).

    submodule   what it is
    teachers    of each further modality dense layers with ReLU and a head, on every step alone; of a class the
                greatest logit of all steps counts
    student     dense layers with ReLU on every step of the first modality, whose means over the steps a head reads

The teachers learn first, from the labels. The student then learns by the loss `kl` from each teacher's logits alone
(temperature 2, as in the public code): it sees no label. The paper's teacher is a SENet on faces and its student a
VGG-M on spectrograms; here both are dense layers on features, and there may be several teachers. Of a number, the mean
over the steps counts, and the student learns it by its squared error.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.aligned import check_steps
from affect_jax.layers.dense import MLP, Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.modalities import average_steps, check_modalities, read_sequence
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.wide import to_wide


class Teachers(nn.Module):
    """Modality -> what its network says of each step, [B, T, outputs]."""

    widths: Sequence[int]
    outputs: int

    @nn.compact
    def __call__(
        self, sequences: Mapping[str, jax.Array], *, dropout: float | jax.Array, acts: bool
    ) -> dict[str, jax.Array]:
        drop, said = Dropout(name="drop"), {}
        for m, x in sequences.items():
            hidden = nn.relu(MLP(self.widths, nn.relu, name=m)(x))
            said[m] = Dense(self.outputs, name=f"{m}_head")(to_wide(drop(hidden, dropout, train=acts)))
        return said


class Model(nn.Module):
    """The student of the first modality, and a teacher of each further one.

    Attributes:
      modalities: that of the student, then those of its teachers.
      classes: number of classes, or 0 for a number.
      widths: of the dense layers of each network.
      per_step: a label for each step, which all modalities then share.
    """

    modalities: Sequence[str] = ("audio", "video")
    classes: int = 0
    widths: Sequence[int] = (64, 64)
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
          inputs: modality -> [B, T, D], or [B, D]. Teachers are left out where the batch lacks one's modality.
          masks: modality -> bool, the input's shape without its last axis; all False where the modality is missing.
          train: dropout acts; needs the rng stream 'dropout'.
          dropout: rate in front of the heads; may be traced.
          frozen: submodules whose input has no dropout even when training.

        Returns:
          `logits` and `prediction`, the same, [B, classes] (with steps behind B where `per_step`), or of a regression
          `prediction` alone without the last axis, of the student; the same of each teacher m as `logits/m` and
          `prediction/m`, and of the mean of all teachers as `logits/teachers` and `prediction/teachers`.

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        check_modalities("crossmodal_transfer", self.modalities)
        check_classes("crossmodal_transfer", self.classes)
        first, *others = self.modalities
        x, mask = read_sequence(inputs, masks, first)
        outputs: dict[str, jax.Array] = {}
        if all(m in inputs for m in others):
            sequences = {m: read_sequence(inputs, masks, m) for m in others}
            if self.per_step:
                steps = {m: y.shape[1] for m, (y, _) in sequences.items()}
                check_steps("crossmodal_transfer", {first: x.shape[1], **steps})
            teachers = Teachers(self.widths, self.classes or 1, name="teachers")
            acts = train and "teachers" not in frozen
            said = teachers({m: y for m, (y, _) in sequences.items()}, dropout=dropout, acts=acts)
            pooled = {m: self._pool(y, sequences[m][1]) for m, y in said.items()}
            pooled["teachers"] = sum(pooled.values()) / len(pooled)
            for m, y in pooled.items():
                outputs |= {f"{name}/{m}": value for name, value in name_outputs(y, self.classes).items()}
        hidden = nn.relu(MLP(self.widths, nn.relu, name="student")(x))
        code = hidden if self.per_step else average_steps(hidden, mask)
        acts = train and "student_head" not in frozen
        dropped = Dropout(name="student_drop")(to_wide(code), dropout, train=acts)
        return outputs | name_outputs(Dense(self.classes or 1, name="student_head")(dropped), self.classes)

    def _pool(self, said_BxTxC: jax.Array, mask_BxT: jax.Array) -> jax.Array:
        """What a teacher says of an item: of classes the greatest logits of its steps; zeros where it has none."""
        if self.per_step:
            return said_BxTxC
        if not self.classes:
            return average_steps(said_BxTxC, mask_BxT)
        greatest = jnp.where(mask_BxT[..., None], said_BxTxC, -jnp.inf).max(axis=1)
        return jnp.where(mask_BxT.any(axis=1)[:, None], greatest, 0)

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions, or logits with an axis of classes, from the first modality and deployed parameters."""
        first = self.modalities[0]
        return self({first: inputs[first]}, masks, train=False)["prediction"]
