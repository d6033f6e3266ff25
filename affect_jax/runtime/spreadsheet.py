"""Csv text and file names for people: what others have written into a corpus does no harm where it is opened."""

import csv
import hashlib
import re
import types
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

_FIGURE = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?[\d\s.,;%*±\[\]()–−-]*")  # a number, its spread or interval
_LONGEST = 180  # bytes of a file name, of the 255 that file systems take: a suffix and a partial name have room


def format_csv(rows: Iterable[Sequence[Any]]) -> str:
    """Rows as csv, the header first; each cell passes `protect_cell`."""
    lines: list[str] = []
    # With "\r\n" at the end of its rows the writer quotes cells that hold either; with "\n" it would leave "\r" bare.
    writer = csv.writer(types.SimpleNamespace(write=lines.append), lineterminator="\r\n")
    writer.writerows([protect_cell(cell) for cell in row] for row in rows)
    return "".join(line.removesuffix("\r\n") + "\n" for line in lines)


def protect_cell(cell: Any) -> Any:
    """The cell, with `'` before text that a spreadsheet would run as a formula; numbers stay as they are.

    That text begins with = + - @, a tab or a carriage return
    (https://owasp.org/www-community/attacks/CSV_Injection).
    """
    is_formula = isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") and not _FIGURE.fullmatch(cell)
    return f"'{cell}" if is_formula else cell


def name_file(text: str) -> str:
    """A file name for any text, without suffix: it leads nowhere else, is not hidden, and no two texts share it."""
    name = quote(text, safe=" ", errors="surrogatepass")
    name = re.sub(r"^\.", "%2E", name)
    if len(name) <= _LONGEST:
        return name
    # Cut names stay apart by what follows; a short name cannot have it, as it is longer than the cut.
    return f"{name[: _LONGEST - 17]}-{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()[:16]}"
