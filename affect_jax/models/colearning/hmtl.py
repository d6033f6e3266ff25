"""Heterogeneous modality transfer learning: a strong modality shapes the embedding of a weak one (Seo et al. 2020,
HMTL).

    submodule         what it is
    student           embedding of the first modality: biGRU, dense layer, biGRU, self-attention over time
    teachers          an embedding of each other modality, with dense layers that score
    classifier        dense layer with ReLU, and one that scores the student's embedding
    decoder           for each teacher: dense layers with ReLU and tanh, the student's embedding -> the teacher's
    discriminator     for each teacher: dense layers with ReLU, one logit: is an embedding the teacher's?

The teachers learn first. Then decoder (by the squared error, with the student's embedding), discriminator, student
(which fools it) and classifier (with the student) take turns.

After the paper as the thesis and others describe it (it was not at hand, and there is no public code); widths are ours.
Its attention between two targets is not here: there is one student.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
from flax import linen as nn

from affect_jax.layers.aligned import check_steps
from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.modalities import average_steps, is_present
from affect_jax.layers.outputs import average_heads, check_classes
from affect_jax.layers.recurrent import BiGRU
from affect_jax.layers.streams import check_roles, fix_target, name_scores, read_sequences, unfold_steps
from affect_jax.layers.wide import to_wide


class Embedding(nn.Module):
    """A sequence [B, T, D] under its mask [B, T] -> [B, 2 units]: the mean of its steps, each times its attention; or,
    `per_step`, these steps, [B T, 2 units]."""

    units: int
    per_step: bool = False

    @nn.compact
    def __call__(
        self, x: jax.Array, mask: jax.Array, *, train: bool = False, dropout: float | jax.Array = 0.0
    ) -> jax.Array:
        x = BiGRU(self.units, name="gru_0")(x, mask)
        x = nn.relu(Dense(self.units, name="dense")(x))
        x = Dropout(name="drop")(to_wide(x), dropout, train=train)
        x = BiGRU(self.units, name="gru_1")(x, mask)
        x = nn.sigmoid(Dense(1, name="attention")(x)) * x
        return x.reshape(x.shape[0] * x.shape[1], x.shape[2]) if self.per_step else average_steps(x, mask)


class Scorer(nn.Module):
    """A dense layer with ReLU, and one that scores: [B, W] -> [B, outputs]."""

    width: int
    outputs: int

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool = False, dropout: float | jax.Array = 0.0) -> jax.Array:
        x = Dropout(name="drop")(to_wide(nn.relu(Dense(self.width, name="hidden")(x))), dropout, train=train)
        return Dense(self.outputs, name="head")(x)


class Teachers(nn.Module):
    """An embedding and a scorer for each of some names, whose parameters are one submodule of a model."""

    names: Sequence[str]
    units: int
    outputs: int
    per_step: bool = False

    @nn.compact
    def __call__(
        self, sequences: Mapping[str, tuple[jax.Array, jax.Array]], **acts: Any
    ) -> dict[str, tuple[jax.Array, jax.Array]]:
        """Returns name -> embedding [B, W] and scores [B, outputs], of the names that `sequences` has."""
        made = {}
        for name in (name for name in self.names if name in sequences):
            make = Embedding(self.units, self.per_step, name=f"{name}_embedding")
            embedding = make(*sequences[name], **acts)
            made[name] = embedding, Scorer(self.units, self.outputs, name=f"{name}_classifier")(embedding, **acts)
        return made


class Decoders(nn.Module):
    """For each of some names a student's embedding [B, W] -> a teacher's [B, W]; one submodule of a model."""

    names: Sequence[str]
    width: int

    @nn.compact
    def __call__(self, embedding: jax.Array) -> dict[str, jax.Array]:
        return {m: nn.tanh(Scorer(self.width, embedding.shape[-1], name=m)(embedding)) for m in self.names}


class Discriminators(nn.Module):
    """For each of some names an embedding [B, W] -> a logit [B]: is it the teacher's? One submodule of a model."""

    names: Sequence[str]
    width: int

    @nn.compact
    def __call__(self, embeddings: Mapping[str, tuple[jax.Array, ...]]) -> dict[str, tuple[jax.Array, ...]]:
        judges = {name: Scorer(self.width, 1, name=name) for name in self.names if name in embeddings}
        return {name: tuple(judge(one)[..., 0] for one in embeddings[name]) for name, judge in judges.items()}


