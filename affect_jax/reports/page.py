"""Self-contained HTML pages by Jinja2: every value is escaped, and a policy forbids all but the page's own script.

A page is a title, facts and sections of blocks; `templates/` has the markup, style and scripts.
"""

import base64
import functools
import hashlib
from collections.abc import Sequence
from importlib import resources
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from affect_jax.reports import figures
from affect_jax.reports.tables import Grid

if TYPE_CHECKING:
    import jinja2


class Text(NamedTuple):
    """A paragraph."""

    text: str
    kind = "text"


class Table(NamedTuple):
    """A grid; a click on a column's head sorts by it where it is sortable."""

    grid: "PageGrid"
    sortable: bool = True
    kind = "table"


class PageGrid(NamedTuple):
    """What the template reads of a `Grid`; `groups` are name and span of the heads above the names."""

    title: str
    groups: tuple[tuple[str, int], ...]
    header: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


class Chart(NamedTuple):
    """A picture: what it shows for who does not see it, its data, its caption and the names of its lines."""

    alt: str
    source: str
    caption: str
    legend: tuple[str, ...] = ()
    wide: bool = False
    kind = "chart"


class MatrixCell(NamedTuple):
    """Percent of the true class, a shade from 0 to 10, and what is said where the pointer is."""

    percent: str
    shade: int
    title: str


class Matrix(NamedTuple):
    """A confusion matrix; `rows` are a true class and its cells."""

    title: str
    labels: tuple[str, ...]
    rows: tuple[tuple[str, tuple[MatrixCell, ...]], ...]
    caption: str
    legend: tuple[str, ...] = ()
    wide: bool = False
    kind = "matrix"


class Figures(NamedTuple):
    """Charts or matrices side by side, as many as there is room for; `flow` leaves each its own width."""

    figures: tuple[Chart | Matrix, ...]
    flow: bool = False
    kind = "figures"


class Folded(NamedTuple):
    """Blocks that a click shows."""

    summary: str
    blocks: tuple["Block", ...]
    opened: bool = False
    kind = "folded"


Block = Text | Table | Chart | Matrix | Figures | Folded


class Section(NamedTuple):
    """A part of the page with a heading."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]


def show_grid(grid: Grid, *, sortable: bool = True) -> Table:
    """A grid as a block of a page."""
    groups = tuple((name, len(list(heads))) for name, heads in groupby(grid.header, key=lambda head: head[0]))
    groups = groups if any(name for name, _ in groups) else ()
    return Table(PageGrid(grid.title, groups, grid.header, grid.rows, grid.notes), sortable)


def show_chart(
    figure: "figures.Figure", alt: str, caption: str, legend: Sequence[str] = (), wide: bool = False
) -> Chart:
    """A figure as a block of a page; `alt` says what it shows."""
    data = encode_base64(figures.encode_figure(figure, "svg", text=True))
    return Chart(alt, f"data:image/svg+xml;base64,{data}", caption, tuple(legend), wide)


def show_matrix(counts: np.ndarray, labels: Sequence[str], title: str) -> Matrix:
    """Counts [C, C], truth before answer, as a block: shares of the truth, the counts where the pointer is."""
    rows = []
    for label, mine in zip(labels, counts.tolist(), strict=True):
        total = sum(mine)
        shares = [count / max(total, 1) for count in mine]
        cells = (
            MatrixCell(f"{100 * share:.0f}", round(10 * share), f"{label} taken for {other}: {count} of {total}")
            for other, count, share in zip(labels, mine, shares, strict=True)
        )
        rows.append((label, tuple(cells)))
    return Matrix(title, tuple(labels), tuple(rows), title)


def encode_base64(data: bytes) -> str:
    """Bytes as base64."""
    return base64.b64encode(data).decode()


@functools.cache
def _make_environment() -> "jinja2.Environment":
    import jinja2

    return jinja2.Environment(
        loader=jinja2.PackageLoader(__package__),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _read_asset(name: str) -> str:
    return resources.files(__package__).joinpath("templates", name).read_text(encoding="utf-8")


def _hash_text(text: str) -> str:
    """How a content security policy names an element's text."""
    return f"sha256-{encode_base64(hashlib.sha256(text.encode()).digest())}"


def render_template(name: str, values: dict[str, Any], *, scripts: Sequence[str]) -> bytes:
    """A whole page, UTF-8: no other file, no request to anywhere.

    Args:
      name: `name`.html is the template; base.css and `name`.css its style.
      values: what the template shows; escaped there.
      scripts: files that become its script, one after the other.
    """
    from markupsafe import Markup

    style, script = _read_asset("base.css") + _read_asset(f"{name}.css"), "".join(map(_read_asset, scripts))
    own = {"style": Markup(style), "script": Markup(script)}  # ours: hashed below, so they must stay to the letter
    hashes = {"style_hash": _hash_text(style), "script_hash": _hash_text(script)}
    return _make_environment().get_template(f"{name}.html").render(**values, **own, **hashes).encode()


def render_page(
    title: str, facts: Sequence[str], sections: Sequence[Section], command: str, warning: str = ""
) -> bytes:
    """The page of a report.

    Args:
      title: its heading.
      facts: sentences below it.
      sections: in order.
      command: the command line that made it.
      warning: a sentence that comes before the facts.
    """
    values = {"title": title, "facts": facts, "sections": sections, "command": command, "warning": warning}
    return render_template("report", values, scripts=("report.js",))
