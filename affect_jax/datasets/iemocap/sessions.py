"""Who speaks, and the folds that leave one session out, so that no speaker is in two splits."""

import re

from affect_jax.errors import UserError

SESSIONS = 5
_NAME = re.compile(r"Ses(\d\d)[FM]_\w+_([FM])\w*")


def parse_speaker(utterance: str, where: str) -> str:
    """Parses 'Ses01F_impro01_M003' as 'Ses01M': the session, and the letter of the *last* field.

    The letter behind the session says which of the two wore the markers, not who speaks.

    Args:
      utterance: its name.
      where: the file that has the name, for the message.

    Raises:
      UserError: it is not the name of an utterance.
    """
    match = _NAME.fullmatch(utterance)
    if not match:
        raise UserError(
            f"{where} names an utterance {utterance!r}, expected a name like Ses01F_impro01_M003; copy the file again"
        )
    return f"Ses{match[1]}{match[2]}"


def parse_session(utterance: str) -> int:
    """Parses 'Ses01F_impro01_M003' as session 1."""
    return int(utterance[3:5])


def assign_splits(session: int, sessions: tuple[int, ...]) -> tuple[str, ...]:
    """The split of a session's utterances in each fold: 'train', 'dev' or 'test'.

    The fold of a session tests on it and validates on the next one (after the last comes the first), with both
    speakers: if a speaker of the test session helped to choose the stopping epoch, or a training speaker were in
    either, the figures would say less. The other sessions train.

    Args:
      session: number of the session.
      sessions: numbers of all sessions, in the order of the folds.

    Raises:
      UserError: there are fewer than three, so that nobody would be left to train on.
    """
    if len(sessions) < 3:
        raise UserError(
            f"there are {len(sessions)} sessions, expected 3 or more, to train, to validate and to test on; take more"
        )
    following = dict(zip(sessions, sessions[1:] + sessions[:1], strict=True))
    return tuple("test" if session == s else "dev" if session == following[s] else "train" for s in sessions)
