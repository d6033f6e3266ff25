"""Figures as files: an explained clip as in figures 3.4 to 3.6 of the thesis. Matplotlib without a display or state."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from affect_jax.errors import UserError
from affect_jax.runtime.files import write_atomic

FOR, AGAINST = "#E69F00", "#0072B2"
"""Orange and blue of M. Okabe and K. Ito's palette: told apart by all common kinds of colour vision."""
FORMATS = ("png", "svg")
_FLOOR = 80.0  # dB below the loudest that are shown


def log_spectrogram(x: np.ndarray, rate: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log magnitude spectrogram: Hann windows of 32 ms every 10 ms.

    Args:
      x: float [T].
      rate: Hz.

    Returns:
      Centres of the windows in seconds [N]; frequencies in Hz [F]; decibels [N, F], 0 at the loudest and -80 at least.
    """
    size, hop = max(round(0.032 * rate), 2), max(round(0.010 * rate), 1)
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(x, (size // 2, size)), size)[: len(x) : hop]
    magnitude = np.abs(np.fft.rfft(frames * np.hanning(size + 1)[:-1], axis=1))
    decibels = 20 * np.log10(np.maximum(magnitude / max(magnitude.max(), 1e-30), 10 ** (-_FLOOR / 20)))
    return np.arange(len(frames)) * hop / rate, np.fft.rfftfreq(size, 1 / rate), decibels


def explanation(
    x: np.ndarray,
    rate: int,
    segments: Sequence[tuple[float, float]],
    coefficients: np.ndarray,
    *,
    title: str,
    deviation: np.ndarray | None = None,
    top: int = 3,
) -> Any:
    """Spectrogram of a clip with its most relevant and its negative super-samples marked, coefficients as bars below.

    The `top` super-samples of largest magnitude have a thick frame and their rank; those that speak against the answer
    are hatched. Colours: orange for, blue against. So nothing is told by colour alone.

    Args:
      x: float [T], the clip without its padding.
      rate: Hz.
      segments: start and end of each super-sample, in seconds.
      coefficients: [S], of LIME.
      title: truth and prediction; may have several lines.
      deviation: [S], over draws of the perturbations, shown as error bars.
      top: how many are framed.

    Returns:
      A matplotlib Figure.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    figure = Figure(figsize=(9, 5), layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    times, frequencies, decibels = log_spectrogram(x, rate)
    end = max(len(x) / rate, segments[-1][1])
    image = above.imshow(
        decibels.T,
        origin="lower",
        aspect="auto",
        cmap="gray_r",
        interpolation="nearest",
        extent=(times[0], times[-1] + 0.010, frequencies[0] / 1000, frequencies[-1] / 1000),
    )
    figure.colorbar(image, ax=above, label="dB", pad=0.01)
    order = [int(k) for k in np.argsort(-np.abs(coefficients), kind="stable")[:top] if coefficients[k]]
    colours = [AGAINST if c < 0 else FOR for c in coefficients]
    for k, (start, stop) in enumerate(segments):
        if k not in order and coefficients[k] >= 0:
            continue
        hatch = {"hatch": "//"} if coefficients[k] < 0 else {}
        above.axvspan(start, stop, facecolor=colours[k], alpha=0.25 if k in order else 0.10, linewidth=0)
        above.axvspan(
            start, stop, fill=False, edgecolor=colours[k], linewidth=2.5 if k in order else 0.0, alpha=0.9, **hatch
        )
        if k in order:
            above.text(
                (start + stop) / 2,
                0.97,
                f"{order.index(k) + 1}",
                transform=above.get_xaxis_transform(),
                ha="center",
                va="top",
                weight="bold",
                bbox={"boxstyle": "circle,pad=0.2", "facecolor": "white", "edgecolor": colours[k]},
            )
    above.set(ylabel="frequency (kHz)", title=title)
    above.legend(
        handles=[
            Patch(facecolor=FOR, alpha=0.6, label="raises the answer"),
            Patch(facecolor=AGAINST, alpha=0.6, hatch="//", label="lowers the answer"),
            Patch(fill=False, edgecolor="black", linewidth=2.5, label=f"{len(order)} most relevant"),
        ],
        loc="upper left",
        bbox_to_anchor=(0.0, -0.02),
        ncols=3,
        frameon=False,
        fontsize="small",
    )
    middles, widths = [(a + b) / 2 for a, b in segments], [0.9 * (b - a) for a, b in segments]
    hatches = ["//" if c < 0 else "" for c in coefficients]
    below.bar(
        middles,
        coefficients,
        widths,
        color=colours,
        hatch=hatches,
        edgecolor="white",
        yerr=deviation,
        error_kw={"ecolor": "black", "capsize": 3},
    )
    below.axhline(0, color="black", linewidth=0.8)
    below.set(xlabel="time (s)", ylabel="LIME coefficient", xlim=(0, end))
    edges = [segments[0][0], *(stop for _, stop in segments)]
    below.set_xticks(edges, [f"{round(edge, 2):g}" for edge in edges])
    above.tick_params(axis="x", labelbottom=False)
    # The layout is settled here: done again at every saving, it would move a little each time.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    return figure


def write(figure: Any, path: Path) -> None:
    """Writes a figure whole, in the format of the path's ending.

    Raises:
      UserError: neither png nor svg.
    """
    kind = path.suffix.removeprefix(".")
    if kind not in FORMATS:
        raise UserError(f"{path} would be a {kind or 'nameless'} file; choose {' or '.join(FORMATS)}")
    write_atomic(path, encode(figure, kind))


def encode(figure: Any, kind: str) -> bytes:
    """A figure as a file of one of `FORMATS`; the same figure gives the same bytes."""
    import matplotlib

    data = io.BytesIO()
    # Dates, versions and random ids would make every file differ.
    unchanging = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
    with matplotlib.rc_context({"svg.hashsalt": "affect_jax"}):
        figure.savefig(data, format=kind, dpi=130, metadata=unchanging)
    return data.getvalue()
