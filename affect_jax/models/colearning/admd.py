"""Adversarial discriminative modality distillation (Garcia et al. 2019, ADMD).

    submodule         what it is
    student           stream on the first modality
    teachers          a stream on each other modality, with a bottleneck as its last layer
    hallucinations    for each teacher a stream on the first modality
    discriminator     for each teacher a network that reads its bottleneck, or that of its hallucination

A stream is dense layers on every step, the mean over time, a bottleneck and a dense layer that scores; the paper has
residual networks on pictures. The discriminator says of which of the C classes a teacher's code is, and of a
hallucination's that it is of none, the class C + 1; of a number it says only which of the two it reads. In turn, the
hallucination makes it say the true class. Before that, student and teachers learn together (two streams, `pair`).
Behind training student and hallucinations answer together, and without the teachers.

After the paper and the sizes of pmorerio/admd: a discriminator of width 1,024 has layers of 1,024, two residual ones,
2,048 and 3,072 (there 3,076).
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.dense import Dense
from affect_jax.layers.modalities import is_present
from affect_jax.layers.outputs import average_heads, check_classes
from affect_jax.layers.streams import (
    Stream,
    Streams,
    check_roles,
    fold_steps,
    name_scores,
    read_sequences,
    unfold_steps,
)


class Discriminator(nn.Module):
    """A code [B, W] -> logits [B, outputs], or [B] of one output."""

    width: int
    outputs: int

    @nn.compact
    def __call__(self, code: jax.Array) -> jax.Array:
        x = nn.relu(Dense(self.width, name="layer_0")(code))
        for number in (1, 2):
            x = x + nn.relu(Dense(self.width, name=f"layer_{number}")(x))
        for number in (3, 4):
            x = nn.relu(Dense((number - 1) * self.width, name=f"layer_{number}")(x))
        y = Dense(self.outputs, name="head")(x)
        return y if self.outputs > 1 else y[..., 0]


class Discriminators(nn.Module):
    """A discriminator for each of some names, whose parameters are one submodule of a model."""

    names: Sequence[str]
    width: int
    outputs: int

    @nn.compact
    def __call__(self, codes: Mapping[str, tuple[jax.Array, ...]]) -> dict[str, tuple[jax.Array, ...]]:
        """Returns name -> what its discriminator says of each of some codes, of the names that `codes` has."""
        judges = {name: Discriminator(self.width, self.outputs, name=name) for name in self.names if name in codes}
        return {name: tuple(judge(code) for code in codes[name]) for name, judge in judges.items()}


class Model(nn.Module):
    """ADMD of two or more modalities, of which the first is deployed.

    Attributes:
      modalities: that which is deployed, then its teachers.
      classes: number of classes, or 0 for a number.
      width: of the layers of each stream.
      layers: of each stream.
      bottleneck: of each stream.
      judge: width of the discriminators.
      per_step: a label for each step, which all modalities then share; a stream reads each step alone.
    """

    modalities: Sequence[str] = ("video", "text")
    classes: int = 0
    width: int = 64
    layers: int = 2
    bottleneck: int = 128
    judge: int = 1024
    per_step: bool = False

    deployed = ("student", "hallucinations")
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
          dropout: rate in front of the scores; may be traced.
          frozen: submodules without dropout even when training.

        Returns:
          With steps behind B where `per_step`:
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B]: the mean of student
          and hallucinations. Likewise `logits/student`, `logits/<m>` of each teacher, `logits/teachers` of these
          together, `logits/pair` of these and the student, and `logits/hallucination/<m>`. `real/<m>` and
          `imitated/<m>`: what the discriminator says of the codes of teacher and hallucination, [B, classes + 1], or
          [B] of a regression.

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        check_roles("admd", self.modalities)
        lead: tuple[int, ...] = ()
        if self.per_step:
            inputs, masks, lead = fold_steps("admd", inputs, masks, self.modalities)
        check_classes("admd", self.classes)
        (first, *others), sizes = self.modalities, (self.width, self.layers, self.classes or 1, self.bottleneck)
        sequences = read_sequences(inputs, masks, self.modalities, initial=self.is_initializing())
        acts = {
            name: dict(train=train and name not in frozen, dropout=dropout) for name in (*self.deployed, "teachers")
        }
        student = Stream(*sizes, name="student")(*sequences[first], **acts["student"])
        taught = Streams(others, *sizes, name="teachers")(sequences, **acts["teachers"])
        same = dict.fromkeys(others, sequences[first])
        imagined = Streams(others, *sizes, name="hallucinations")(same, **acts["hallucinations"])
        present, scores = {m: is_present(masks, m) for m in sequences}, {"/student": student.scores}
        scores |= {f"/{m}": stream.scores for m, stream in taught.items()}
        scores |= {f"/hallucination/{m}": stream.scores for m, stream in imagined.items()}
        if taught:
            heads = {m: stream.scores for m, stream in taught.items()}
            scores["/teachers"] = average_heads(heads, present)
            scores["/pair"] = average_heads({first: student.scores, **heads}, present)
        scores[""] = jnp.stack([student.scores, *(stream.scores for stream in imagined.values())]).mean(axis=0)
        outputs, codes = name_scores(scores, self.classes), {m: (taught[m].code, imagined[m].code) for m in taught}
        judges = Discriminators(others, self.judge, self.classes + 1, name="discriminator")
        for m, (real, imitated) in judges(codes).items():
            outputs |= {f"real/{m}": real, f"imitated/{m}": imitated}
        return unfold_steps(outputs, lead) if self.per_step else outputs

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes], from the first modality and deployed parameters."""
        first = self.modalities[0]
        return self({first: inputs[first]}, masks, train=False)["prediction"]
