"""What the parts and outputs of a stronger modality are called in SEW and SeqSEW.

    one                     several, of which this is `text`
    stronger_encoder        stronger_encoder_text        a top-level part, which a stage's `train` names
    latent/stronger         latent/stronger/text         an output, which a loss or a monitor names
    translation             translation/text

A stronger modality teaches the weaker one, so it is a teacher.
"""

from collections.abc import Sequence
from typing import NamedTuple

from affect_jax.errors import UserError


class Teachers(NamedTuple):
    """The stronger modalities of a model, in order; () for a unimodal one."""

    names: tuple[str, ...]

    def part(self, kind: str, modality: str) -> str:
        """Top-level parameter name of a teacher's part."""
        return f"{kind}_{modality}" if len(self.names) > 1 else kind

    def output(self, kind: str, modality: str) -> str:
        """Name of an output about a teacher."""
        return f"{kind}/{modality}" if len(self.names) > 1 else kind


def teachers_of(model: str, weaker: str, stronger: str | Sequence[str] | None) -> Teachers:
    """One name, several or none -> teachers.

    Args:
      model: the model's name, for the message.
      weaker: the modality that is taught.
      stronger: as a config gives it; a tuple of one name is that name.

    Raises:
      UserError: a modality twice, or one that would teach itself.
    """
    names = (stronger,) if isinstance(stronger, str) else tuple(stronger or ())
    for at, name in enumerate(names):
        if name == weaker:
            raise UserError(
                f"model {model!r} has {name!r} as its weaker modality and among the stronger ones {list(names)}; "
                "name each modality once"
            )
        if name in names[:at]:
            raise UserError(f"model {model!r} has the stronger modality {name!r} twice in {list(names)}; name it once")
    return Teachers(names)
