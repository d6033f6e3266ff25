"""Charts by matplotlib, made without a display or global state: those of the report's page, and an explained clip.

Lines differ by dashes as well as by colour, so nothing is told by colour alone. The same numbers give the same bytes.
"""

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from affect_jax.errors import UserError
from affect_jax.runtime.files import write_atomic

if TYPE_CHECKING:  # it takes half a second
    from matplotlib.figure import Figure

FOR, AGAINST = "#E69F00", "#0072B2"
"""Orange and blue of M. Okabe and K. Ito's palette: told apart by all common kinds of colour vision."""
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#B0478F", "#8A6D00", "#3B3B98", "#A0522D", "#5C5C5C")
"""One a line of a chart; more lines than that are not told apart."""
FORMATS = ("png", "svg")
_DASHES = (
    "-",
    (0, (5, 3)),
    (0, (1.5, 2.5)),
    (0, (6, 2, 1.5, 2)),
    (0, (9, 3)),
    (0, (3, 1.5)),
    (0, (6, 2, 1, 2, 1, 2)),
    ":",
)
_PRINTED = COLOURS[3]
_FLOOR = 80.0  # dB below the loudest that are shown
_LONGEST = 44  # characters of a name beside `draw_intervals`


class Line(NamedTuple):
    """A line of a chart."""

    x: np.ndarray  # [N], rising
    y: np.ndarray  # [N]; nan is a gap
    spread: np.ndarray | None = None  # [N], half the width of the band around it; None draws none


class Bar(NamedTuple):
    """A line of `draw_intervals`: a mean, its interval (None where it is not known) and what is printed of it."""

    name: str
    mean: float
    interval: tuple[float, float] | None = None
    printed: float | None = None


def make_figure(width: float, height: float, **settings: Any) -> "Figure":
    """An empty figure of so many inches, which belongs to no window and no global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", **settings)
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


def draw_lines(
    lines: Sequence[Line],
    *,
    x_label: str,
    y_label: str,
    y_limits: tuple[float, float] | None = None,
    whole: bool = False,
    first: int = 0,
) -> "Figure":
    """Lines with bands, each in the colour and dashes of its number.

    Args:
      y_limits: those of lines and bands where they are not given.
      whole: x is counted, so that only whole numbers are written.
      first: number of the first line's colour.
    """
    from matplotlib.ticker import MaxNLocator

    figure, panel = _make_panel(4.6, 2.5)
    for number, line in enumerate(lines, first):
        colour, dashes = COLOURS[number % len(COLOURS)], _DASHES[number % len(COLOURS)]
        # A point with a gap on either side has no length: a dot is what is seen of it.
        known = np.isfinite(line.y)
        alone = known & ~np.r_[False, known[:-1]] & ~np.r_[known[1:], False]
        panel.plot(line.x, line.y, color=colour, linestyle=dashes, linewidth=1.4)
        panel.plot(line.x[alone], line.y[alone], ".", color=colour, markersize=4)
        if line.spread is not None:
            low, high = line.y - line.spread, line.y + line.spread
            panel.fill_between(line.x, low, high, where=np.isfinite(low), color=colour, alpha=0.14, linewidth=0)
    panel.set(xlabel=x_label, ylabel=y_label)
    if y_limits:
        panel.set_ylim(*y_limits)
    panel.xaxis.set_major_locator(MaxNLocator(6, integer=whole))
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
        low, high = bar.interval or (bar.mean, bar.mean)
        error = None if bar.interval is None else [[bar.mean - low], [high - bar.mean]]
        panel.errorbar(bar.mean, place, xerr=error, fmt="o", color=COLOURS[0], capsize=3, markersize=5, linewidth=1.4)
        if bar.printed is not None:
            panel.plot(bar.printed, place, "D", color=_PRINTED, markersize=6)
    names = [bar.name if len(bar.name) <= _LONGEST else f"{bar.name[: _LONGEST - 1]}…" for bar in bars]
    panel.set_yticks(range(len(bars)), names)
    panel.set(xlabel=label, ylim=(len(bars) - 0.5, -0.5))
    return settle_layout(figure)


def draw_matrices(matrices: Sequence[tuple[str, np.ndarray, Sequence[str]]]) -> "Figure":
    """Confusion matrices side by side: a title, shares of the true class [C, C] and the classes' names of each."""
    classes = max(len(labels) for _, _, labels in matrices)
    side = 1.6 + 0.55 * classes
    figure = make_figure(side * len(matrices) + 0.8, side)
    panels = figure.subplots(1, len(matrices), squeeze=False)[0]
    for panel, (title, shares, labels) in zip(panels, matrices, strict=True):
        image = panel.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for truth, answer in np.ndindex(shares.shape):
            colour = "white" if shares[truth, answer] > 0.55 else "black"
            text = f"{shares[truth, answer]:.2f}".removeprefix("0")
            panel.text(answer, truth, text, ha="center", va="center", color=colour, fontsize="small")
        panel.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
        panel.set_yticks(range(len(labels)), labels)
        panel.set(xlabel="answer", ylabel="truth")
        panel.set_title(title, fontsize="medium")
    figure.colorbar(image, ax=panels, label="share of the true class", shrink=0.8)
    return settle_layout(figure)


