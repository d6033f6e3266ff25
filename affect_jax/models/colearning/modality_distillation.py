"""Modality distillation with multiple stream networks (Garcia et al. 2018).

    submodule         what it is
    student           stream on the first modality
    teachers          a stream on each other modality
    hallucinations    for each teacher a stream on the first modality, which imitates it

A stream is dense layers on every step, the mean over time, and a dense layer that scores; the paper has residual
networks on pictures. Multiplicative connections: the teachers' levels, averaged over time and teachers, gate the
residual layers of the student; behind training the hallucinations' levels do.

Four steps, a stage each (configs/zoo.py): single streams; student and teachers together, by `logits/pair`; the
hallucinations, by the label, the teacher's softened logits and its code behind a sigmoid; student and hallucinations
together, by `logits`.

After the paper; weights and temperature are those of ncgarcia/modality-distillation.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.modalities import is_present
from affect_jax.layers.outputs import average_heads, check_classes
from affect_jax.layers.streams import (
    Stream,
    StreamOutput,
    Streams,
    check_roles,
    fix_target,
    fold_steps,
    name_scores,
    read_sequences,
    unfold_steps,
)


class Model(nn.Module):
    """Modality distillation for two or more modalities, of which the first is deployed.

    Attributes:
      modalities: that which is deployed, then its teachers.
      classes: number of classes, or 0 for a number.
      width: of the layers of each stream.
      layers: of each stream.
      per_step: a label for each step, which all modalities then share; a stream reads each step alone.
    """

    modalities: Sequence[str] = ("video", "text")
    classes: int = 0
    width: int = 64
    layers: int = 2
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
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B]: the mean of
          hallucinations and of the student that they gate. Likewise `logits/pair`, the mean of teachers and of the
          student that they gate; `logits/student` of the one that nothing gates; `logits/<m>` of each teacher;
          `logits/teachers` of these together; `logits/hallucination/<m>`. `imitation/<m>`, the hallucination's code
          behind a sigmoid, and `imitated/<m>`, that of the teacher, [B, W].

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        check_roles("modality_distillation", self.modalities)
        lead: tuple[int, ...] = ()
        if self.per_step:
            inputs, masks, lead = fold_steps("modality_distillation", inputs, masks, self.modalities)
        check_classes("modality_distillation", self.classes)
        (first, *others), sizes = self.modalities, (self.width, self.layers, self.classes or 1)
        sequences = read_sequences(inputs, masks, self.modalities, initial=self.is_initializing())
        acts = {
            name: dict(train=train and name not in frozen, dropout=dropout) for name in (*self.deployed, "teachers")
        }
        taught = Streams(others, *sizes, name="teachers")(sequences, **acts["teachers"])
        same = dict.fromkeys(others, sequences[first])
        imagined = Streams(others, *sizes, name="hallucinations")(same, **acts["hallucinations"])
        student, present = Stream(*sizes, name="student"), {m: is_present(masks, m) for m in sequences}
        gated = student(*sequences[first], _average_levels(imagined, {}), **acts["student"])
        scores = {"": jnp.stack([gated.scores, *(stream.scores for stream in imagined.values())]).mean(axis=0)}
        if taught:
            heads = {m: stream.scores for m, stream in taught.items()}
            scores["/teachers"] = average_heads(heads, present)
            scores["/student"] = student(*sequences[first], **acts["student"]).scores
            gated = student(*sequences[first], _average_levels(taught, present), **acts["student"])
            scores["/pair"] = average_heads({first: gated.scores, **heads}, present)
        outputs = {}
        for m, stream in taught.items():
            scores |= {f"/{m}": stream.scores, f"/hallucination/{m}": imagined[m].scores}
            imitation = outputs[f"imitation/{m}"] = nn.sigmoid(imagined[m].code)
            outputs[f"imitated/{m}"] = fix_target(imitation, nn.sigmoid(stream.code), present[m])
        outputs |= name_scores(scores, self.classes)
        return unfold_steps(outputs, lead) if self.per_step else outputs

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes], from the first modality and deployed parameters."""
        first = self.modalities[0]
        return self({first: inputs[first]}, masks, train=False)["prediction"]


def _average_levels(streams: Mapping[str, StreamOutput], present: Mapping[str, jax.Array]) -> list[jax.Array]:
    """Of each level the mean [B, W] over the streams; a modality that an example lacks, of those `present` [B], counts
    as a gate of 1."""
    levels = []
    for of_level in zip(*(stream.levels for stream in streams.values()), strict=True):
        gates = [
            jnp.where(present[m][:, None], x, 1.0) if m in present else x
            for m, x in zip(streams, of_level, strict=True)
        ]
        levels.append(sum(gates) / len(gates))
    return levels
