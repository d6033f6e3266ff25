"""Everything that is wrong with a manifest, told at once: a line a problem, with the file and the row."""

from pathlib import Path

from affect_jax.errors import UserError

MOST = 50
"""Lines that are printed; a corpus with more has usually one cause for all of them."""


class Problems:
    """Collects problems until `stop` raises them together."""

    def __init__(self, path: Path):
        """`path` is the manifest, with which every line begins."""
        self.path = path
        self._found: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self._found)

    def add(self, row: int, what: str) -> None:
        """A problem of a row (numbered as a spreadsheet shows it; the header is row 1), or of none of them (0)."""
        self._found.append((row, what))

    def stop(self) -> None:
        """Raises a UserError with one line a problem, in the order of the rows, where there is any."""
        if not self._found:
            return
        lines = [
            f"{self.path}{f' row {row}' if row else ''}: {' '.join(what.split())}"
            for row, what in sorted(self._found, key=lambda found: found[0])
        ]
        more = len(lines) - MOST
        if more > 0:
            lines[MOST:] = [f"{self.path}: {more} more problems; mend these {MOST} and ask again"]
        raise UserError("\n".join(lines))
