"""Explanations of clips as files: one JSON and one figure a clip, one table of all."""

import csv
import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np

from affect_jax.evaluation import attribution, lime
from affect_jax.reports import figures
from affect_jax.runtime.files import read_json, write_atomic, write_json

LOW_R2, LOW_STABILITY = 0.5, 0.6
"""Below these an explanation is said to be doubtful. Mean Kendall tau .6: one pair of super-samples in five changes its
order from draw to draw."""
_COLUMNS = ("id", "case", "target", "prediction", "lime_r2", "lime_stability", "clipped", "order", "notes")
_PLANTED = "planted_spearman"


class Clip(NamedTuple):
    """One clip to explain.

    Attributes:
      id: of the recording, or the name of a file without its ending.
      x: float32 [T], normalised (eq. 3.4), then padded with zeros or cut.
      length: samples that are not padding.
      target: the truth; None where there is none.
      prediction: what the run has written of it, in its scale; None where it has not.
      case: 1 to 4, see `analysis.cases`; None where there is none.
      notes: what a reader must know of it.
      planted: float32 [10], how much of what makes its target a generator has put into each tenth; None: unknown.
    """

    id: str
    x: np.ndarray
    length: int
    target: float | None = None
    prediction: float | None = None
    case: int | None = None
    notes: tuple[str, ...] = ()
    planted: np.ndarray | None = None


def describe(
    clip: Clip,
    rate: int,
    answer: float,
    bounds: np.ndarray,
    found: lime.Explanation,
    integrated: attribution.Integrated,
    occlusion: np.ndarray,
) -> dict[str, Any]:
    """What the JSON says of a clip: numbers that JSON has, and notes on what to doubt.

    Args:
      clip: it.
      rate: Hz.
      answer: what the model says of the clip now: its prediction, or the explained class' probability.
      bounds: int [S + 1], the super-samples.
      found: LIME.
      integrated: integrated gradients.
      occlusion: [S].
    """
    gradients = attribution.sum_per_segment(integrated.attribution, bounds)
    others = {"occlusion": occlusion, "integrated_gradients": gradients}
    agreement = {name: attribution.measure_agreement(found.coefficients, values) for name, values in others.items()}
    seconds = (bounds / rate).tolist()
    return {
        "id": clip.id,
        "case": clip.case,
        "target": clip.target,
        "prediction": answer if clip.prediction is None else clip.prediction,
        "answer": answer,
        "segments": [[a, b] for a, b in zip(seconds[:-1], seconds[1:], strict=True)],
        "lime": found.coefficients.tolist(),
        "lime_deviation": found.deviation.tolist(),
        "lime_intercept": found.intercept,
        "lime_r2": found.r2,
        "lime_stability": _number(found.stability),
        "order": found.order.tolist(),
        "clipped": found.clipped,
        "distinct_perturbations": found.distinct,
        "occlusion": occlusion.tolist(),
        "integrated_gradients": gradients.tolist(),
        "completeness_error": integrated.error,
        "agreement": {name: {k: _number(v) for k, v in values.items()} for name, values in agreement.items()},
        "notes": [*clip.notes, *_differs(clip, answer), *_doubts(found, integrated)],
    }


def beside_planted(entry: Mapping[str, Any], planted: np.ndarray) -> dict[str, Any]:
    """An entry, and what a generator has planted [S] in its super-samples: the answer that LIME should find."""
    rank = attribution.measure_agreement(np.array(entry["lime"]), planted)["spearman"]
    return {**entry, "planted": planted.tolist(), _PLANTED: _number(rank)}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _differs(clip: Clip, answer: float) -> list[str]:
    if clip.prediction is None or math.isclose(clip.prediction, answer, rel_tol=1e-2, abs_tol=2e-3):
        return []
    return [
        f"the model answers {answer:.3f} here and the run's predictions.npz says {clip.prediction:.3f}: they were "
        "rescaled or post-processed, or the clip has changed"
    ]


