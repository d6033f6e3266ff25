"""A table as text: Markdown, CSV, LaTeX or plain columns from one grid of strings."""

import csv
import io
import re
from itertools import groupby
from typing import NamedTuple


class Grid(NamedTuple):
    """A table of strings.

    Attributes:
      title: one line.
      header: a (group, name) pair a column; columns that share a group stand together, '' groups nothing.
      rows: one string a column.
      notes: sentences printed below.
      command: the command line that made it, kept in every format.
    """

    title: str
    header: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    command: str = ""


_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
    "±": r"$\pm$",
    "−": r"$-$",
    "†": r"$\dagger$",
    "–": "--",
    "●": r"$\bullet$",
    "○": r"$\circ$",
}


def escape_latex(text: str) -> str:
    """Text as LaTeX prints it; every character is replaced once, so nothing is escaped twice."""
    return "".join(_LATEX.get(character, character) for character in text)


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _escape_markdown(text: str) -> str:
    return re.sub(r"([\\|*_<>`])", r"\\\1", _one_line(text))


def markdown(grid: Grid) -> str:
    """A pipe table; a column's group goes before its name."""
    header = [f"{group}: {name}" if group else name for group, name in grid.header]
    lines = [f"**{_escape_markdown(grid.title)}**", ""]
    lines.append("| " + " | ".join(map(_escape_markdown, header)) + " |")
    lines.append("|" + "|".join([" --- "] + [" ---: "] * (len(header) - 1)) + "|")
    lines += ["| " + " | ".join(map(_escape_markdown, row)) + " |" for row in grid.rows]
    if grid.notes:
        lines += ["", *(f"- {_escape_markdown(note)}" for note in grid.notes)]
    if grid.command:
        lines += ["", f"Made by `{_one_line(grid.command)}`"]
    return "\n".join(lines) + "\n"


def comma_separated(grid: Grid) -> str:
    """RFC 4180 rows under one header line; title and notes follow as lines that begin with '# '."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([f"{group}: {name}" if group else name for group, name in grid.header])
    writer.writerows(grid.rows)
    made_by = (f"made by: {grid.command}",) if grid.command else ()
    return stream.getvalue() + "".join(f"# {_one_line(line)}\n" for line in (grid.title, *grid.notes, *made_by))


def latex(grid: Grid) -> str:
    """A booktabs table, as wide as the line at most; needs the packages booktabs and graphicx."""
    columns = len(grid.header)
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape_latex(_one_line(grid.title))}}}",
        r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        rf"\begin{{tabular}}{{l{'r' * (columns - 1)}}}",
        r"\toprule",
    ]
    if any(group for group, _ in grid.header):
        lines += _latex_groups([group for group, _ in grid.header])
    lines += [_latex_row(tuple(name for _, name in grid.header)), r"\midrule"]
    lines += [_latex_row(row) for row in grid.rows]
    lines += [r"\bottomrule", r"\end{tabular}}"]
    if grid.notes:
        lines += [r"\par\smallskip\raggedright\footnotesize"]
        lines += [rf"{escape_latex(_one_line(note))}\par" for note in grid.notes]
    made_by = [f"% made by: {_one_line(grid.command)}"] if grid.command else []
    return "\n".join([*lines, r"\end{table}", *made_by]) + "\n"


def _latex_row(row: tuple[str, ...]) -> str:
    # A first cell that begins with '[' would be read as the optional argument of the \\ before it.
    cells = [escape_latex(_one_line(cell)) for cell in row]
    return " & ".join(f"{{{cell}}}" if cell.startswith("[") else cell for cell in cells) + r" \\"


def _latex_groups(groups: list[str]) -> list[str]:
    cells, rules, start = [], [], 1
    for group, members in groupby(groups):
        span = len(list(members))
        if group:
            cells.append(rf"\multicolumn{{{span}}}{{c}}{{{escape_latex(group)}}}")
            rules.append(rf"\cmidrule(lr){{{start}-{start + span - 1}}}")
        else:
            cells += [""] * span
        start += span
    return [" & ".join(cells) + r" \\", "".join(rules)]


def plain(grid: Grid) -> str:
    """Columns padded with spaces, for a terminal; empty columns are left out."""
    header = tuple(f"{group}: {name}" if group else name for group, name in grid.header)
    columns = [column for column in zip(header, *grid.rows, strict=True) if any(column[1:])]
    widths = [max(map(len, column)) for column in columns]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in zip(*columns, strict=True)
    ]
    return "\n".join([_one_line(grid.title), "", *lines, "", *map(_one_line, grid.notes)]).rstrip() + "\n"


FORMATS = {"md": markdown, "csv": comma_separated, "tex": latex}
