"""A student that learns what one or several networks of its kind say (Hinton et al. 2015; Beyer et al. 2022).

    submodule     what it is
    teacher_<i>   a network of the kind `member`, with initial weights of its own
    student       one more of the same kind, of all their modalities or some

The teachers learn first, each from the labels; the student then learns the mean of their probabilities by the loss
`kl`, from the very inputs that they see (cut, masked and mixed alike, Beyer et al.'s "consistent" teaching). What is
deployed costs one network and is meant to answer as the ensemble does. Of a number it learns the mean of their numbers,
by a squared error. Where the student reads fewer modalities than they do, the rest is needed in training alone.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.errors import UserError
from affect_jax.layers.modalities import check_modalities
from affect_jax.layers.outputs import check_classes


class Model(nn.Module):
    """Teachers and a student of one architecture.

    Attributes:
      member: the architecture, a model of `affect_jax/models` that itself has `modalities` and `classes`.
      modalities: those that every teacher reads.
      classes: number of classes, or 0 for a number.
      teachers: how many.
      heard: those of `modalities` that the student reads; None for all.
    """

    member: nn.Module
    modalities: Sequence[str] = ("log_mel",)
    classes: int = 0
    teachers: int = 3
    heard: Sequence[str] | None = None
    deployed = ("student",)

    def setup(self) -> None:
        """Builds the networks.

        Raises:
          UserError: no modality, one class, or a student that would read what no teacher does.
        """
        check_modalities("distilled", self.modalities, least=1)
        check_classes("distilled", self.classes)
        heard = self.modalities if self.heard is None else self.heard
        if not heard or set(heard) - set(self.modalities):
            raise UserError(
                f"config.model.heard is {tuple(heard)}, but the student reads some of the teachers' modalities; choose "
                f"of {', '.join(self.modalities)}"
            )
        self.teacher = [self.member.clone(name=None) for _ in range(self.teachers)]
        self.student = self.member.clone(name=None, modalities=tuple(heard))

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
          inputs: modality -> what `member` reads.
          masks: modality -> bool, likewise.
          train: dropout and batch norm act as in training; needs the rng stream 'dropout'.
          dropout: `member`'s rate; may be traced.
          frozen: networks that run as when not training.

        Returns:
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B], of the student; of
          each teacher `logits/teacher_<i>` and `prediction/teacher_<i>`; of all together `logits/teachers` and
          `prediction/teachers`, the logarithm of their mean probabilities, or their mean number.
        """

        def answer(network: nn.Module, name: str) -> dict[str, jax.Array]:
            said = network(inputs, masks, train=train and name not in frozen, dropout=dropout)
            return {kind: said[kind] for kind in kinds}

        kinds = ("logits", "prediction") if self.classes else ("prediction",)
        outputs, answers = answer(self.student, "student"), []
        for number, teacher in enumerate(self.teacher):
            own = answer(teacher, f"teacher_{number}")
            outputs |= {f"{kind}/teacher_{number}": y for kind, y in own.items()}
            answers.append(own["prediction"])
        together = average_answers(jnp.stack(answers), self.classes)
        return outputs | {f"{kind}/teachers": together for kind in kinds}

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes], from the student's parameters alone."""
        return self.student(inputs, masks, train=False)["prediction"]


def average_answers(answers: jax.Array, classes: int) -> jax.Array:
    """What K networks say together.

    Args:
      answers: logits [K, B, classes], or numbers [K, B].
      classes: number of classes, or 0.

    Returns:
      The logarithm of the mean probabilities [B, classes], which are logits, too; or the mean number [B].
    """
    if not classes:
        return answers.mean(axis=0)
    return jax.nn.logsumexp(jax.nn.log_softmax(answers), axis=0) - jnp.log(len(answers))
