"""Reads arff files as WEKA, openSMILE and AVEC write them: typed columns, `?` for missing, quotes, comments.

Numeric, string, nominal and date columns are told apart by their declaration; of a type that arff does not know
(openSMILE writes classes without braces) the cells must tell. Sparse rows and relational attributes are refused.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from affect_jax.datasets.array_files import LARGEST_FILE
from affect_jax.datasets.release_files import quote_values
from affect_jax.datasets.tables import RowProblem, Table
from affect_jax.datasets.text_lines import read_lines
from affect_jax.errors import UserError

NUMERIC, STRING, NOMINAL, DATE, UNKNOWN = "numeric", "string", "nominal", "date", "unknown"
_KINDS = {"numeric": NUMERIC, "real": NUMERIC, "integer": NUMERIC, "string": STRING, "date": DATE}
_ATTRIBUTE = re.compile(
    r"""@attribute\s+('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s{]+)\s*(\{.*\}|\S.*)""", re.IGNORECASE
)
_QUOTED_COMMA = re.compile(r"""(?:^|,)\s*(?:'[^',]*,|"[^",]*,)""")


def read_arff_table(path: Path, *, largest_file: float = LARGEST_FILE) -> Table:
    """Reads an arff file; `numbers` of the table count its lines, as an editor does.

    Args:
      path: the file.
      largest_file: MB that may be taken, see `text_lines`.

    Raises:
      UserError: the file is missing, too large, no text, has no `@data` (it is cut short), no attributes, or a
        relational attribute; the message names the file and the line.
    """
    lines = read_lines(path, largest_file)
    header, kinds, start = _read_header(path, lines)
    body = [(n, line) for n, line in enumerate(lines[start:], start=start + 1) if _has_content(line)]
    table = _read_fast(path, header, kinds, body)
    if table is not None:
        return table
    rows, numbers, problems = [], [], []
    for number, line in body:
        if line.lstrip().startswith("{"):
            problems.append(
                RowProblem(
                    number, f"is a sparse row ({quote_values(line, 30)}); save all values (WEKA: SparseToNonSparse)"
                )
            )
            continue
        cells = split_cells(line)
        if cells is None:
            problems.append(RowProblem(number, f"has a quote that is not closed: {quote_values(line)}"))
        elif len(cells) != len(header):
            problems.append(
                RowProblem(
                    number, f"has {len(cells)} cells, expected {len(header)}; it may be cut short: copy it again"
                )
            )
        else:
            rows.append(cells)
            numbers.append(number)
    return Table(path, header, rows, numbers, delimiter=",", kinds=kinds, problems=tuple(problems))


def _has_content(line: str) -> bool:
    text = line.strip()
    return bool(text) and not text.startswith("%")


def _read_header(path: Path, lines: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...], int]:
    """Names and kinds of the attributes, and the number of the line `@data`."""
    names, kinds = [], []
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        keyword = text.split(maxsplit=1)[0].lower() if text else ""
        if keyword == "@data":
            if not names:
                raise UserError(f"{path} has no @attribute line; it may be cut short: copy it again")
            return tuple(names), tuple(kinds), number
        if keyword == "@attribute":
            match = _ATTRIBUTE.fullmatch(text)
            kind = match.group(2).split(maxsplit=1)[0].lower() if match else ""
            if not match or kind == "relational":
                raise UserError(
                    f"{path} line {number} is {quote_values(text)}, expected '@attribute NAME numeric', string, date or"
                    " {classes}; save it again"
                )
            names.append(_unquote(match.group(1)))
            kinds.append(NOMINAL if kind.startswith("{") else _KINDS.get(kind, UNKNOWN))
        elif text and not text.startswith("%") and keyword != "@relation":
            raise UserError(
                f"{path} line {number} is {quote_values(text)}, expected an arff header; copy the file again"
            )
    raise UserError(f"{path} has no @data line; it may be cut short: copy it again")


def _read_fast(
    path: Path, header: tuple[str, ...], kinds: tuple[str, ...], body: Sequence[tuple[int, str]]
) -> Table | None:
    """The table as a matrix, where no cell has quoted commas or is out of place; else None."""
    numeric = [i for i, kind in enumerate(kinds) if kind == NUMERIC]
    lines = [line for _, line in body]
    commas = len(header) - 1
    if (
        not lines
        or not numeric
        or UNKNOWN in kinds
        or any(line.count(",") != commas or _QUOTED_COMMA.search(line) for line in lines)
    ):
        return None
    # numpy's reader is written in C, and takes the same numbers as `parse_numbers`.
    try:
        values = np.loadtxt(
            [line.replace("?", "nan") for line in lines], delimiter=",", usecols=numeric, ndmin=2, comments=None
        )
    except ValueError:
        return None
    matrix = np.full((len(lines), len(header)), np.nan)
    matrix[:, numeric] = values
    texts = {
        i: [_unquote(line.split(",")[i].strip()) for line in lines] for i in range(len(header)) if i not in numeric
    }
    numbers = [number for number, _ in body]
    return Table(path, header, [], numbers, delimiter=",", kinds=kinds, matrix=matrix, texts=texts)


def split_cells(line: str) -> list[str] | None:
    """Splits a row at its commas, or at tabs where it has none, but not inside quotes; None: a quote is not closed."""
    delimiter = "," if "," in line or "\t" not in line else "\t"
    pieces = line.split(delimiter)
    if "'" not in line and '"' not in line:
        return [piece.strip() for piece in pieces]
    cells, parts = [], []
    for piece in pieces:
        parts.append(piece)
        mark = parts[0].lstrip()[:1]
        if mark in ("'", '"') and not _is_closed(piece.strip(), mark, alone=len(parts) == 1):
            continue
        cells.append(_unquote(delimiter.join(parts).strip()))
        parts = []
    return None if parts else cells


def _is_closed(piece: str, mark: str, *, alone: bool) -> bool:
    """Whether a piece ends with the quotation mark; `alone`, where it also begins with it."""
    before = piece[:-1]
    escapes = len(before) - len(before.rstrip("\\"))
    return piece.endswith(mark) and escapes % 2 == 0 and (not alone or len(piece) > 1)


def _unquote(cell: str) -> str:
    if cell[:1] in ("'", '"') and _is_closed(cell, cell[0], alone=True):
        return re.sub(r"\\(.)", r"\1", cell[1:-1])
    return cell
