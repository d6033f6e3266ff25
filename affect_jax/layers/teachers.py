"""The check of teachers' names that SEW and SeqSEW share. The thesis calls a teacher a stronger modality."""

from collections.abc import Sequence

from affect_jax.errors import UserError, join_words


def check_teachers(model: str, weaker: str, stronger: Sequence[str]) -> tuple[str, ...]:
    """Returns the names of the stronger modalities as a tuple, in order; () means that the model has no teacher.

    Args:
      model: the model's name, for the message.
      weaker: the modality that is taught.
      stronger: the field `stronger` of the model.

    Raises:
      UserError: `stronger` is not a sequence of names, names a modality twice or the weaker one, or holds the name
        'weaker', whose output would be called `latent/weaker` like the student's.
    """
    if isinstance(stronger, str) or not isinstance(stronger, Sequence):
        example = (stronger,) if isinstance(stronger, str) and stronger else ()
        raise UserError(
            f"model {model!r} has stronger {stronger!r}, but it takes a tuple of names, which is empty where nobody "
            f"teaches; write {example}"
        )
    names = tuple(stronger)
    for position, name in enumerate(names):
        if name == weaker:
            raise UserError(
                f"model {model!r} has {name!r} as its weaker modality and among the stronger ones {join_words(names)}; "
                "name each modality once"
            )
        if name == "weaker":
            raise UserError(
                f"model {model!r} has a stronger modality called 'weaker', but 'latent/weaker' is an output of the "
                "student; give the modality another name"
            )
        if name in names[:position]:
            raise UserError(
                f"model {model!r} has the stronger modality {name!r} twice in {join_words(names)}; name it once"
            )
    return names