def _doubts(found: lime.Explanation, integrated: attribution.Integrated) -> list[str]:
    said = []
    if not found.coefficients.any():
        if found.clipped < 1:  # else they are the same because all were clipped, which is said below
            said.append("the model answers the same whatever is silenced: there is nothing to explain")
    elif found.r2 < LOW_R2:
        said.append(
            f"low surrogate R^2 of {found.r2:.2f}: the model is not linear in the super-samples; trust the ranks little"
        )
    if found.stability < LOW_STABILITY:
        said.append(
            f"unstable ranks: Kendall tau between draws is {found.stability:.2f}; raise --perturbations or trust only "
            "what stands out of its deviation"
        )
    if found.clipped > 0.01:
        said.append(
            f"{found.clipped:.0%} of the perturbed clips are answered outside [-1, 1] and were clipped; "
            "--noclip explains the answer itself"
        )
    if abs(integrated.error) > 0.05 * abs(integrated.difference) + 1e-3:
        said.append(
            f"integrated gradients add up to {integrated.difference + integrated.error:.3f} and should to "
            f"{integrated.difference:.3f}; raise --steps"
        )
    return said


def headline(entry: Mapping[str, Any]) -> str:
    """Two lines: the clip with its truth and prediction; how good the explanation is."""
    of_class = f" of class {entry['class']!r}" if entry.get("class") else ""
    truth = "" if entry["target"] is None else f"  truth {_short(entry['target'])}"
    stability = "-" if entry["lime_stability"] is None else f"{entry['lime_stability']:.2f}"
    return (
        f"{entry['id']}{truth}  prediction{of_class} {_short(entry['prediction'])}\n"
        f"LIME: R² {entry['lime_r2']:.2f}, rank stability {stability}"
    )


def summary(entry: Mapping[str, Any], path: Path) -> str:
    """A clip's entry as lines for a terminal; `path` is its file."""
    title, quality = headline(entry).splitlines()
    case = f" (case {entry['case']})" if entry["case"] else ""
    order = " ".join(f"{k}{'-' if entry['lime'][k] < 0 else ''}" for k in entry["order"])
    lines = [f"{title}{case}", f"  {quality}; super-samples by relevance: {order} -> {path}"]
    if "planted" in entry:
        where = " ".join(f"{k} ({share:.2f})" for k, share in enumerate(entry["planted"]) if share > 0)
        rank = "undefined" if entry[_PLANTED] is None else f"{entry[_PLANTED]:.2f}"
        lines.append(f"  planted in {where or 'none'}; rank correlation with LIME's weights {rank}")
    return "\n".join(lines + [f"  note: {note}" for note in entry["notes"]])


def _short(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.2f}"


def write(folder: Path, clip: Clip, rate: int, entry: Mapping[str, Any], *, svg: bool = False) -> Path:
    """Writes `<id>.json` and `<id>.png` (and svg) to `folder`, which is made where it is missing.

    Returns:
      The JSON file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = quote(clip.id, safe=" ")  # a clip may be called anything, and no two are to be one file
    figure = figures.explanation(
        clip.x[: clip.length],
        rate,
        entry["segments"],
        np.array(entry["lime"]),
        title=headline(entry),
        deviation=np.array(entry["lime_deviation"]),
    )
    for kind in figures.FORMATS if svg else ("png",):
        figures.write(figure, folder / f"{name}.{kind}")
    path = folder / f"{name}.json"
    write_json(path, entry)
    return path


def write_table(folder: Path) -> Path:
    """Writes explanations.csv over all the JSON files of `folder`, one line a clip.

    Raises:
      UserError: a file that is not JSON.
    """
    entries = [read_json(path) for path in sorted(folder.glob("*.json"))]
    others = ("occlusion", "integrated_gradients")
    agreed = [(f"{other}_{k}", other, k) for other in others for k in ("spearman", "top3")]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow((*_COLUMNS, *(name for name, _, _ in agreed), _PLANTED))
    for entry in entries:
        flat = {**entry, "order": " ".join(map(str, entry["order"])), "notes": "; ".join(entry["notes"])}
        values = [flat[column] for column in _COLUMNS] + [entry["agreement"][other][k] for _, other, k in agreed]
        values.append(entry.get(_PLANTED))
        table.writerow("" if v is None else f"{v:.6g}" if isinstance(v, float) else v for v in values)
    path = folder / "explanations.csv"
    write_atomic(path, text.getvalue().encode())
    return path
