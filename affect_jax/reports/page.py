"""The HTML report's building stones: text, tables, charts and matrices. All that comes from a run is escaped here."""

from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby
from typing import NamedTuple

import numpy as np

from affect_jax.reports import svg, template
from affect_jax.reports.formats import Grid

_SAMPLE = '<svg viewBox="0 0 26 10" aria-hidden="true"><path class="line" d="M1,5H25"/></svg>'


class Section(NamedTuple):
    """A part of the page with a heading; `body` is HTML."""

    anchor: str
    title: str
    body: str


def paragraph(text: str, kind: str = "quiet") -> str:
    """A sentence of plain text."""
    return f'<p class="{kind}">{escape(text)}</p>'


def table(grid: Grid, *, sortable: bool = True) -> str:
    """A grid with its title as caption and its notes below; heads are buttons where a click shall sort by them."""
    groups, names = [], []
    for group, columns in groupby(grid.header, key=lambda column: column[0]):
        span = len(list(columns))
        groups.append(
            f'<th colspan="{span}" scope="colgroup">{escape(group)}</th>' if group else f'<td colspan="{span}"></td>'
        )
    for _, name in grid.header:
        said = f'<button type="button">{escape(name)}</button>' if sortable else escape(name)
        names.append(f'<th scope="col">{said}</th>')
    above = f"<tr>{''.join(groups)}</tr>" if any(group for group, _ in grid.header) else ""
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in grid.rows)
    head = f'<thead>{above}<tr class="names">{"".join(names)}</tr></thead>'
    kind = ' class="sortable"' if sortable else ""
    whole = f"<table{kind}><caption>{escape(grid.title)}</caption>{head}<tbody>{rows}</tbody></table>"
    notes = f"<ul>{''.join(f'<li>{escape(note)}</li>' for note in grid.notes)}</ul>" if grid.notes else ""
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(grid.title)}">{whole}</div>{notes}'


def figure(chart: str, caption: str, legend: Sequence[str] = (), kind: str = "") -> str:
    """A chart with its caption and the names of its lines; `chart` is HTML."""
    items = "".join(f'<li class="c{k % svg.COLOURS}">{_SAMPLE}{escape(name)}</li>' for k, name in enumerate(legend))
    names = f'<ul class="legend">{items}</ul>' if items else ""
    return f'<figure class="{kind}">{chart}<figcaption>{escape(caption)}</figcaption>{names}</figure>'


def grid_of(figures: Iterable[str], kind: str = "figures") -> str:
    """Figures side by side, as many as there is room for; 'flow' leaves each its own width."""
    return f'<div class="{kind}">{"".join(figures)}</div>'


def folded(summary: str, body: str, *, opened: bool = False) -> str:
    """Something that a click shows; `body` is HTML."""
    return f"<details{' open' if opened else ''}><summary>{escape(summary)}</summary>{body}</details>"


def matrix(counts: np.ndarray, labels: Sequence[str], title: str) -> str:
    """A confusion matrix [C, C], truth before answer: shares of the truth, the counts where the pointer is."""
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    head = "".join(f'<th scope="col"><span>{escape(label)}</span></th>' for label in labels)
    rows = ""
    for label, mine, share in zip(labels, counts, shares, strict=True):
        cells = ""
        for other, count, part in zip(labels, mine, share, strict=True):
            said = escape(f"{label} taken for {other}: {count} of {mine.sum()}")
            cells += f'<td class="s{round(10 * part)}" title="{said}">{100 * part:.0f}</td>'
        rows += f'<tr><th scope="trial">{escape(label)}</th>{cells}</tr>'
    corner = '<td class="corner">truth ↓ answer →</td>'
    whole = f"<thead><tr>{corner}{head}</tr></thead><tbody>{rows}</tbody>"
    return f'<table class="matrix" aria-label="{escape(title)}">{whole}</table>'


def render(title: str, facts: Sequence[str], sections: Sequence[Section], command: str, warning: str = "") -> bytes:
    """The whole page, UTF-8: no other file, no request to anywhere.

    Args:
      title: plain text.
      facts: plain sentences below it.
      sections: in order.
      command: the command line that made it.
      warning: a plain sentence that comes before the facts.
    """
    links = "".join(f'<li><a href="#{section.anchor}">{escape(section.title)}</a></li>' for section in sections)
    bodies = "".join(
        f'<section id="{s.anchor}" aria-labelledby="{s.anchor}-name"><h2 id="{s.anchor}-name">{escape(s.title)}</h2>'
        f"{s.body}</section>"
        for s in sections
    )
    pieces = {
        "title": escape(title),
        "facts": (paragraph(warning, "warning") if warning else "") + "".join(map(paragraph, facts)),
        "contents": f"<ul>{links}</ul>",
        "sections": bodies,
        "command": escape(command),
    }
    return template.render("report", pieces, scripts=("report.js",))
