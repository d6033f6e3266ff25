"""Figures of missing.json, as 4.4, 4.5 and 4.7 of the thesis: a group of points for every mask, means with deviations.

`moddrop_<attention>` sets models of just the present modalities and a whole model with zeros beside one trained with
Moddrop; `knn_<attention>` has imputation by neighbours in between. Colours of M. Okabe and K. Ito's palette, and a
marker for each, so that nothing is told by colour alone.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from affect_jax.evaluation.missing.missing_file import name_neighbours
from affect_jax.reports import figures
from affect_jax.reports.thesis import NAMES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Document = Mapping[str, Any]
METRICS = ("uar", "accuracy")

_ORIGINAL, _ZEROS, _MODDROP = "trained on just these (UTUT, BTBT)", "trained on all, zeros (MTUT, MTBT)", "Moddrop"
_STYLES = {_ORIGINAL: ("#000000", "s"), _ZEROS: ("#D55E00", "o"), _MODDROP: ("#0072B2", "^")}
_NEIGHBOURS = (("#009E73", "D"), ("#CC79A7", "v"), ("#E69F00", "P"), ("#56B4E9", "X"))


class Series(NamedTuple):
    """Points of one name: mask -> metric -> figure, in one colour and marker."""

    name: str
    points: dict[str, Mapping[str, Any]]
    colour: str
    marker: str


def list_letters(document: Document) -> tuple[str, ...]:
    """Letters of all modalities, in the order in which the studies have them."""
    return tuple(dict.fromkeys(x for entry in document["studies"].values() for x in entry["letters"]))


def list_masks(entry: Mapping[str, Any]) -> list[str]:
    """The masks of a study, few modalities first, then in the order of its modalities."""

    def place(mask: str) -> tuple[int, list[int]]:
        numbers = [entry["letters"].index(x) for x in mask.split("+")]
        return len(numbers), numbers

    return sorted(entry["masks"], key=place)


def is_ablation(entry: Mapping[str, Any]) -> bool:
    """Whether a study's model lacks some attention or its statistical pooling."""
    return bool(entry["model"].get("pairs")) or not entry["model"].get("statistical_pooling", True)


def _find_studies(document: Document, attention: str) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """The entries of the plain study of an attention and of that with Moddrop, over all modalities."""
    entries: dict[bool, dict[str, Any]] = {}
    for entry in document["studies"].values():
        is_whole = len(entry["letters"]) == len(list_letters(document))
        if entry["attention"] == attention and is_whole and not is_ablation(entry):
            entries.setdefault(bool(entry["moddrop"]), entry)
    return entries.get(False), entries.get(True)


def _make_series(name: str, entry: Mapping[str, Any], imputation: str, style: tuple[str, str]) -> Series:
    points = {mask: entry["masks"][mask]["scores"][imputation] for mask in list_masks(entry)}
    return Series(name, {mask: scores for mask, scores in points.items() if scores}, *style)


def list_series(document: Document, attention: str, counts: Sequence[int], distance: str = "") -> list[Series]:
    """What a figure shows of one kind of attention, with imputation by so many neighbours; [] without its study."""
    plain, dropped = _find_studies(document, attention)
    if plain is None:
        return []
    series = [Series(_ORIGINAL, dict(plain["orig"] or {}), *_STYLES[_ORIGINAL])]
    series.append(_make_series(_ZEROS, plain, "zeros", _STYLES[_ZEROS]))
    for number, count in enumerate(counts):
        style = _NEIGHBOURS[number % len(_NEIGHBOURS)]
        series.append(_make_series(f"KNN K={count}", plain, name_neighbours(count, distance), style))
    if dropped is not None:
        series.append(_make_series(_MODDROP, dropped, "zeros", _STYLES[_MODDROP]))
    return [one for one in series if one.points]


def draw_series(document: Document, series: Sequence[Series], title: str) -> "Figure":
    """Two panels, one a metric, over the masks of the series."""
    names = list(max((one.points for one in series), key=len))
    figure = figures.make_figure(9, 6)
    panels = figure.subplots(len(METRICS), 1, sharex=True)
    for panel, metric in zip(panels, METRICS, strict=True):
        for number, one in enumerate(series):
            shift = 0.6 * ((number + 0.5) / len(series) - 0.5)
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
    panels[-1].set_xlabel("modalities present in the test split")
    panels[0].set_title(title, fontsize="medium")
    return figures.settle_layout(figure)


def write_figures(document: Document, out: Path, kinds: Sequence[str] = ("png",)) -> list[Path]:
    """Writes the figures that the document's studies allow; returns their paths."""
    corpus, made_of, paths = document["corpus"], document["made_of"], []
    where, distance = f"{'synthetic ' if corpus['synthetic'] else ''}{corpus['name']}", made_of["metrics"][0]
    for attention in sorted({entry["attention"] for entry in document["studies"].values()}):
        for stem, counts, what in (
            ("moddrop", (), "with and without Moddrop"),
            ("knn", made_of["counts"], f"imputation by {distance} neighbours"),
        ):
            series = list_series(document, attention, counts, distance)
            if not series:
                continue
            title = f"{where}: {attention} attention with modalities missing, {what}"
            figure = draw_series(document, series, title)
            for kind in kinds:
                paths.append(out / f"{stem}_{attention.replace('+', '_')}.{kind}")
                figures.write_figure(figure, paths[-1])
    return paths
