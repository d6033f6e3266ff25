"""One table type and everything that is written into one: Markdown, csv, LaTeX, plain columns, and how numbers look.

HTML is made of the same `Grid` by the templates of `affect_jax.reports.page`.
"""

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from affect_jax.errors import UserError
from affect_jax.reports.read import Figure
from affect_jax.runtime.files import write_atomic

PERCENT = ("accuracy", "uar", "weighted_f1", "macro_f1")
_LABELS = {
    "accuracy": "accuracy %",
    "uar": "UAR %",
    "weighted_f1": "weighted F1 %",
    "macro_f1": "macro F1 %",
    "ccc": "CCC",
    "pcc": "PCC",
    "rmse": "RMSE",
    "log_loss": "log loss",
}


def label_metric(metric: str) -> str:
    """A metric's name as a column head."""
    return _LABELS.get(metric, metric)


def is_percent(metric: str, fractions: bool = False) -> bool:
    """Whether scores of a metric are printed in percent; `fractions` prints all as fractions."""
    return metric in PERCENT and not fractions


def format_score(value: float, metric: str, fractions: bool = False) -> str:
    """A score: percent with one decimal, or a fraction with three."""
    return f"{100 * value:.1f}" if is_percent(metric, fractions) else f"{value:.3f}"


def format_figure(figure: Figure, metric: str, fractions: bool = False) -> str:
    """'63.4 ± 0.8', or the mean alone of a single trial."""
    spread = "" if figure.std is None else f" ± {format_score(figure.std, metric, fractions)}"
    return format_score(figure.mean, metric, fractions) + spread


def format_difference(value: float, metric: str, fractions: bool = False) -> str:
    """'+2.1' points or '+0.021'; the minus is U+2212."""
    text = f"{100 * value:+.1f}" if is_percent(metric, fractions) else f"{value:+.3f}"
    return text.replace("-", "−")


def format_p(p: float) -> str:
    """Three decimals, or '<0.001'; '' for nan."""
    return "" if math.isnan(p) else "<0.001" if p < 0.001 else f"{p:.3f}"


def format_value(value: Any) -> str:
    """A value for a spreadsheet: unrounded; '' for None, nan and False."""
    if value is None or value is False or (isinstance(value, float) and math.isnan(value)):
        return ""
    if value is True:
        return "yes"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


class Grid(NamedTuple):
    """A table of strings; columns that share a group stand together."""

    title: str  # one line
    header: tuple[tuple[str, str], ...]  # (group, name) a column; '' groups nothing
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()  # sentences printed below
    tidy: tuple[tuple[str, ...], ...] = ()  # header and rows of the csv, where that has a line a figure


def make_grid(
    title: str,
    header: Iterable[str | tuple[str, str]],
    rows: Iterable[Sequence[Any]],
    notes: Iterable[str] = (),
    tidy: Iterable[Mapping[str, Any]] = (),
) -> Grid:
    """A grid of any values; a column's head is its name, or its group and name.

    `tidy` has a line a figure for the csv, each from the same columns to values.
    """
    heads = tuple(("", head) if isinstance(head, str) else head for head in header)
    records = tuple(tidy)
    lines = (tuple(records[0]), *(record.values() for record in records)) if records else ()
    texts, tidy_texts = (tuple(tuple(map(format_value, row)) for row in some) for some in (rows, lines))
    return Grid(title, heads, texts, tuple(notes), tidy_texts)


