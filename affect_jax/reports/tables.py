"""The one table type of all reports, and how numbers look in its cells. `affect_jax.reports.render` writes it."""

import math
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from affect_jax.evaluation.read import Figure
from affect_jax.evaluation.significance import Interval
from affect_jax.runtime import score_text

Head = str | tuple[str, str]
"""The head of a column: its name, or its group and name."""


def is_percent(metric: str, fractions: bool = False) -> bool:
    """Whether scores of a metric are printed in percent; `fractions` prints all as fractions."""
    return score_text.is_percent(metric) and not fractions


def format_score(value: float | None, metric: str, fractions: bool = False) -> str:
    """A score: percent with one decimal, or a fraction with three; '' for None."""
    if value is None:
        return ""
    text = f"{100 * value:.1f}" if is_percent(metric, fractions) else f"{value:.3f}"
    return score_text.drop_sign_of_zero(text)


def format_figure(figure: Figure, metric: str, fractions: bool = False) -> str:
    """'63.4 ± 0.8', or the mean alone of a single trial."""
    spread = "" if figure.std is None else f" ± {format_score(figure.std, metric, fractions)}"
    return format_score(figure.mean, metric, fractions) + spread


def format_difference(value: float, metric: str, fractions: bool = False) -> str:
    """'+2.1' points or '+0.021'; the minus is U+2212."""
    text = f"{100 * value:+.1f}" if is_percent(metric, fractions) else f"{value:+.3f}"
    return score_text.drop_sign_of_zero(text).replace("-", "−")


def format_interval(interval: Interval | None, metric: str, fractions: bool = False) -> str:
    """'+0.4 to +2.0 (31 groups)'; '' for None."""
    if interval is None:
        return ""
    low, high = (format_difference(edge, metric, fractions) for edge in (interval.low, interval.high))
    return f"{low} to {high} ({interval.groups} groups)"


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


def pick_fields(value: Any, **columns: str) -> dict[str, Any]:
    """A csv's columns from what a value may have: name of a column -> attribute, such as 'a.mean'; None of None."""
    return {column: None if value is None else attrgetter(attribute)(value) for column, attribute in columns.items()}


class Grid(NamedTuple):
    """A table of strings; columns that share a group stand together."""

    title: str  # one line
    header: tuple[tuple[str, str], ...]  # (group, name) a column; '' groups nothing
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()  # sentences printed below
    tidy: tuple[tuple[str, ...], ...] = ()  # header and rows of the csv, where that has a line a figure

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' heads in one line: a group goes before its name."""
        return tuple(f"{group}: {name}" if group else name for group, name in self.header)

    @property
    def groups(self) -> list[tuple[str, int]]:
        """The groups and how many columns each spans; [] where nothing is grouped."""
        spans = [(group, len(list(heads))) for group, heads in groupby(self.header, key=lambda head: head[0])]
        return spans if any(group for group, _ in spans) else []


def pick_columns(grid: Grid, wanted: Callable[[str, str], bool]) -> Grid:
    """The grid with the columns of which `wanted` (group, name) says yes; its notes and csv stay."""
    kept = [at for at, head in enumerate(grid.header) if wanted(*head)]
    return grid._replace(
        header=tuple(grid.header[at] for at in kept), rows=tuple(tuple(row[at] for at in kept) for row in grid.rows)
    )


def make_grid(
    title: str,
    rows: Iterable[Mapping[Head, Any]],
    notes: Iterable[str] = (),
    tidy: Iterable[Mapping[str, Any]] = (),
) -> Grid:
    """A grid of any values.

    Args:
      title: one line.
      rows: from a column's head to the cell; a row may lack columns of the others, but not change their order.
      notes: sentences.
      tidy: a line a figure for the csv, each from the same columns to values.
    """
    rows, records = tuple(rows), tuple(tidy)
    heads = dict.fromkeys(head for row in rows for head in row)
    lines = (tuple(records[0]), *(record.values() for record in records)) if records else ()
    cells = ([row.get(head) for head in heads] for row in rows)
    texts, tidy_texts = (tuple(tuple(map(format_value, row)) for row in some) for some in (cells, lines))
    header = tuple(("", head) if isinstance(head, str) else head for head in heads)
    return Grid(title, header, texts, tuple(notes), tidy_texts)
