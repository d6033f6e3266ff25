"""Reads any table that a person or a program has saved as text: delimiter, encoding, quotes and row numbers.

Rows are numbered as a spreadsheet counts them: the header is row 1, blank lines count, a quoted line break does not.
"""

import csv
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.datasets import table_titles
from affect_jax.datasets.array_files import LARGEST_FILE
from affect_jax.datasets.delimiters import DELIMITERS, find_delimiter, measure_row, name_delimiter, strip_lines
from affect_jax.datasets.parse_numbers import NumberColumn, looks_like_number, parse_column
from affect_jax.datasets.release_files import quote_values
from affect_jax.datasets.text_lines import read_lines
from affect_jax.errors import UserError


class RowProblem(NamedTuple):
    """What is wrong with one row."""

    row: int
    text: str


class Table(NamedTuple):
    """A table of N rows and D columns.

    Attributes:
      path: of the file.
      header: D names, without blanks around them; '' for a column without a name.
      rows: N lists of D cells, without blanks around them.
      numbers: N numbers of these rows, as a spreadsheet (or, of an arff file, an editor) counts.
      delimiter: between its cells.
      kinds: D declared types of an arff file (numeric, string, nominal, date); () of a csv file, which declares none.
      problems: rows that could not be read, and are not among `rows`.
      matrix: float64 [N, D] in place of `rows`, where all columns but `texts` are plain numbers.
      texts: column -> N cells, beside a matrix.
    """

    path: Path
    header: tuple[str, ...]
    rows: list[list[str]]
    numbers: list[int]
    delimiter: str
    kinds: tuple[str, ...] = ()
    problems: tuple[RowProblem, ...] = ()
    matrix: np.ndarray | None = None
    texts: Mapping[int, list[str]] = types.MappingProxyType({})

    @property
    def counts(self) -> str:
        """What `numbers` count."""
        return "line" if self.kinds else "row"

    def cells(self, column: int) -> list[str]:
        """N cells of a column."""
        if self.matrix is None:
            return [row[column] for row in self.rows]
        return self.texts[column] if column in self.texts else [repr(x) for x in self.matrix[:, column].tolist()]

    def parse(self, column: int, *, decimal_comma: bool = False) -> NumberColumn:
        """A column as numbers, see `parse_column`."""
        if self.matrix is None or column in self.texts:
            return parse_column(self.cells(column), decimal_comma=decimal_comma)
        values = self.matrix[:, column]
        missing = np.isnan(values)
        return NumberColumn(values, missing, int((~missing).sum()), (), decimal_comma=False, fault=None)


def read_table(path: Path, *, largest_file: float = LARGEST_FILE, as_numbers: bool = False) -> Table:
    """Reads a csv file with a header.

    The delimiter is the one that cuts the rows into as many cells as the header, or what Excel's line `sep=;` says. A
    row of a wrong width, or with broken quotes, is a problem of this row alone. Rows without content at the end are
    left out, and so are blank lines; in a table of one column, a blank line between others is an empty cell.

    Args:
      path: the file.
      largest_file: MB that may be taken, see `text_lines`.
      as_numbers: whether a table of plain numbers becomes a matrix, which takes a third of the time and memory.

    Raises:
      UserError: the file is missing, too large, no text, or has no header.
    """
    lines = read_lines(path, largest_file)
    first, delimiter = 0, ""
    announced = lines[0].strip().strip('"')
    if announced.lower().startswith("sep=") and len(announced) <= 5:
        first, delimiter = 1, announced[4:] or "\t"
    lines = table_titles.blank_comments(lines)
    delimiter = delimiter or find_delimiter(lines)
    if delimiter == " ":
        lines = strip_lines(lines)
    if as_numbers:
        table = _read_matrix(path, lines[first:], delimiter)
        if table is not None:
            return table
    rows, problems = _parse_rows(lines[first:], delimiter)
    rows = rows[next((i for i, (_, row) in enumerate(rows) if any(row)), len(rows)) :]
    if problems and (not rows or problems[0].row < rows[0][0]):
        raise UserError(f"{path} row {problems[0].row} {problems[0].text}")
    if not rows:
        raise UserError(f"{path} has no header in row 1; expected the names of the columns there")
    header, body = rows[0][1], rows[1:]
    table_titles.refuse_title(path, rows)
    if _lacks_row_names(header, body, lines[first:]):
        header = ["", *header]
    while body and not any(body[-1][1]):
        body.pop()
    # Trailing delimiters, which spreadsheets leave behind the last column, are no columns.
    used = max((measure_row(row) for _, row in body), default=0)
    width = max(measure_row(header), min(used, len(header)))
    fitting, others = _fit_rows(body, width, delimiter)
    return Table(
        path=path,
        header=tuple(header[:width]),
        rows=[row for _, row in fitting],
        numbers=[number for number, _ in fitting],
        delimiter=delimiter,
        problems=tuple(sorted([*problems, *others])),
    )