_LATEX = {character: f"\\{character}" for character in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
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
    return text.translate(str.maketrans(_LATEX))


def _join_lines(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _escape_markdown(text: str) -> str:
    return re.sub(r"([\\|*_<>`])", r"\\\1", _join_lines(text))


def _name_columns(grid: Grid) -> tuple[str, ...]:
    return tuple(f"{group}: {name}" if group else name for group, name in grid.header)


def write_markdown(grid: Grid, command: str = "") -> str:
    """A pipe table; a column's group goes before its name."""
    rows = [" | ".join(map(_escape_markdown, row)) for row in (_name_columns(grid), *grid.rows)]
    rule = "| --- |" + " ---: |" * (len(grid.header) - 1)
    lines = [f"**{_escape_markdown(grid.title)}**", "", f"| {rows[0]} |", rule, *(f"| {row} |" for row in rows[1:])]
    if grid.notes:
        lines += ["", *(f"- {_escape_markdown(note)}" for note in grid.notes)]
    if command:
        lines += ["", f"Made by `{_join_lines(command)}`"]
    return "\n".join(lines) + "\n"


def write_csv(grid: Grid, command: str = "") -> str:
    """RFC 4180 rows under one header line; title and notes follow as lines that begin with '# '."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(grid.tidy or (_name_columns(grid), *grid.rows))
    remarks = (grid.title, *grid.notes, *([f"made by: {command}"] if command else []))
    return stream.getvalue() + "".join(f"# {_join_lines(line)}\n" for line in remarks)


def write_latex(grid: Grid, command: str = "") -> str:
    """A booktabs table, as wide as the line at most; needs the packages booktabs and graphicx."""
    columns = len(grid.header)
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape_latex(_join_lines(grid.title))}}}",
        r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        rf"\begin{{tabular}}{{l{'r' * (columns - 1)}}}",
        r"\toprule",
    ]
    if any(group for group, _ in grid.header):
        lines += _write_latex_groups([group for group, _ in grid.header])
    lines += [_write_latex_row(tuple(name for _, name in grid.header)), r"\midrule"]
    lines += [_write_latex_row(row) for row in grid.rows]
    lines += [r"\bottomrule", r"\end{tabular}}"]
    if grid.notes:
        lines += [r"\par\smallskip\raggedright\footnotesize"]
        lines += [rf"{escape_latex(_join_lines(note))}\par" for note in grid.notes]
    remarks = [f"% made by: {_join_lines(command)}"] if command else []
    return "\n".join([*lines, r"\end{table}", *remarks]) + "\n"


def _write_latex_row(row: tuple[str, ...]) -> str:
    # A first cell that begins with '[' would be read as the optional argument of the \\ before it.
    cells = [escape_latex(_join_lines(cell)) for cell in row]
    return " & ".join(f"{{{cell}}}" if cell.startswith("[") else cell for cell in cells) + r" \\"


def _write_latex_groups(groups: list[str]) -> list[str]:
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


def write_plain(grid: Grid) -> str:
    """Columns padded with spaces, for a terminal; empty columns are left out."""
    columns = [column for column in zip(_name_columns(grid), *grid.rows, strict=True) if any(column[1:])]
    widths = [max(map(len, column)) for column in columns]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in zip(*columns, strict=True)
    ]
    return "\n".join([_join_lines(grid.title), "", *lines, "", *map(_join_lines, grid.notes)]).rstrip() + "\n"


FORMATS = {"md": write_markdown, "csv": write_csv, "tex": write_latex}


def write_formats(grid: Grid, command: str = "") -> dict[str, str]:
    """A table by file extension: md, csv and tex, each with the command line that made it."""
    return {kind: write(grid, command) for kind, write in FORMATS.items()}


Files = Mapping[str, Mapping[str, str | bytes]]
"""File stem ('table_5_4', 'cotraining') -> extension -> what goes into the file."""


def write_files(files: Files, out: str | Path) -> list[Path]:
    """Writes rendered files; returns their paths.

    Raises:
      UserError: `out` cannot be a folder.
    """
    out, paths = Path(out), []
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--out={out} cannot be made ({error.strerror}); give a folder that can be written") from error
    for stem, texts in files.items():
        for extension, content in texts.items():
            paths.append(out / f"{stem}.{extension}")
            write_atomic(paths[-1], content if isinstance(content, bytes) else content.encode())
    return paths
