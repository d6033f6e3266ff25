"""Names that are one name, spelt in several ways."""

import unicodedata
from collections.abc import Mapping

from affect_jax.datasets.parse_numbers import is_number


def find_misspelt(counts: Mapping[str, int], *, numbers: bool = False) -> dict[str, str]:
    """Name -> the usual spelling, of names that differ from a more frequent one in what is easily overlooked.

    That are capitals, spaces, characters that cannot be seen, and the forms in which Unicode writes one character.

    Args:
      counts: how often each name occurs.
      numbers: whether equal numbers are one name, as `1`, `01` and `1.0`.
    """
    usual: dict[str, str] = {}
    for name in sorted(counts, key=lambda name: (-counts[name], len(name))):
        usual.setdefault(_simplify(name, numbers), name)
    pairs = {name: usual[_simplify(name, numbers)] for name in counts}
    return {name: other for name, other in pairs.items() if name != other}


def describe_difference(name: str, other: str) -> str:
    """What is added to a message about two names that look alike when printed; '' where they do not."""
    alike = "".join(name.lower().split()) != "".join(other.lower().split()) and not is_number(name)
    return " (they differ in characters that look alike or cannot be seen)" if alike else ""


def _simplify(name: str, numbers: bool) -> str:
    if numbers and is_number(name):
        return repr(float(name))
    seen = (c for c in unicodedata.normalize("NFKC", name) if unicodedata.category(c) != "Cf")
    return "".join("".join(seen).casefold().split())
