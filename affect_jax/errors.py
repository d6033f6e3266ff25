"""The one error that a user can cause and mend, and what helps to word it."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Bad input from outside: a file, a config value, a run folder.

    The message is one sentence that says what was found, what was expected and what to do.
    `launch` prints it after `error: ` and exits with status 2; anything else is a bug and keeps its traceback.
    """


def first_line(error: Exception) -> str:
    """What an error of a library says first, or its type where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].strip()


def suggest_nearest(name: str, names: Iterable[str]) -> str:
    """` (did you mean 'x'?)` with the closest of `names`, or nothing where none is close."""
    matches = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f" (did you mean {matches[0]!r}?)" if matches else ""
