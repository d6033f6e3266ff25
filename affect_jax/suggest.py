"""`did you mean`, for every error that lists names."""

import difflib
from collections.abc import Iterable


def nearest(name: str, names: Iterable[str]) -> str:
    """` (did you mean 'x'?)` with the closest of `names`, or nothing where none is close."""
    found = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f" (did you mean {found[0]!r}?)" if found else ""
