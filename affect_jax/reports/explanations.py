"""Explanations of clips as files: one JSON and one figure a clip, one table of all."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from affect_jax.evaluation.explanations.clips import Clip
from affect_jax.evaluation.explanations.entry import PLANTED
from affect_jax.reports import figures
from affect_jax.runtime.files import read_json, write_atomic, write_json

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
    name = quote(clip.id, safe=" ")  # a clip may be called anything, and no two are to be one file
    figure = figures.draw_explanation(
        clip.x[: clip.length],
        rate,
        entry["segments"],
        np.array(entry["lime"]),
        title=write_headline(entry),
        deviation=np.array(entry["lime_deviation"]),
    )
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
    entries = [read_json(path) for path in sorted(folder.glob("*.json"))]
    others = ("occlusion", "integrated_gradients")
    agreement = [(f"{other}_{k}", other, k) for other in others for k in ("spearman", "top3")]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow((*_COLUMNS, *(name for name, _, _ in agreement), PLANTED))
    for entry in entries:
        flat = {**entry, "order": " ".join(map(str, entry["order"])), "notes": "; ".join(entry["notes"])}
        values = [flat[column] for column in _COLUMNS] + [entry["agreement"][other][k] for _, other, k in agreement]
        values.append(entry.get(PLANTED))
        table.writerow("" if v is None else f"{v:.6g}" if isinstance(v, float) else v for v in values)
    path = folder / "explanations.csv"
    write_atomic(path, text.getvalue().encode())
    return path
