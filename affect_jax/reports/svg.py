"""Charts as inline SVG. Colours come from the page's style by class, so light and dark pages are both readable.

Every chart says what it shows in its `aria-label`; lines differ by dashes as well as by colour. Coordinates have one
decimal, so the same numbers give the same text.
"""

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import numpy as np

COLOURS = 8
"""Classes c0 to c7 of the page's style; more lines than that are not told apart in one chart."""
_WIDTH, _WIDE, _HEIGHT = 460, 720, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 54, 12, 10, 40
_ROW = 24  # pixels of a line of `intervals`
_CHARACTER, _LONGEST = 7.3, 44  # pixels, about, of a label's character, and how many of them are shown


class Line(NamedTuple):
    """A line of a chart.

    Attributes:
      name: shown when the pointer is on it.
      x: [N], rising.
      y: [N]; nan is a gap.
      spread: [N], half the width of the band around it; None draws none.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    spread: np.ndarray | None = None


class Bar(NamedTuple):
    """A line of `intervals`: a mean, its interval (None where it is not known) and what it is compared with."""

    name: str
    mean: float
    interval: tuple[float, float] | None = None
    printed: float | None = None


def ticks(low: float, high: float, most: int = 6, least: float = 0.0) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten) within [low, high], at most `most`, no nearer than `least`."""
    step = 10.0 ** math.floor(math.log10((high - low) / most))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= most)
    step = max(step, least)
    return [round(k * step, 12) + 0.0 for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def limits(*values: np.ndarray, margin: float = 0.05) -> tuple[float, float]:
    """Least and greatest finite value with a margin; never equal."""
    every = np.concatenate([np.ravel(x) for x in values]).astype(np.float64)
    every = every[np.isfinite(every)]
    if not every.size:
        return 0.0, 1.0
    low, high = float(every.min()), float(every.max())
    room = margin * (high - low) or 0.5 * abs(high) or 1.0
    return low - room, high + room


def thin(x: np.ndarray, y: np.ndarray, most: int = 600) -> tuple[np.ndarray, np.ndarray]:
    """At most about `most` points of a long line, the least and the greatest of each piece: no peak is lost."""
    if len(x) <= most:
        return x, y
    kept = []
    for piece in np.array_split(np.arange(len(x)), most // 2):
        known = piece[np.isfinite(y[piece])]
        kept += sorted({int(known[y[known].argmin()]), int(known[y[known].argmax()])}) if known.size else [piece[0]]
    return x[kept], y[kept]


class _Plane(NamedTuple):
    """Where numbers lie on the paper."""

    x: tuple[float, float]
    y: tuple[float, float]
    left: float = _LEFT
    height: float = _HEIGHT
    width: float = _WIDTH

    def across(self, x: np.ndarray | float) -> np.ndarray | float:
        return self.left + (x - self.x[0]) / (self.x[1] - self.x[0]) * (self.width - _RIGHT - self.left)

    def down(self, y: np.ndarray | float) -> np.ndarray | float:
        return self.height - _BOTTOM - (y - self.y[0]) / (self.y[1] - self.y[0]) * (self.height - _BOTTOM - _TOP)


def _text(x: float, y: float, said: str, kind: str = "middle") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(said)}</text>'


def _number(value: float) -> str:
    return f"{value:g}".replace("-", "−")


def _frame(plane: _Plane, x_label: str, y_label: str, body: str, said: str, whole: bool = False) -> str:
    """Axes, grid and labels around `body`; without `y_label` only the x axis."""
    low, right = plane.height - _BOTTOM, plane.width - _RIGHT
    parts = [f'<svg viewBox="0 0 {plane.width:g} {plane.height:g}" role="img" aria-label="{escape(said)}">']
    parts.append(
        f'<rect class="paper" x="{plane.left:g}" y="{_TOP}" width="{right - plane.left:g}" height="{low - _TOP:g}"/>'
    )
    for value in ticks(*plane.x, least=float(whole)):
        x = plane.across(value)
        parts.append(f'<path class="grid" d="M{x:.1f},{_TOP}V{low:g}"/>')
        parts.append(_text(x, low + 15, _number(value)))
    parts.append(_text((plane.left + right) / 2, plane.height - 6, x_label))
    if y_label:
        for value in ticks(*plane.y, 5):
            y = plane.down(value)
            parts.append(f'<path class="grid" d="M{plane.left:g},{y:.1f}H{right}"/>')
            parts.append(_text(plane.left - 5, y + 4, _number(value), "end"))
        turned = f"{(_TOP + low) / 2:.1f}"
        parts.append(f'<text x="13" y="{turned}" transform="rotate(-90 13 {turned})">{escape(y_label)}</text>')
    return "".join([*parts, body, "</svg>"])


def _runs(known: np.ndarray) -> list[np.ndarray]:
    """Indices of the True values, cut where they are not neighbours."""
    at = np.flatnonzero(known)
    return [piece for piece in np.split(at, np.flatnonzero(np.diff(at) > 1) + 1) if piece.size]


def _points(x: np.ndarray, y: np.ndarray) -> str:
    return "L".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))


