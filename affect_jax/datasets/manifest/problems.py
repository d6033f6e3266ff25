"""Everything that is wrong with a manifest, reported at once: one line a problem, with the file and the row."""

import re
from pathlib import Path

from affect_jax.errors import UserError

MOST = 50
"""Lines to print; more problems than that usually have one cause."""
_MOST_ALIKE = 3
"""So many lines that differ in values alone are printed; of more, the first with the rows of the others."""
_MOST_ROWS = 20
# What differs between problems of one kind: quoted values that are no names of columns, paths, numbers.
_VALUES = re.compile(
    r"(?<!column )(?<!label )(?<!split )(?<!\w)('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
    r"|(?<!\w)\S*/\S*|[\w.+\u2212-]*\d[\w.,+-]*"
)


class Problems:
    """Collects problems until `raise_if_any` reports them together."""

    def __init__(self, path: Path):
        """`path` is the manifest, with which every line begins."""
        self.path = path
        self._problems: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self._problems)

    def add(self, row: int, problem: str) -> None:
        """Adds a problem of a row (numbered as in a spreadsheet; the header is row 1), or of no single row (0)."""
        self._problems.append((row, problem))

    def raise_if_any(self) -> None:
        """Raises a UserError with one line a problem, in the order of the rows, if there is any."""
        if lines := self.list_lines():
            raise UserError("\n".join(lines))

    def list_lines(self) -> list[str]:
        """A line a problem, in the order of the rows; those that are alike share one where they are many."""
        kinds: dict[str, list[tuple[int, str]]] = {}
        for row, problem in sorted(self._problems, key=lambda entry: entry[0]):
            text = " ".join(problem.split())
            kinds.setdefault(_VALUES.sub("_", text) if row else text, []).append((row, text))
        entries = [entry for entries in kinds.values() for entry in _fold(entries)]
        lines = [
            f"{self.path}{f' row {row}' if row else ''}: {text}" for row, text in sorted(entries, key=lambda e: e[0])
        ]
        more = len(lines) - MOST
        if more > 0:
            lines[MOST:] = [f"{self.path}: {more} more problems; correct these {MOST} and run again"]
        return lines


def _fold(entries: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Problems of one kind, or the first of them with the rows of the others where these are many."""
    if len(entries) <= _MOST_ALIKE:
        return entries
    (first, text), others = entries[0], list(dict.fromkeys(str(row) for row, _ in entries[1:]))
    rows = ", ".join(others[:_MOST_ROWS]) + (", ..." if len(others) > _MOST_ROWS else "")
    return [(first, f"{text} (and {len(entries) - 1} more like this, in rows {rows})")]
