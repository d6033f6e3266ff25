"""Who speaks, and leaving one session out: the folds by which no speaker is on two sides."""

import re

from affect_jax.errors import UserError

SESSIONS = 5
_NAME = re.compile(r"Ses(\d\d)[FM]_\w+_([FM])\w*")


def parse_speaker(utterance: str, where: str) -> str:
    """'Ses01M' of 'Ses01F_impro01_M003': the session, and the letter of the *last* field.

    The letter behind the session says who of the two wore the markers, not who speaks.

    Args:
      utterance: its name.
      where: the file that has it, named in the error.

    Raises:
      UserError: it is no name of an utterance.
    """
    match = _NAME.fullmatch(utterance)
    if not match:
        raise UserError(
            f"{where} names an utterance {utterance!r}, expected a name like Ses01F_impro01_M003; copy the file again"
        )
    return f"Ses{match[1]}{match[2]}"


def parse_session(utterance: str) -> int:
    """1 of 'Ses01F_impro01_M003'."""
    return int(utterance[3:5])


def assign_splits(mine: int, sessions: tuple[int, ...]) -> tuple[str, ...]:
    """On which side an utterance of one session is in each fold: 'train', 'dev' or 'test'.

    The fold of a session tests on it and validates on the next one (after the last comes the first), speakers and all:
    with a speaker of the test session among those who choose the stopping epoch, or a training speaker among either,
    the figures would tell less. The other sessions train.

    Args:
      mine: the utterance's session.
      sessions: all that there are, in the order of the folds.

    Raises:
      UserError: fewer than three, so that nobody would be left to train on.
    """
    if len(sessions) < 3:
        raise UserError(
            f"there are {len(sessions)} sessions, expected 3 or more, to train, to validate and to test on: take more"
        )
    following = dict(zip(sessions, sessions[1:] + sessions[:1], strict=True))
    return tuple("test" if mine == s else "dev" if mine == following[s] else "train" for s in sessions)
