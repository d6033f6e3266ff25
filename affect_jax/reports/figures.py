"""Charts by matplotlib, made without a display or global state.

Lines differ by dashes as well as by colour, so nothing is told by colour alone. The same numbers give the same bytes.
"""

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from affect_jax.runtime.files import write_atomic

if TYPE_CHECKING:  # it takes half a second
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#B0478F", "#8A6D00", "#3B3B98", "#A0522D", "#5C5C5C")
"""One a line of a chart; more lines than that are not told apart."""
FORMATS = ("png", "svg")
_DASHES = ("-", (5, 3), (1.5, 2.5), (6, 2, 1.5, 2), (9, 3), (3, 1.5), (6, 2, 1, 2, 1, 2), ":")
_LONGEST = 44  # characters of a name beside `draw_intervals`


class Line(NamedTuple):
    """A line of a chart."""

    name: str
    x: np.ndarray  # [N], rising
    y: np.ndarray  # [N]; nan is a gap
    spread: np.ndarray | None = None  # [N], half the width of the band around it; None draws none


class Bar(NamedTuple):
    """A line of `draw_intervals`: a mean, its interval (None where it is not known) and what is printed of it."""

    name: str
    mean: float
    interval: tuple[float, float] | None = None
    printed: float | None = None


def make_figure(width: float, height: float) -> "Figure":
    """An empty figure of so many inches, which belongs to no window and no global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def settle_layout(figure: "Figure") -> "Figure":
    """The figure with its layout fixed: done again at every saving, it would move a little each time."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        text.set_parse_math(False)  # names come from a corpus: one with dollar signs is no formula, and may not parse
    with _ignore_missing_glyphs():
        figure.draw_without_rendering()
    figure.set_layout_engine("none")
    return figure


def _ignore_missing_glyphs() -> warnings.catch_warnings:
    """A name in a script that the font lacks has boxes in a png, which is no reason to warn."""
    return warnings.catch_warnings(action="ignore", category=UserWarning)


def _make_panel(width: float, height: float) -> tuple["Figure", Any]:
    """A figure with one plain panel."""
    figure = make_figure(width, height)
    panel = figure.subplots()
    panel.grid(linewidth=0.3)
    panel.tick_params(labelsize="small")
    panel.spines[["top", "right"]].set_visible(False)
    return figure, panel


