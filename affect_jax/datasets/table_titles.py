"""What people and programs write above the header of a table: comments and titles."""

from collections.abc import Sequence
from pathlib import Path

from affect_jax.datasets.parse_numbers import is_missing, looks_like_number
from affect_jax.datasets.release_files import quote_values
from affect_jax.errors import UserError

_MOST_TITLES = 20  # rows above a header


def blank_comments(lines: Sequence[str]) -> list[str]:
    """The lines, with those that begin with `#` above the header blank, so that all others keep their numbers.

    The last comment is the header where numpy.savetxt made it one: it has as many cells as the numbers below it.
    """
    comments = []
    for at, line in enumerate(lines[: _MOST_TITLES + 1]):
        if line.lstrip().startswith("#"):
            comments.append(at)
        elif line.strip():
            if comments and _has_as_many_cells(lines[comments[-1]].lstrip("# "), line):
                comments.pop()
            break
    hidden = set(comments)
    return [("" if at in hidden else line) for at, line in enumerate(lines)]


def _has_as_many_cells(header: str, row: str) -> bool:
    cells = [cell for cell in row.replace(";", " ").replace(",", " ").split() if cell]
    if not all(looks_like_number(cell) or is_missing(cell) for cell in cells):
        return False
    return any(len(header.split(d)) == len(row.split(d)) > 1 for d in (",", ";", "\t", None)) or len(cells) == 1


def find_header(rows: Sequence[Sequence[str]]) -> int:
    """The row whose cells are the names of the columns, below rows of a single cell; 0 where no other seems to be."""
    widths = [max((i + 1 for i, cell in enumerate(row) if cell), default=0) for row in rows]
    at = next((i for i, width in enumerate(widths[:_MOST_TITLES]) if width > 1), 0)
    below = [width for width in widths[at:] if width]
    if at == 0 or len(below) < 2 or 2 * sum(width == widths[at] for width in below) <= len(below):
        return 0
    names = rows[at][: widths[at]]
    return at if all(names) and not any(looks_like_number(cell) for cell in names) else 0


def refuse_title(path: Path, rows: Sequence[tuple[int, list[str]]]) -> None:
    """Refuses a table above whose header is a title.

    Args:
      path: of the file.
      rows: (number, cells), none of them problems.

    Raises:
      UserError: with the row where the header seems to be.
    """
    at = find_header([row for _, row in rows])
    if at:
        raise UserError(
            f"{path} row {rows[0][0]} is {quote_values(rows[0][1][0])}, expected the names of the columns, which seem"
            f" to be in row {rows[at][0]}; delete the rows above"
        )
