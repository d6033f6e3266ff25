"""Self-contained HTML pages by Jinja2: every value is escaped, and a policy forbids all but the page's own script.

`templates/` has the markup, style and scripts. What a function here returns is markup, in which values are escaped.
"""

import base64
import functools
import hashlib
from collections.abc import Iterable, Sequence
from importlib import resources
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from markupsafe import Markup

from affect_jax.reports import figures
from affect_jax.reports.tables import Grid

if TYPE_CHECKING:
    import jinja2


class Section(NamedTuple):
    """A part of the page with a heading."""

    anchor: str
    title: str
    body: Markup


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


def _render_block(name: str, *values: Any) -> Markup:
    """One macro of blocks.html."""
    return getattr(_make_environment().get_template("blocks.html").module, name)(*values)


def show_text(text: str) -> Markup:
    """A paragraph."""
    return _render_block("text", text)


def show_grid(grid: Grid, *, sortable: bool = True) -> Markup:
    """A table with its title and notes; a click on a column's head sorts by it where it is sortable."""
    groups = [(name, len(list(heads))) for name, heads in groupby(grid.header, key=lambda head: head[0])]
    return _render_block("table", grid, groups if any(name for name, _ in groups) else [], sortable)


def show_matrix(counts: np.ndarray, labels: Sequence[str], title: str) -> Markup:
    """Confusion counts [C, C], truth before answer: shares of the truth, the counts where the pointer is."""
    return _render_block("matrix", counts.tolist(), labels, title)


def show_chart(
    figure: "figures.Figure", alt: str, caption: str, legend: Sequence[str] = (), wide: bool = False
) -> Markup:
    """A figure with its caption and the names of its lines; `alt` says what it shows to who does not see it."""
    data = encode_base64(figures.encode_figure(figure, "svg", text=True))
    return _render_block("chart", f"data:image/svg+xml;base64,{data}", alt, caption, legend, wide)


def show_beside(blocks: Iterable[Markup], kind: str = "figures") -> Markup:
    """Charts side by side, as many as there is room for; 'flow' leaves each its own width."""
    return _render_block("beside", list(blocks), kind)


def show_folded(summary: str, body: Markup, *, opened: bool = False) -> Markup:
    """Something that a click shows."""
    return _render_block("folded", summary, body, opened)


def encode_base64(data: bytes) -> str:
    """Bytes as base64."""
    return base64.b64encode(data).decode()


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
    style, script = _read_asset("base.css") + _read_asset(f"{name}.css"), "".join(map(_read_asset, scripts))
    own = {"style": Markup(style), "script": Markup(script)}  # ours: hashed below, so they must stay to the letter
    hashes = {"style_hash": _hash_text(style), "script_hash": _hash_text(script)}
    return _make_environment().get_template(f"{name}.html").render(**values, **own, **hashes).encode()