def compute_log_spectrogram(x: np.ndarray, rate: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log magnitude spectrogram: Hann windows of 32 ms every 10 ms.

    Returns:
      Centres of the windows in seconds [N]; frequencies in Hz [F]; decibels [N, F], 0 at the loudest and -80 at least.
    """
    size, hop = max(round(0.032 * rate), 2), max(round(0.010 * rate), 1)
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(x, (size // 2, size)), size)[: len(x) : hop]
    magnitude = np.abs(np.fft.rfft(frames * np.hanning(size + 1)[:-1], axis=1))
    decibels = 20 * np.log10(np.maximum(magnitude / max(magnitude.max(), 1e-30), 10 ** (-_FLOOR / 20)))
    return np.arange(len(frames)) * hop / rate, np.fft.rfftfreq(size, 1 / rate), decibels


def draw_explanation(
    x: np.ndarray,
    rate: int,
    segments: Sequence[tuple[float, float]],
    coefficients: np.ndarray,
    *,
    title: str,
    deviation: np.ndarray | None = None,
    top: int = 3,
) -> "Figure":
    """Spectrogram of a clip with its most relevant and its negative super-samples marked, coefficients as bars below.

    As figures 3.4 to 3.6 of the thesis. The `top` super-samples of largest magnitude have a thick frame and their rank;
    those that speak against the answer are hatched. Colours: orange for, blue against.

    Args:
      x: float [T], the clip without its padding.
      rate: Hz.
      segments: start and end of each super-sample, in seconds.
      coefficients: [S], of LIME.
      deviation: [S], over draws of the perturbations, shown as error bars.
    """
    figure = make_figure(9, 5)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    order = [int(k) for k in np.argsort(-np.abs(coefficients), kind="stable")[:top] if coefficients[k]]
    colours = [AGAINST if c < 0 else FOR for c in coefficients]
    _draw_spectrogram(figure, above, x, rate)
    for k, (start, stop) in enumerate(segments):
        if k in order or coefficients[k] < 0:
            rank = order.index(k) + 1 if k in order else None
            _mark_segment(above, start, stop, colours[k], rank, is_negative=coefficients[k] < 0)
    above.set(ylabel="frequency (kHz)", title=title)
    _explain_marks(above, len(order))
    middles, widths = [(a + b) / 2 for a, b in segments], [0.9 * (b - a) for a, b in segments]
    below.bar(
        middles,
        coefficients,
        widths,
        color=colours,
        hatch=["//" if c < 0 else "" for c in coefficients],
        edgecolor="white",
        yerr=deviation,
        error_kw={"ecolor": "black", "capsize": 3},
    )
    below.axhline(0, color="black", linewidth=0.8)
    below.set(xlabel="time (s)", ylabel="LIME coefficient", xlim=(0, max(len(x) / rate, segments[-1][1])))
    edges = [segments[0][0], *(stop for _, stop in segments)]
    below.set_xticks(edges, [f"{round(edge, 2):g}" for edge in edges])
    above.tick_params(axis="x", labelbottom=False)
    return settle_layout(figure)


def _draw_spectrogram(figure: "Figure", panel: Any, x: np.ndarray, rate: int) -> None:
    times, frequencies, decibels = compute_log_spectrogram(x, rate)
    image = panel.imshow(
        decibels.T,
        origin="lower",
        aspect="auto",
        cmap="gray_r",
        interpolation="nearest",
        extent=(times[0], times[-1] + 0.010, frequencies[0] / 1000, frequencies[-1] / 1000),
    )
    figure.colorbar(image, ax=panel, label="dB", pad=0.01)


def _mark_segment(panel: Any, start: float, stop: float, colour: str, rank: int | None, *, is_negative: bool) -> None:
    """Shades a super-sample, frames it where it has a rank, hatches it where it speaks against the answer."""
    hatch = {"hatch": "//"} if is_negative else {}
    panel.axvspan(start, stop, facecolor=colour, alpha=0.25 if rank else 0.10, linewidth=0)
    panel.axvspan(start, stop, fill=False, edgecolor=colour, linewidth=2.5 if rank else 0.0, alpha=0.9, **hatch)
    if rank:
        box = {"boxstyle": "circle,pad=0.2", "facecolor": "white", "edgecolor": colour}
        where = {"transform": panel.get_xaxis_transform(), "ha": "center", "va": "top"}
        panel.text((start + stop) / 2, 0.97, f"{rank}", weight="bold", bbox=box, **where)


def _explain_marks(panel: Any, ranked: int) -> None:
    from matplotlib.patches import Patch

    panel.legend(
        handles=[
            Patch(facecolor=FOR, alpha=0.6, label="raises the answer"),
            Patch(facecolor=AGAINST, alpha=0.6, hatch="//", label="lowers the answer"),
            Patch(fill=False, edgecolor="black", linewidth=2.5, label=f"{ranked} most relevant"),
        ],
        loc="upper left",
        bbox_to_anchor=(0.0, -0.02),
        ncols=3,
        frameon=False,
        fontsize="small",
    )


def write_figure(figure: "Figure", path: Path) -> None:
    """Writes a figure whole, in the format of the path's ending.

    Raises:
      UserError: neither png nor svg.
    """
    kind = path.suffix.removeprefix(".")
    if kind not in FORMATS:
        raise UserError(f"{path} would be a {kind or 'nameless'} file; choose {' or '.join(FORMATS)}")
    write_atomic(path, encode_figure(figure, kind))


def encode_figure(figure: "Figure", kind: str, *, text: bool = False) -> bytes:
    """A figure as a file of one of `FORMATS`; the same figure gives the same bytes.

    Args:
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