class Model(nn.Module):
    """HMTL of two or more modalities, of which the first is deployed.

    Attributes:
      modalities: that which is deployed, then its teachers.
      classes: number of classes, or 0 for a number.
      units: of each direction of a GRU, and of the dense layers.
      per_step: a label for each step, which all modalities then share; each step has an embedding.
    """

    modalities: Sequence[str] = ("video", "text")
    classes: int = 0
    units: int = 64
    per_step: bool = False

    deployed = ("student", "classifier")
    """Names of the submodules that stay after training."""
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
          inputs: modality -> [B, T, D], or [B, D]. Teachers that the batch lacks are left out.
          masks: modality -> bool, the input's shape without its last axis; all False where the modality is missing.
          train: dropout acts; needs the rng stream 'dropout'.
          dropout: rate inside of embeddings and classifiers; may be traced.
          frozen: submodules without dropout even when training.

        Returns:
          With steps behind B where `per_step`:
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B], of the student;
          likewise `logits/<m>` of each teacher, and `logits/teachers` of these together. `decoded/<m>`, what the
          decoder makes of the student's embedding, and `embedding/<m>`, the teacher's, [B, 2 units]. `real/<m>` and
          `imitated/<m>` [B]: what the discriminator says of the embeddings of teacher and student.

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        check_roles("hmtl", self.modalities)
        check_classes("hmtl", self.classes)
        (first, *others), count = self.modalities, self.classes or 1
        sequences = read_sequences(inputs, masks, self.modalities, initial=self.is_initializing())
        acts = {
            name: dict(train=train and name not in frozen, dropout=dropout) for name in (*self.deployed, "teachers")
        }
        lead = sequences[first][0].shape[:2] if self.per_step else ()
        if self.per_step:
            check_steps("hmtl", {m: x.shape[1] for m, (x, _) in sequences.items()})
        student = Embedding(self.units, self.per_step, name="student")(*sequences[first], **acts["student"])
        scores = {"": Scorer(self.units, count, name="classifier")(student, **acts["classifier"])}
        taught = Teachers(others, self.units, count, self.per_step, name="teachers")(sequences, **acts["teachers"])
        if taught:
            present = {m: sequences[m][1].ravel() if self.per_step else is_present(masks, m) for m in taught}
            scores |= {f"/{m}": y for m, (_, y) in taught.items()}
            scores["/teachers"] = average_heads({m: y for m, (_, y) in taught.items()}, present)
        outputs = name_scores(scores, self.classes)
        if taught:
            outputs |= self._compare(student, {m: embedding for m, (embedding, _) in taught.items()}, present)
        return unfold_steps(outputs, lead) if self.per_step else outputs

    def _compare(
        self, student: jax.Array, taught: Mapping[str, jax.Array], present: Mapping[str, jax.Array]
    ) -> dict[str, jax.Array]:
        """What decoders and discriminators say of embeddings."""
        outputs = {}
        for m, decoded in Decoders(tuple(taught), self.units, name="decoder")(student).items():
            outputs |= {f"decoded/{m}": decoded, f"embedding/{m}": fix_target(decoded, taught[m], present[m])}
        pairs = {m: (embedding, student) for m, embedding in taught.items()}
        for m, (real, imitated) in Discriminators(self.modalities[1:], self.units, name="discriminator")(pairs).items():
            outputs |= {f"real/{m}": real, f"imitated/{m}": imitated}
        return outputs

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes], from the first modality and deployed parameters."""
        first = self.modalities[0]
        return self({first: inputs[first]}, masks, train=False)["prediction"]
