"""The one error that a user can cause and mend, and what helps to word it."""

import difflib
import re
from collections.abc import Iterable

_ALIKE = 0.65
"""Share of the letters of two names, in their order, that both must have (`difflib`): two letters of three exchanged
are a slip."""


class UserError(Exception):
    """Bad input from outside: a file, a config value, a run folder.

    The message is one sentence that says what was found, what was expected and what to do.
    `launch` prints it after `error: ` and exits with status 2; anything else is a bug and keeps its traceback.
    """


class MissingPackageError(UserError):
    """An optional package is not installed: no file is at fault, so this is said once, at once."""


def first_line(error: Exception) -> str:
    """What an error of a library says first, or its type where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].strip()


def join_words(names: Iterable[object]) -> str:
    """`a, b, c`, for a sentence; 'none' of nothing."""
    return ", ".join(map(str, names)) or "none"


def format_count(count: int, one: str, several: str = "") -> str:
    """'1 trial', '2 trials'; `several` where it is not `one` and an s."""
    return f"{count} {one if count == 1 else several or f'{one}s'}"


def find_nearest(name: str, names: Iterable[str]) -> str | None:
    """The one of `names` that a misspelt `name` means; None where none is close enough to be asked for.

    Upper and lower case are one. Names whose numbers differ (`fold_9`, `fold_5`) are two things, and of dotted paths
    the last parts must be alike, too: `stages.fit.epochs` is not `stages.fit.dropout`.
    """
    alike = {other: _measure_likeness(name.lower(), other.lower()) for other in names}
    nearest = max(alike, key=alike.get, default=None)
    return nearest if nearest is not None and alike[nearest] >= _ALIKE else None


def suggest_nearest(name: str, names: Iterable[str]) -> str:
    """` (did you mean 'x'?)` with the one of `names` that `find_nearest` finds, or nothing."""
    nearest = find_nearest(name, names)
    return f" (did you mean {nearest!r}?)" if nearest is not None else ""


def _measure_likeness(a: str, b: str) -> float:
    """From 0 to 1, of two names in lower case."""
    numbers = [re.findall(r"\d+", name) for name in (a, b)]
    if all(numbers) and numbers[0] != numbers[1]:
        return 0.0
    of_whole = difflib.SequenceMatcher(None, a, b).ratio()
    if "." not in a or "." not in b:
        return of_whole
    return min(of_whole, difflib.SequenceMatcher(None, a.rpartition(".")[2], b.rpartition(".")[2]).ratio())
