"""Explanations of clips as files: one JSON and one figure a clip, one table of all."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from affect_jax.evaluation.explanations.clips import Clip
from affect_jax.evaluation.explanations.entry import PLANTED
from affect_jax.features import audio
from affect_jax.reports import figures
from affect_jax.reports.tables import format_value
from affect_jax.runtime.files import read_json, write_atomic, write_json
from affect_jax.runtime.spreadsheet import format_csv, name_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOR, AGAINST = "#E69F00", "#0072B2"
"""Orange and blue of M. Okabe and K. Ito's palette: told apart by all common kinds of colour vision."""
_COLUMNS = ("id", "case", "target", "prediction", "lime_r2", "lime_stability", "clipped", "order", "notes")


def write_headline(entry: Mapping[str, Any]) -> str:
    """Two lines: the clip with its truth and prediction; how good the explanation is."""
    of_class = f" of class {entry['class']!r}" if entry.get("class") else ""
    truth = "" if entry["target"] is None else f"  truth {_format_short(entry['target'])}"
    stability = "-" if entry["lime_stability"] is None else f"{entry['lime_stability']:.2f}"
    return (
        f"{entry['id']}{truth}  prediction{of_class} {_format_short(entry['prediction'])}\n"
        f"LIME: R² {entry['lime_r2']:.2f}, rank stability {stability}"
    )


def summarize_clip(entry: Mapping[str, Any], path: Path) -> str:
    """A clip's entry as lines for a terminal; `path` is its file."""
    title, quality = write_headline(entry).splitlines()
    case = f" (case {entry['case']})" if entry["case"] else ""
    order = " ".join(f"{k}{'-' if entry['lime'][k] < 0 else ''}" for k in entry["order"])
    lines = [f"{title}{case}", f"  {quality}; super-samples by relevance: {order} -> {path}"]
    if "planted" in entry:
        where = " ".join(f"{k} ({share:.2f})" for k, share in enumerate(entry["planted"]) if share > 0)
        rank = "undefined" if entry[PLANTED] is None else f"{entry[PLANTED]:.2f}"
        lines.append(f"  planted in {where or 'none'}; rank correlation with LIME's weights {rank}")
    return "\n".join(lines + [f"  note: {note}" for note in entry["notes"]])


def _format_short(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.2f}"


def write_clip(folder: Path, clip: Clip, rate: int, entry: Mapping[str, Any], *, svg: bool = False) -> Path:
    """Writes `<id>.json` and `<id>.png` (and svg) to `folder`, which is made where it is missing.

    Returns:
      The JSON file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = name_file(clip.id)  # a clip may be called anything
    figure = draw_explanation(clip.x[: clip.length], rate, entry)
    for kind in figures.FORMATS if svg else ("png",):
        figures.write_figure(figure, folder / f"{name}.{kind}")
    path = folder / f"{name}.json"
    write_json(path, entry)
    return path


def write_clip_table(folder: Path) -> Path:
    """Writes explanations.csv over all the JSON files of `folder`, one line a clip.

    Raises:
      UserError: a file that is not JSON.
    """
    others = ("occlusion", "integrated_gradients")
    agreement = {f"{other}_{k}": (other, k) for other in others for k in ("spearman", "top3")}
    columns = (*_COLUMNS, *agreement, PLANTED)
    rows = [columns]
    for entry in (read_json(path) for path in sorted(folder.glob("*.json"))):
        values = entry | {"order": " ".join(map(str, entry["order"])), "notes": "; ".join(entry["notes"])}
        values |= {name: entry["agreement"][other][k] for name, (other, k) in agreement.items()}
        rows.append([format_value(values[name]) if name in values else "" for name in columns])
    path = folder / "explanations.csv"
    write_atomic(path, format_csv(rows).encode())
    return path


def draw_explanation(x: np.ndarray, rate: int, entry: Mapping[str, Any], top: int = 3) -> "Figure":
    """Spectrogram of a clip with its most relevant and its negative super-samples marked, coefficients as bars below.

    As figures 3.4 to 3.6 of the thesis. The `top` super-samples of largest magnitude have a thick frame and their rank;
    those that speak against the answer are hatched. Colours: orange for, blue against.

    Args:
      x: float [T], the clip without its padding.
      rate: Hz.
      entry: `segments` in seconds, `lime` and `lime_deviation` of each over draws, and what `write_headline` says.
      top: how many are ranked.
    """
    from matplotlib.patches import Patch

    segments, coefficients = entry["segments"], np.array(entry["lime"])
    figure = figures.make_figure(9, 5)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    times, frequencies, decibels = audio.compute_log_spectrogram(x, rate)
    extent = (times[0], times[-1] + 0.010, frequencies[0] / 1000, frequencies[-1] / 1000)
    settings = {"origin": "lower", "aspect": "auto", "interpolation": "nearest"}
    figure.colorbar(above.imshow(decibels, cmap="gray_r", extent=extent, **settings), ax=above, label="dB", pad=0.01)
    order = [int(k) for k in np.argsort(-np.abs(coefficients), kind="stable")[:top] if coefficients[k]]
    colours, hatches = [AGAINST if c < 0 else FOR for c in coefficients], ["//" if c < 0 else "" for c in coefficients]
    for k, (start, stop) in enumerate(segments):
        if k in order or coefficients[k] < 0:
            rank = order.index(k) + 1 if k in order else None
            _mark_segment(above, (start, stop), colours[k], hatches[k], rank)
    handles = [
        Patch(facecolor=FOR, alpha=0.6, label="raises the answer"),
        Patch(facecolor=AGAINST, alpha=0.6, hatch="//", label="lowers the answer"),
        Patch(fill=False, edgecolor="black", linewidth=2.5, label=f"{len(order)} most relevant"),
    ]
    place = {"loc": "upper left", "bbox_to_anchor": (0.0, -0.02), "ncols": 3, "frameon": False, "fontsize": "small"}
    above.legend(handles=handles, **place)
    above.set(ylabel="frequency (kHz)", title=write_headline(entry))
    above.tick_params(axis="x", labelbottom=False)
    middles, widths = [(a + b) / 2 for a, b in segments], [0.9 * (b - a) for a, b in segments]
    errors = {"yerr": entry["lime_deviation"], "error_kw": {"ecolor": "black", "capsize": 3}}
    below.bar(middles, coefficients, widths, color=colours, hatch=hatches, edgecolor="white", **errors)
    below.axhline(0, color="black", linewidth=0.8)
    below.set(xlabel="time (s)", ylabel="LIME coefficient", xlim=(0, max(len(x) / rate, segments[-1][1])))
    edges = [segments[0][0], *(stop for _, stop in segments)]
    below.set_xticks(edges, [f"{round(edge, 2):g}" for edge in edges])
    return figures.settle_layout(figure)


def _mark_segment(panel: Any, span: tuple[float, float], colour: str, hatch: str, rank: int | None) -> None:
    """Shades a super-sample, frames it where it has a rank, hatches it where it speaks against the answer."""
    panel.axvspan(*span, facecolor=colour, alpha=0.25 if rank else 0.10, linewidth=0)
    frame = {"edgecolor": colour, "linewidth": 2.5 if rank else 0.0, "alpha": 0.9} | ({"hatch": hatch} if hatch else {})
    panel.axvspan(*span, fill=False, **frame)
    if rank:
        box = {"boxstyle": "circle,pad=0.2", "facecolor": "white", "edgecolor": colour}
        where = {"transform": panel.get_xaxis_transform(), "ha": "center", "va": "top"}
        panel.text(sum(span) / 2, 0.97, f"{rank}", weight="bold", bbox=box, **where)
