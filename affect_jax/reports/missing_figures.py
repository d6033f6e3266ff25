"""Figures of missing.json, as 4.4, 4.5 and 4.7 of the thesis: a group of points for every mask, means with deviations.

`moddrop_<attention>` sets models of just the present modalities and a whole model with zeros beside one trained with
Moddrop; `knn_<attention>` has imputation by neighbours in between. Colours of M. Okabe and K. Ito's palette, and a
marker for each, so that nothing is told by colour alone.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from affect_jax.evaluation.missing.missing_file import name_neighbours
from affect_jax.reports import figures
from affect_jax.reports.missing import METRICS, Document, letters, masks
from affect_jax.reports.thesis import NAMES

_ORIGINAL, _ZEROS, _MODDROP = "trained on just these (UTUT, BTBT)", "trained on all, zeros (MTUT, MTBT)", "Moddrop"
_STYLES = {_ORIGINAL: ("#000000", "s"), _ZEROS: ("#D55E00", "o"), _MODDROP: ("#0072B2", "^")}
_NEIGHBOURS = (("#009E73", "D"), ("#CC79A7", "v"), ("#E69F00", "P"), ("#56B4E9", "X"))


class Series(NamedTuple):
    """Points of one name: mask -> metric -> figure, in one colour and marker."""

    name: str
    points: dict[str, Mapping[str, Any]]
    colour: str
    marker: str


def _pair(document: Document, attention: str) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """The entries of the plain study of an attention and of that with Moddrop, over all modalities."""
    found: dict[bool, dict[str, Any]] = {}
    for entry in document["studies"].values():
        model = entry["model"]
        ablated = model.get("pairs") or not model.get("statistical_pooling", True)
        if entry["attention"] == attention and not ablated and len(entry["letters"]) == len(letters(document)):
            found.setdefault(bool(entry["moddrop"]), entry)
    return found.get(False), found.get(True)


def _series(name: str, entry: Mapping[str, Any], imputation: str, style: tuple[str, str]) -> Series:
    points = {mask: entry["masks"][mask]["scores"][imputation] for mask in masks(entry)}
    return Series(name, {mask: scores for mask, scores in points.items() if scores}, *style)


def series(document: Document, attention: str, counts: Sequence[int], distance: str = "") -> list[Series]:
    """What a figure shows of one kind of attention, with imputation by so many neighbours; [] without its study."""
    plain, dropped = _pair(document, attention)
    if plain is None:
        return []
    found = [Series(_ORIGINAL, dict(plain["orig"] or {}), *_STYLES[_ORIGINAL])]
    found.append(_series(_ZEROS, plain, "zeros", _STYLES[_ZEROS]))
    for number, count in enumerate(counts):
        style = _NEIGHBOURS[number % len(_NEIGHBOURS)]
        found.append(_series(f"KNN K={count}", plain, name_neighbours(count, distance), style))
    if dropped is not None:
        found.append(_series(_MODDROP, dropped, "zeros", _STYLES[_MODDROP]))
    return [one for one in found if one.points]


def draw(document: Document, found: Sequence[Series], title: str) -> Any:
    """A matplotlib Figure of two panels, one a metric, over the masks of the series."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = list(max((one.points for one in found), key=len))
    figure = Figure(figsize=(9, 6), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(METRICS), 1, sharex=True)
    for panel, metric in zip(panels, METRICS, strict=True):
        for number, one in enumerate(found):
            shift = 0.6 * ((number + 0.5) / len(found) - 0.5)
            at = [names.index(mask) + shift for mask in one.points]
            means = [scores[metric]["mean"] for scores in one.points.values()]
            spread = [scores[metric]["std"] or 0.0 for scores in one.points.values()]
            style = {"color": one.colour, "marker": one.marker, "linestyle": "none", "capsize": 3}
            panel.errorbar(at, means, yerr=spread, label=one.name, **style)
        level = document["majority"][metric]
        panel.axhline(level, color="black", linestyle=":", linewidth=1, label=f"majority class {level:.3f}")
        panel.set_ylabel(NAMES[metric], fontsize="small")
        panel.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize="small")
        panel.grid(axis="y", linewidth=0.3)
        for edge in range(1, len(names)):
            panel.axvline(edge - 0.5, color="#BBBBBB", linewidth=0.5)
    panels[-1].set_xticks(range(len(names)), names)
    panels[-1].set_xlim(-0.5, len(names) - 0.5)
    panels[-1].set_xlabel("modalities present in the test part")
    panels[0].set_title(title, fontsize="medium")
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # done again at every saving, it would move a little each time
    return figure


def write(document: Document, out: Path, kinds: Sequence[str] = ("png",)) -> list[Path]:
    """Writes the figures that the document's studies allow; returns their paths."""
    corpus = document["corpus"]
    where = f"{'synthetic ' if corpus['synthetic'] else ''}{corpus['name']}"
    distance, paths = document["made_of"]["metrics"][0], []
    for attention in sorted({entry["attention"] for entry in document["studies"].values()}):
        shown = {
            "moddrop": (series(document, attention, ()), "with and without Moddrop"),
            "knn": (
                series(document, attention, document["made_of"]["counts"], distance),
                f"imputation by {distance} neighbours",
            ),
        }
        for stem, (found, what) in shown.items():
            if not found:
                continue
            figure = draw(document, found, f"{where}: {attention} attention with modalities missing, {what}")
            for kind in kinds:
                paths.append(out / f"{stem}_{attention.replace('+', '_')}.{kind}")
                figures.write(figure, paths[-1])
    return paths
