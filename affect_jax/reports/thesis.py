"""The figures of the thesis' result tables, which run of ours fills which cell, and what the thesis compares.

Every published figure of the project lives in `thesis/chapter_N.toml` and nowhere else. There a table has columns
(label, metric and whatever its rows' sources name) and rows: a label, the cells exactly as printed (accuracy, UAR and
F1 in percent, in chapter 4 as fractions; CCC as a fraction), and the run of ours that belongs there as 'config argument
| study | variant', in which {pair} is what the column calls `pair`. A list has a source for each column, '' for none; a
row of the literature has no source. A cell is a number, [mean, standard deviation], or '–' where nothing was printed. A
misprint is mended by a `Swap`, which keeps what was printed and says why it moved.
"""

import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any, NamedTuple

from affect_jax.evaluation.compare import Question
from affect_jax.evaluation.read import Source
from affect_jax.reports.sources import Pair


class Spread(NamedTuple):
    """A figure printed as mean ± standard deviation."""

    mean: float
    std: float


Published = float | Spread | None
"""A cell exactly as printed; None where nothing was printed."""


class Column(NamedTuple):
    """What a column holds: its head without a unit, and the metric in our results."""

    label: str
    metric: str


class Row(NamedTuple):
    """A printed row."""

    label: str
    published: tuple[Published, ...]
    sources: tuple[Source | None, ...] = ()  # one a column; () for a row of the literature


class Swap(NamedTuple):
    """Two columns whose heads changed places for some rows, as printed."""

    columns: tuple[int, int]
    rows: tuple[str, ...]
    why: str


class Table(NamedTuple):
    """A printed table."""

    number: str
    caption: str
    corpus: str
    split: str  # the split whose figures are printed: 'validation' is RECOLA's development split
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    swap: Swap | None = None
    scored_by_owners: bool = False  # labels are kept back: no run of ours can fill a cell
    fractions: bool = False  # accuracy, UAR and F1 are printed as fractions, not in percent

    def figures(self, row: Row) -> tuple[Published, ...]:
        """The published cells of a row under the columns they belong to."""
        cells = list(row.published)
        if self.swap is not None and row.label in self.swap.rows:
            i, j = self.swap.columns
            cells[i], cells[j] = cells[j], cells[i]
        return tuple(cells)


def _read_chapter(number: int) -> dict[str, Any]:
    path = resources.files(__package__).joinpath("thesis", f"chapter_{number}.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _read_source(text: str, names: Mapping[str, str] | None = None) -> Source:
    return Source(*text.format(**(names or {})).split(" | "))


def _read_table(entry: Mapping[str, Any]) -> Table:
    heads, swap = entry["columns"], entry.get("swap")
    columns = tuple(Column(head.get("label") or NAMES[head["metric"]], head["metric"]) for head in heads)
    rows = tuple(_read_row(heads, *row) for row in entry["rows"])
    swap = swap and Swap(tuple(swap["columns"]), tuple(swap["rows"]), swap["why"])
    return Table(**{**entry, "columns": columns, "rows": rows, "swap": swap})


def _read_row(heads: Sequence[Mapping[str, str]], label: str, cells: list, runs: str | list[str] = "") -> Row:
    of_columns = [runs] * len(heads) if isinstance(runs, str) else runs
    sources = tuple(_read_source(run, head) if run else None for run, head in zip(of_columns, heads, strict=True))
    published = tuple(Spread(*x) if isinstance(x, list) else None if x == "–" else x for x in cells)
    return Row(label, published, sources if runs else ())


def _read_pair(method: Mapping[str, Any], pair: Mapping[str, str]) -> Pair:
    facts = method | pair
    references = tuple((name, _read_source(source, pair)) for name, source in method["references"])
    source, label = _read_source(method["method"], pair), f"{method['name']} {pair['pair']}"
    return Pair(label, facts["corpus"], facts["split"], tuple(facts["metrics"]), source, references)


_CHAPTERS = tuple(map(_read_chapter, (3, 4, 5)))
_FUSION, _CO_LEARNING = _CHAPTERS[1:]
RUNS = _FUSION["runs"]
NAMES = _FUSION["names"]
"""Metrics of chapter 4 as column heads, which say what the thesis calls them."""
NAMING = _FUSION["naming"]
SIGNIFICANT = {(a, b): tuple(metrics) for a, b, metrics in _FUSION["significant"]}
QUESTIONS = tuple(
    Question(label, _read_source(a), _read_source(b), "test", ("uar", "accuracy"))
    for label, a, b in _FUSION["questions"]
)
"""What chapter 4 compares."""
PAIRS = tuple(_read_pair(method, pair) for method in _CO_LEARNING["methods"] for pair in method["pairs"])
"""What chapter 5 asks of each pair of modalities."""
TABLE_4_4 = {
    name: {mask: (Spread(*cells[:2]), Spread(*cells[2:])) for mask, cells in masks.items()}
    for name, masks in _FUSION["missing"].items()
}
"""Attention -> modalities present -> UAR and accuracy of a trimodal model, zeros for the others, over `RUNS` values."""
TABLES = {entry["number"]: _read_table(entry) for chapter in _CHAPTERS for entry in chapter["tables"]}
PRINTED: dict[tuple[Source, str], tuple[Table, Published]] = {}
"""A variant and metric -> what is printed of it, and the table that does so; where several do, the first."""
for _table in TABLES.values():
    for _row in _table.rows:
        for _source, _column, _value in zip(_row.sources, _table.columns, _table.figures(_row), strict=False):
            if _source is not None and _value is not None:
                PRINTED.setdefault((_source, _column.metric), (_table, _value))
NOTES = {corpus: tuple(notes) for chapter in _CHAPTERS for corpus, notes in chapter["notes"].items()}
"""Printed under every table of a corpus, whatever the runs are."""
NOTES["iemocap"] = (NAMING, *NOTES["iemocap"])
VALIDATION_TRAP = NOTES["cmu_mosi"][1]

GROUPS = {
    "conflict": ("3.1",),
    "fusion": ("4.1", "4.2", "4.3", "4.5"),
    "mosi": ("5.4", "5.6"),
    "recola": ("5.1", "5.2", "5.3", "5.5", "5.7"),
}
"""What `--tables=mosi` and the like stand for."""
