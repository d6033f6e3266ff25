"""Modality hallucination: a second network on what is there imitates the network of what is missing (Hoffman et al.
2016).

    submodule         what it is
    student           stream on the first modality
    teachers          a stream on each other modality
    hallucinations    for each teacher a stream on the first modality, whose code imitates the teacher's

A stream is dense layers on every step, the mean over time, and a dense layer that scores; the paper has convolutional
networks. Codes are compared behind a sigmoid. The teachers learn first and then stand still, as the paper
lets the layers below those that are compared. Student and hallucinations answer together, and without the teachers.

After the paper, whose code is not public. There the hallucination begins with the teacher's weights; here modalities
have inputs of other widths, so it does not.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.modalities import is_present
from affect_jax.layers.outputs import average_heads, check_classes
from affect_jax.layers.streams import (
    Stream,
    Streams,
    check_roles,
    fix_target,
    fold_steps,
    name_scores,
    read_sequences,
    unfold_steps,
)


class Model(nn.Module):
    """Hallucination for two or more modalities, of which the first is deployed.

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
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B]: the mean of student
          and hallucinations. Likewise `logits/student`, `logits/<m>` of each teacher, and of these together
          `logits/teachers`; of each hallucination, `logits/hallucination/<m>`; of student and teacher,
          `logits/joint/<m>`. `imitation/<m>`, the hallucination's code behind a sigmoid, and `imitated/<m>`, that of
          the teacher, [B, W].

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        check_roles("hallucination", self.modalities)
        lead: tuple[int, ...] = ()
        if self.per_step:
            inputs, masks, lead = fold_steps("hallucination", inputs, masks, self.modalities)
        check_classes("hallucination", self.classes)
        (first, *others), sizes = self.modalities, (self.width, self.layers, self.classes or 1)
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
        for m, stream in taught.items():
            scores[f"/joint/{m}"] = average_heads({first: student.scores, m: stream.scores}, present)
        if taught:
            scores["/teachers"] = average_heads({m: stream.scores for m, stream in taught.items()}, present)
        scores[""] = jnp.stack([student.scores, *(stream.scores for stream in imagined.values())]).mean(axis=0)
        outputs = name_scores(scores, self.classes)
        for m, stream in taught.items():
            imitation = outputs[f"imitation/{m}"] = nn.sigmoid(imagined[m].code)
            outputs[f"imitated/{m}"] = fix_target(imitation, nn.sigmoid(stream.code), present[m])
        return unfold_steps(outputs, lead) if self.per_step else outputs

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes], from the first modality and deployed parameters."""
        first = self.modalities[0]
        return self({first: inputs[first]}, masks, train=False)["prediction"]