def thin_line(x: np.ndarray, y: np.ndarray, most: int = 600) -> tuple[np.ndarray, np.ndarray]:
    """At most about `most` points of a long line, the least and the greatest of each piece, so that no peak is lost."""
    if len(x) <= most:
        return x, y
    places = []
    for piece in np.array_split(np.arange(len(x)), most // 2):
        known = piece[np.isfinite(y[piece])]
        places += sorted({int(known[y[known].argmin()]), int(known[y[known].argmax()])}) if known.size else [piece[0]]
    return x[places], y[places]


def draw_lines(lines: Sequence[Line], *, first: int = 0, **labels: Any) -> "Figure":
    """Lines with bands, each in the colour and dashes of its number.

    Args:
      lines: as many as there are colours.
      first: number of the first line's colour.
      **labels: of the panel, such as xlabel, ylabel and ylim.
    """
    from matplotlib.ticker import MaxNLocator

    figure, panel = _make_panel(4.6, 2.5)
    for number, line in enumerate(lines, first):
        colour, dashes = COLOURS[number % len(COLOURS)], _DASHES[number % len(COLOURS)]
        # A point with a gap on either side has no length: a dot is what is seen of it.
        known = np.isfinite(line.y)
        alone = known & ~np.r_[False, known[:-1]] & ~np.r_[known[1:], False]
        panel.plot(line.x, line.y, color=colour, linestyle=dashes if isinstance(dashes, str) else (0, dashes), lw=1.4)
        panel.plot(line.x[alone], line.y[alone], ".", color=colour, markersize=4)
        if line.spread is not None:
            low, high = line.y - line.spread, line.y + line.spread
            panel.fill_between(line.x, low, high, where=np.isfinite(low), color=colour, alpha=0.14, linewidth=0)
    panel.set(**labels)
    is_counted = all(np.issubdtype(line.x.dtype, np.integer) for line in lines)
    panel.xaxis.set_major_locator(MaxNLocator(6, integer=is_counted))
    return settle_layout(figure)


def draw_scatter(truth: np.ndarray, answer: np.ndarray) -> "Figure":
    """Truth [N] against prediction [N] with the line on which they are equal."""
    figure, panel = _make_panel(4.6, 2.5)
    ends = [truth.min(), truth.max()]
    panel.plot(ends, ends, color="black", linewidth=0.9)
    # Rasterized: thousands of dots would make a large page.
    panel.plot(truth, answer, ".", color=COLOURS[0], alpha=0.45, markersize=4, markeredgewidth=0, rasterized=True)
    panel.set(xlabel="truth", ylabel="prediction")
    return settle_layout(figure)


def draw_intervals(bars: Sequence[Bar], label: str, constant: float | None = None) -> "Figure":
    """Means with their intervals, a line each; a dashed line at `constant`, a diamond where something is printed."""
    figure, panel = _make_panel(7.2, 0.6 + 0.26 * len(bars))
    if constant is not None:
        panel.axvline(constant, color=COLOURS[1], linestyle="--", linewidth=1.2)
    for place, bar in enumerate(bars):
        error = bar.interval and [[bar.mean - bar.interval[0]], [bar.interval[1] - bar.mean]]
        panel.errorbar(bar.mean, place, xerr=error, fmt="o", color=COLOURS[0], capsize=3, markersize=5, linewidth=1.4)
        if bar.printed is not None:
            panel.plot(bar.printed, place, "D", color=COLOURS[3], markersize=6)
    names = [bar.name if len(bar.name) <= _LONGEST else f"{bar.name[: _LONGEST - 1]}…" for bar in bars]
    panel.set_yticks(range(len(bars)), names)
    panel.set(xlabel=label, ylim=(len(bars) - 0.5, -0.5))
    return settle_layout(figure)


def draw_matrices(matrices: Sequence[tuple[str, np.ndarray, Sequence[str]]]) -> "Figure":
    """Confusion matrices side by side: a title, shares of the true class [C, C] and the classes' names of each."""
    side = 1.6 + 0.55 * max(len(labels) for _, _, labels in matrices)
    figure = make_figure(side * len(matrices) + 0.8, side)
    panels = figure.subplots(1, len(matrices), squeeze=False)[0]
    for panel, (title, shares, labels) in zip(panels, matrices, strict=True):
        image = panel.imshow(100 * shares, cmap="Blues", vmin=0, vmax=100)
        for (truth, answer), share in np.ndenumerate(shares):
            style = {"color": "white" if share > 0.55 else "black", "ha": "center", "va": "center", "fontsize": "small"}
            panel.text(answer, truth, f"{100 * share:.0f}", **style)
        panel.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
        panel.set_yticks(range(len(labels)), labels)
        panel.set(xlabel="answer", ylabel="truth")
        panel.set_title(title, fontsize="medium")
    figure.colorbar(image, ax=panels, label="percent of the true class", shrink=0.8)
    return settle_layout(figure)


def write_figure(figure: "Figure", path: Path) -> None:
    """Writes a figure whole, in the format of the path's ending, one of `FORMATS`."""
    write_atomic(path, encode_figure(figure, path.suffix.removeprefix(".")))


def encode_figure(figure: "Figure", kind: str, *, text: bool = False) -> bytes:
    """A figure as a file of one of `FORMATS`; the same figure gives the same bytes.

    Args:
      figure: of this module.
      kind: 'png' or 'svg'.
      text: svg keeps text as text in a common font, which is small, instead of drawing its letters.
    """
    import matplotlib

    data = io.BytesIO()
    # Dates, versions and random ids would make every file differ.
    unchanging = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
    settings = {"svg.hashsalt": "affect_jax", "svg.fonttype": "none" if text else "path"}
    with matplotlib.rc_context(settings), _ignore_missing_glyphs():
        figure.savefig(data, format=kind, dpi=130, metadata=unchanging)
    return data.getvalue()
