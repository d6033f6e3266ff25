"""What a person should look at among labels: codes of missing values, numbers with units, two classes in a cell."""

import re
from collections.abc import Mapping

import numpy as np

from affect_jax.datasets.release_files import quote_values
from affect_jax.errors import find_nearest

_CODES = frozenset(sign * int(digit * count) for sign in (1, -1) for digit in "789" for count in (1, 2, 3, 4, 5))
_FAR = 2  # times the range of the other labels
_JOINTS = re.compile(r"\s*[;,|/+&]\s*")
_UNIT = re.compile(r"[+-]?\d+(?:[.,]\d+)?\s*([^\d\s.,+-][^\d]*)")
_LEAST_UNITS = 3
_FREQUENT = 5
"""Items of a class that a rare one may be a misspelling of."""


def describe_codes(values: np.ndarray) -> str:
    """Remark on a number far from all others that people write for a missing value (-999, 99, -1); '' without one."""
    numbers, counts = np.unique(values, return_counts=True)
    if len(numbers) < _LEAST_UNITS:
        return ""
    for at, others in ((0, numbers[1:]), (-1, numbers[:-1])):
        code = float(numbers[at])
        gap, spread = abs(code - float(others[at])), float(np.ptp(others))
        is_minus_one = at == 0 and code == -1 and others[0] >= 0 and (others != np.rint(others)).any()
        is_minus_one |= at == 0 and code == -1 and others[0] == 0 and others[-1] >= 2
        if (code in _CODES and spread and gap > _FAR * spread) or is_minus_one:
            return (
                f"{counts[at]} labels are {code:g}, the others {others[0]:g} to {others[-1]:g}: if it stands for a"
                " missing value, delete these rows"
            )
    return ""


def describe_classes(counts: Mapping[str, int]) -> list[str]:
    """Remarks on classes that join others, and on numbers with a unit."""
    remarks = []
    joined = [name for name in counts if _joins_others(name, counts)]
    if joined:
        total = sum(counts[name] for name in joined)
        remarks.append(
            f"{total} labels such as {quote_values(joined[0])} join several classes, and are learned as classes of"
            " their own: a label is one class"
        )
    for name, other in find_typos(counts).items():
        remarks.append(
            f"{quote_values(name)} occurs once and {quote_values(other)} {counts[other]} times; did you mean "
            f"{quote_values(other)}? As it stands, it is a class of its own"
        )
    units = [_UNIT.fullmatch(name) for name in counts]
    if len(units) >= _LEAST_UNITS and all(units) and len({unit.group(1).strip() for unit in units}) == 1:
        remarks.append(
            f"all classes are numbers with {quote_values(units[0].group(1).strip())} behind them; to learn numbers,"
            " leave that out"
        )
    return remarks


def find_typos(counts: Mapping[str, int]) -> dict[str, str]:
    """A class that occurs once -> one of nearly the same spelling that many items have; names that differ in numbers
    alone are no typos."""
    frequent = [name for name, count in counts.items() if count >= _FREQUENT]
    typos = {}
    for name in (name for name, count in counts.items() if count == 1):
        near = find_nearest(name, frequent)
        if near is not None and re.sub(r"\d", "", name) != re.sub(r"\d", "", near):
            typos[name] = near
    return typos


def _joins_others(name: str, counts: Mapping[str, int]) -> bool:
    parts = _JOINTS.split(name)
    return len(parts) > 1 and all(part in counts for part in parts)
