"""What a printed result table is made of."""

from typing import NamedTuple

from affect_jax.reports.sources import Source


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
    """A printed row; of the literature where it has no sources."""

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