def _drawn(line: Line, number: int, plane: _Plane) -> str:
    x, y, bands = plane.across(line.x), plane.down(line.y), ""
    pieces = _runs(np.isfinite(line.y))
    if line.spread is not None:
        low, high = plane.down(line.y - line.spread), plane.down(line.y + line.spread)
        for piece in _runs(np.isfinite(line.y + line.spread)):
            edge = _points(np.r_[x[piece], x[piece[::-1]]], np.r_[high[piece], low[piece[::-1]]])
            bands += f'<path class="band" d="M{edge}Z"/>'
    # A line of one point has no length: its round cap is what is seen.
    path = "".join(f"M{_points(x[p], y[p])}{'h0' if p.size == 1 else ''}" for p in pieces)
    return (
        f'<g class="c{number % COLOURS}"><title>{escape(line.name)}</title>{bands}<path class="line" d="{path}"/></g>'
    )


def lines(
    drawn: Sequence[Line],
    *,
    x_label: str,
    y_label: str,
    said: str,
    y: tuple[float, float] | None = None,
    whole: bool = False,
    first: int = 0,
) -> str:
    """Lines with bands, each with the class of its number.

    Args:
      drawn: at least one line with a point.
      x_label: below.
      y_label: at the side.
      said: for who does not see the chart.
      y: limits; those of lines and bands where they are not given.
      whole: x is counted, so that only whole numbers are written.
      first: number of the first line: c0, c1, ...
    """
    spreads = [0 * line.y if line.spread is None else np.nan_to_num(line.spread) for line in drawn]
    edges = [line.y + sign * spread for line, spread in zip(drawn, spreads, strict=True) for sign in (-1, 1)]
    plane = _Plane(limits(*(line.x for line in drawn), margin=0.02), y or limits(*edges))
    body = "".join(_drawn(line, k, plane) for k, line in enumerate(drawn, first))
    return _frame(plane, x_label, y_label, body, said, whole)


def scatter(truth: np.ndarray, answer: np.ndarray, *, said: str) -> str:
    """Truth [N] against prediction [N] with the line on which they are equal."""
    both = limits(truth, answer)
    plane = _Plane(limits(truth), both)
    ends = np.array(plane.x)
    equal = f'<path class="equal" d="M{_points(plane.across(ends), plane.down(ends))}"/>'
    dots = "".join(f"M{a:.1f},{b:.1f}h0" for a, b in zip(plane.across(truth), plane.down(answer), strict=True))
    return _frame(plane, "truth", "prediction", f'{equal}<path class="dots c0" d="{dots}"/>', said)


def intervals(bars: Sequence[Bar], *, label: str, said: str, constant: float | None = None) -> str:
    """Means with their intervals, a line each; a dashed line at `constant`, a diamond where something is printed."""
    known = [[bar.mean, *(bar.interval or ()), bar.mean if bar.printed is None else bar.printed] for bar in bars]
    values = np.concatenate([*map(np.array, known), np.array([] if constant is None else [constant])])
    left = min(max(len(bar.name) for bar in bars), _LONGEST) * _CHARACTER + 10
    plane = _Plane(limits(values), (0, 1), left, _TOP + _ROW * len(bars) + _BOTTOM, _WIDE)
    parts = []
    if constant is not None:
        x = plane.across(constant)
        parts.append(
            f'<path class="constant" d="M{x:.1f},{_TOP}V{plane.height - _BOTTOM}"><title>constant answer</title></path>'
        )
    for k, bar in enumerate(bars):
        y = _TOP + _ROW * (k + 0.5)
        name = bar.name if len(bar.name) <= _LONGEST else f"{bar.name[: _LONGEST - 1]}…"
        reach = "" if bar.interval is None else f" [{bar.interval[0]:.4g}, {bar.interval[1]:.4g}]"
        parts.append(f'<g class="c0"><title>{escape(bar.name)}: {bar.mean:.4g}{reach}</title>')
        parts.append(_text(left - 6, y + 4, name, "end"))
        if bar.interval is not None:
            a, b = (plane.across(edge) for edge in bar.interval)
            parts.append(
                f'<path class="line" d="M{a:.1f},{y:.1f}H{b:.1f}M{a:.1f},{y - 5:.1f}v10M{b:.1f},{y - 5:.1f}v10"/>'
            )
        parts.append(f'<circle cx="{plane.across(bar.mean):.1f}" cy="{y:.1f}" r="4.5"/></g>')
        if bar.printed is not None:
            x = plane.across(bar.printed)
            diamond = f'<path class="printed" d="M{x:.1f},{y - 6:.1f}l6,6l-6,6l-6,-6Z">'
            parts.append(f"{diamond}<title>published: {bar.printed:.4g}</title></path>")
    return _frame(plane, label, "", "".join(parts), said)