def _fit_rows(
    body: Sequence[tuple[int, list[str]]], width: int, delimiter: str
) -> tuple[list[tuple[int, list[str]]], list[RowProblem]]:
    """The rows of this width, and what is wrong with the others."""
    fitting, problems = [], []
    for number, row in body:
        if not row or (width > 1 and row == [""]):
            if width == 1:
                fitting.append((number, [""]))
        elif len(row) < width or any(row[width:]):
            decimals = ", and write decimals with a point" if delimiter == "," else ""
            hint = f"; quote cells that have {name_delimiter(delimiter)} in them{decimals}"
            hint = hint if len(row) > width else ""
            if len(row) == 1 and row[0].count(delimiter) == width - 1:
                hint = "; all of its cells are in one pair of quotes: remove them"
            other = next((d for d in DELIMITERS if d != delimiter and row[0].count(d) == width - 1 > 0), "")
            if len(row) == 1 and other:
                names = name_delimiter(other), name_delimiter(delimiter)
                hint = f"; it has {names[0]} between its cells, but the header has {names[1]}"
            problems.append(RowProblem(number, f"has {len(row)} cells, expected {width}{hint}"))
        else:
            fitting.append((number, row[:width]))
    return fitting, problems


def _lacks_row_names(header: Sequence[str], body: Sequence[tuple[int, list[str]]], lines: Sequence[str]) -> bool:
    """Whether the header is one name short because R's write.table has put names of rows before the cells.

    Where a comma could also be a decimal one, these names must be in quotes.
    """
    rows = [row for _, row in body if any(row)]
    if len(rows) < 2 or not all(len(row) == len(header) + 1 and row[-1] for row in rows):
        return False
    firsts = [row[0] for row in rows]
    first_line = next(line for line in lines[1:] if line.strip())
    counted = firsts in ([str(k + 1) for k in range(len(rows))], [str(k) for k in range(len(rows))])
    are_names = counted or not any(looks_like_number(cell) for cell in firsts)
    return are_names and len(set(firsts)) == len(firsts) and (first_line.startswith('"') or "," not in first_line)


def _read_matrix(path: Path, lines: Sequence[str], delimiter: str) -> Table | None:
    """A table of nothing but numbers below its header; None for any other."""
    header = [cell.strip() for cell in lines[0].split(None if delimiter == " " else delimiter)]
    end = len(lines)
    while end > 1 and not lines[end - 1].strip():
        end -= 1
    body = lines[1:end]
    if not body or '"' in lines[0] or not all(map(str.strip, body)):
        return None
    # numpy's reader is written in C. It takes the same numbers as `parse_numbers`, but neither gaps nor commas.
    try:
        matrix = np.loadtxt(body, delimiter=None if delimiter == " " else delimiter, comments=None, ndmin=2)
    except ValueError:
        return None
    if matrix.shape != (len(body), len(header)):
        return None
    return Table(path, tuple(header), [], list(range(2, 2 + len(body))), delimiter, matrix=matrix)


def require_rows(table: Table) -> Table:
    """Returns the table, none of whose rows may be a problem.

    Raises:
      UserError: the first problem, and how many more there are.
    """
    if table.problems:
        first, more = table.problems[0], len(table.problems) - 1
        raise UserError(
            f"{table.path} {table.counts} {first.row} {first.text}" + (f" ({more} more rows like this)" if more else "")
        )
    return table


class _Lines:
    """An iterator over lines that can be set back, as a quote that is never closed swallows all that follow."""

    def __init__(self, lines: Sequence[str]):
        self.lines, self.position = lines, 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if self.position >= len(self.lines):
            raise StopIteration
        self.position += 1
        return f"{self.lines[self.position - 1]}\n"


def _parse_rows(lines: Sequence[str], delimiter: str) -> tuple[list[tuple[int, list[str]]], list[RowProblem]]:
    """(number, cells) of every row; those with broken quotes are problems, and the next line is read as usual."""
    source, rows, problems = _Lines(lines), [], []
    reader = csv.reader(source, delimiter=delimiter, strict=True, skipinitialspace=True)
    number = 0
    while True:
        start = source.position
        number += 1
        try:
            row = next(reader)
        except StopIteration:
            return rows, problems
        except csv.Error as error:
            source.position = start + 1
            text = quote_values(lines[start])
            remedy = (
                "cut it shorter, or leave it out"
                if len(lines[start]) > csv.field_size_limit()
                else "correct its quotes"
            )
            problems.append(RowProblem(number, f"is not csv ({error}): {text}; {remedy}"))
            continue
        rows.append((number, [cell.strip() for cell in row]))
