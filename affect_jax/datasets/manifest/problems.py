"""Everything that is wrong with a manifest, reported at once: one line a problem, with the file and the row."""

from pathlib import Path

from affect_jax.errors import UserError

MOST = 50
"""Lines to print; more problems than that usually have one cause."""


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
        if not self._problems:
            return
        lines = [
            f"{self.path}{f' row {row}' if row else ''}: {' '.join(problem.split())}"
            for row, problem in sorted(self._problems, key=lambda entry: entry[0])
        ]
        more = len(lines) - MOST
        if more > 0:
            lines[MOST:] = [f"{self.path}: {more} more problems; correct these {MOST} and run again"]
        raise UserError("\n".join(lines))
