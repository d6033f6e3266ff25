"""missing.json as tables and figures: table 4.4 and figures 4.4, 4.5 and 4.7 of the thesis.

`missing_zeros` is laid out as table 4.4: a model trained on all modalities, tested with some as zeros, beside the model
that was trained on just those ('orig'). `missing_accuracy` and `missing_uar` have a column for every imputation. The
figures have a group of points for every mask, means with deviations: `moddrop_<attention>` sets models of just the
present modalities and a whole model with zeros beside one trained with Moddrop; `knn_<attention>` has imputation by
neighbours in between.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from affect_jax.config.corpus import OWN
from affect_jax.evaluation.missing.missing_file import FILE, name_neighbours
from affect_jax.evaluation.read import Figure
from affect_jax.reports import figures, tables
from affect_jax.reports.render import write_files, write_formats, write_notes, write_plain
from affect_jax.reports.tables import Grid, Head, make_grid
from affect_jax.reports.thesis import NAMES, NAMING, TABLE_4_4, TABLES
from affect_jax.runtime.score_text import label_metric

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

Document = Mapping[str, Any]
METRICS = ("uar", "accuracy")
PRESENT, ABSENT = "●", "○"
NOT_RUN, NOT_POSSIBLE, NO_SUCH = "not run", "n.a.", "–"

_ORIGINAL, _ZEROS, _MODDROP = "trained on just these (UTUT, BTBT)", "trained on all, zeros (MTUT, MTBT)", "Moddrop"
# Colours of M. Okabe and K. Ito's palette, and a marker for each, so that nothing is told by colour alone.
_STYLES = {_ORIGINAL: ("#000000", "s"), _ZEROS: ("#D55E00", "o"), _MODDROP: ("#0072B2", "^")}
_NEIGHBOURS = (("#009E73", "D"), ("#CC79A7", "v"), ("#E69F00", "P"), ("#56B4E9", "X"))


def list_letters(document: Document) -> tuple[str, ...]:
    """Letters of all modalities, in the order in which the studies have them."""
    return tuple(dict.fromkeys(x for entry in document["studies"].values() for x in entry["letters"]))


def list_masks(entry: Mapping[str, Any]) -> list[str]:
    """The masks of a study, few modalities first, then in the order of its modalities."""
    places = {mask: [entry["letters"].index(x) for x in mask.split("+")] for mask in entry["masks"]}
    return sorted(places, key=lambda mask: (len(places[mask]), places[mask]))


def is_ablation(entry: Mapping[str, Any]) -> bool:
    """Whether a study's model lacks some attention or its statistical pooling."""
    return bool(entry["model"].get("pairs")) or not entry["model"].get("statistical_pooling", True)


def is_like_thesis(document: Document) -> bool:
    """Whether the thesis' figures may stand beside ours: the real IEMOCAP with its seven classes."""
    corpus = document["corpus"]
    return corpus["name"] == "iemocap" and not corpus["synthetic"] and document["classes"] == 7


def is_own(document: Document) -> bool:
    """Whether the corpus is the user's own files: the thesis' words, layout and unit are then left out."""
    return document["corpus"]["name"] in OWN


def _name_metric(document: Document, metric: str) -> str:
    return label_metric(metric) if is_own(document) else NAMES[metric]


def _list_lines(document: Document) -> Iterator[tuple[str, dict[str, Any], str]]:
    """(study, its entry, mask) of every line of a table."""
    return ((study, x, mask) for study, x in sorted(document["studies"].items()) for mask in list_masks(x))


def _format_score(score: Mapping[str, Any] | None, fractions: bool = True) -> str:
    """'0.306 ± 0.063' as the thesis prints it, '30.6 ± 6.3' without `fractions`; the mean alone of a single trial."""
    if score is None:
        return NOT_POSSIBLE
    if score["mean"] is None:
        return "not finite"
    return tables.format_figure(Figure(score["mean"], score["std"], score["n"]), "uar", fractions=fractions)


def _format_imputed(entry: Mapping[str, Any], mask: str, imputation: str, metric: str, fractions: bool = True) -> str:
    return _format_score((entry["masks"][mask]["scores"][imputation] or {}).get(metric), fractions)


def _format_original(entry: Mapping[str, Any], mask: str, metric: str, fractions: bool = True) -> str:
    """The score of a model of just these modalities; a cross-modal one of one modality there cannot be."""
    if entry["orig"] is None:
        return ""
    if mask in entry["orig"]:
        return _format_score(entry["orig"][mask][metric], fractions)
    present = entry["masks"][mask]["present"]
    if len(present) == len(entry["modalities"]):
        return ""
    return NOT_POSSIBLE if entry["attention"] == "cross" and len(present) == 1 else NOT_RUN


def _find_printed(entry: Mapping[str, Any], mask: str, place: int) -> str:
    """One of the thesis' four figures of a line of table 4.4; blank where it has none."""
    printed = TABLE_4_4.get(entry["attention"], {}).get(mask)
    if printed is None or entry["moddrop"] or is_ablation(entry):
        return ""
    originals = {row.label: row.published for row in TABLES["4.1"].rows}.get(f"{mask}: {entry['attention']}")
    spread = (*printed, *(originals or (None, None)))[place]
    return NOT_POSSIBLE if spread is None else "{:.3f} ± {:.3f}".format(*spread)


def _make_grid(document: Document, title: str, columns: Mapping[Head, Any], majority: Mapping[Head, float]) -> Grid:
    """A line a study and mask, the cells made of both by `columns`; the last line always says the majority class."""
    corpus, letters, rows = document["corpus"], list_letters(document), []
    mark = " (synthetic)" if corpus["synthetic"] else ""
    for study, entry, mask in _list_lines(document):
        signs = {x: ABSENT if x in entry["letters"] else NO_SUCH for x in letters}
        signs |= dict.fromkeys(mask.split("+"), PRESENT)
        rows.append({"model": f"{study}{mark}"} | signs | {head: write(entry, mask) for head, write in columns.items()})
    shown = {head: tables.format_score(score, "uar", not is_own(document)) for head, score in majority.items()}
    rows.append({"model": f"majority class{mark}"} | shown)
    name = "/".join(filter(None, (corpus["name"], corpus["form"])))
    title = title.format(f"synthetic corpus {name}" if corpus["synthetic"] else name)
    return make_grid(title, rows, _write_notes(document))


def make_zeros_table(document: Document) -> Grid:
    """The layout of table 4.4, for every study; the thesis' figures where the corpus is the thesis'."""
    columns: dict[Head, Any] = {}
    names, unit = {metric: _name_metric(document, metric) for metric in METRICS}, {"fractions": not is_own(document)}
    for metric in METRICS:
        columns["zeros", names[metric]] = partial(_format_imputed, imputation="zeros", metric=metric, **unit)
    for metric in METRICS:
        columns["orig", names[metric]] = partial(_format_original, metric=metric, **unit)
    if is_like_thesis(document):
        heads = [(f"thesis: {kind}", NAMES[metric]) for kind in ("zeros", "orig") for metric in METRICS]
        columns |= {head: partial(_find_printed, place=place) for place, head in enumerate(heads)}
    majority = {("zeros", names[metric]): document["majority"][metric] for metric in METRICS}
    layout = "" if is_own(document) else "Table 4.4's layout. "
    title = f"{layout}{{}}: tested with modalities missing (zeros at the input)"
    return _make_grid(document, title, columns, majority)


def make_matrix(document: Document, metric: str) -> Grid:
    """Every imputation of every mask in one metric."""
    imputations: dict[Head, str] = {"zeros": "zeros", "training mean": "mean"}
    for distance, count in product(document["made_of"]["metrics"], document["made_of"]["counts"]):
        imputations[distance.capitalize(), f"K={count}"] = name_neighbours(count, distance)
    fixed = {"metric": metric, "fractions": not is_own(document)}
    columns = {head: partial(_format_imputed, imputation=x, **fixed) for head, x in imputations.items()}
    columns["orig"] = partial(_format_original, **fixed)
    title = f"{_name_metric(document, metric)}. {{}}: tested with modalities missing, by what stands in for them"
    return _make_grid(document, title, columns, {"zeros": document["majority"][metric]})


def _name_gaps(document: Document) -> list[str]:
    """A sentence for each modality that test examples lack by themselves."""
    gaps: dict[str, int] = {}
    for entry in document["studies"].values():
        gaps |= entry.get("lacking", {})
    return [
        f"{count} test example{'s' if count > 1 else ''} without {letter}: answered by what is left of a mask, or as "
        "zeros where nothing known is left."
        for letter, count in gaps.items()
    ]


def _write_notes(document: Document) -> tuple[str, ...]:
    entries = document["studies"].values()
    trials = [(trial["fold"], trial["seed"]) for entry in entries for trial in entry["trials"]]
    folds, seeds = (len(set(column)) for column in zip(*trials, strict=True))
    originals: dict[str, set[str]] = {}
    lacking = set()
    for _, entry, mask in _list_lines(document):
        if mask in (entry["orig"] or {}):
            originals.setdefault(entry["orig"][mask]["run"], set()).add(entry["orig"][mask]["study"])
        elif _format_original(entry, mask, "uar") == NOT_RUN:
            lacking.add(f"{entry['attention']} {mask}")
    facts = {"folds": folds, "seeds": seeds, "counts": sorted({len(entry["trials"]) for entry in entries})}
    facts |= {"lacking": sorted(lacking), "originals": originals, "naming": "" if is_own(document) else NAMING}
    facts |= {"chance": tables.format_score(1 / document["classes"], "uar", not is_own(document))}
    facts |= {"incomplete": _name_gaps(document)}
    signs = {"present": PRESENT, "absent": ABSENT, "not_possible": NOT_POSSIBLE}
    return write_notes("missing", document=document, **facts, **signs)


def make_tables(document: Document) -> dict[str, Grid]:
    """The tables by file stem."""
    matrices = {f"missing_{metric}": make_matrix(document, metric) for metric in METRICS}
    return {"missing_zeros": make_zeros_table(document), **matrices}


Points = Mapping[str, Mapping[str, Any]]
"""Mask -> metric -> score."""


def list_series(document: Document, attention: str, counts: Sequence[int], distance: str = "") -> dict[str, Points]:
    """What a figure shows of one kind of attention, with imputation by so many neighbours; {} without its study."""
    whole: dict[bool, Mapping[str, Any]] = {}  # with Moddrop or without it, over all modalities
    for entry in document["studies"].values():
        is_whole = len(entry["letters"]) == len(list_letters(document))
        if entry["attention"] == attention and is_whole and not is_ablation(entry):
            whole.setdefault(bool(entry["moddrop"]), entry)
    if False not in whole:
        return {}
    imputations = {_ZEROS: (False, "zeros")}
    imputations |= {f"KNN K={count}": (False, name_neighbours(count, distance)) for count in counts}
    imputations |= {_MODDROP: (True, "zeros")} if True in whole else {}
    series = {_ORIGINAL: dict(whole[False]["orig"] or {})}
    for name, (has_moddrop, imputation) in imputations.items():
        entry = whole[has_moddrop]
        points = {mask: entry["masks"][mask]["scores"][imputation] for mask in list_masks(entry)}
        # A score that is not finite has no place in a figure; the tables say so.
        series[name] = {m: scores for m, scores in points.items() if scores and scores[METRICS[0]]["mean"] is not None}
    return {name: points for name, points in series.items() if points}


def draw_series(document: Document, series: Mapping[str, Points], title: str) -> "Picture":
    """Two panels, one a metric, over the masks of the series."""
    names, figure = list(max(series.values(), key=len)), figures.make_figure(9, 6)
    panels = figure.subplots(len(METRICS), 1, sharex=True)
    neighbours = [name for name in series if name not in _STYLES]
    scale = 100 if is_own(document) else 1
    styles = _STYLES | {name: _NEIGHBOURS[k % len(_NEIGHBOURS)] for k, name in enumerate(neighbours)}
    for panel, metric in zip(panels, METRICS, strict=True):
        for number, (name, points) in enumerate(series.items()):
            shift = 0.6 * ((number + 0.5) / len(series) - 0.5)
            at = [names.index(mask) + shift for mask in points]
            means = [scale * scores[metric]["mean"] for scores in points.values()]
            spread = [scale * (scores[metric]["std"] or 0.0) for scores in points.values()]
            colour, marker = styles[name]
            label = name.partition(" (")[0] if is_own(document) else name  # without the thesis' abbreviations
            panel.errorbar(at, means, spread, color=colour, marker=marker, linestyle="none", capsize=3, label=label)
        level = document["majority"][metric]
        text = tables.format_score(level, metric, not is_own(document))
        panel.axhline(scale * level, color="black", linestyle=":", linewidth=1, label=f"majority class {text}")
        panel.set_ylabel(_name_metric(document, metric), fontsize="small")
        panel.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize="small")
        panel.grid(axis="y", linewidth=0.3)
        for edge in range(1, len(names)):
            panel.axvline(edge - 0.5, color="#BBBBBB", linewidth=0.5)
    panels[-1].set_xticks(range(len(names)), names)
    panels[-1].set(xlim=(-0.5, len(names) - 0.5), xlabel="modalities present in the test split")
    panels[0].set_title(title, fontsize="medium")
    return figures.settle_layout(figure)


def write_figures(document: Document, out: Path, kinds: Sequence[str] = ("png",)) -> list[Path]:
    """Writes the figures that the document's studies allow; returns their paths."""
    corpus, made_of, paths = document["corpus"], document["made_of"], []
    where, distance = f"{'synthetic ' if corpus['synthetic'] else ''}{corpus['name']}", made_of["metrics"][0]
    shown = {"moddrop": ((), "with and without Moddrop")}
    shown["knn"] = (made_of["counts"], f"imputation by {distance} neighbours")
    attentions = sorted({entry["attention"] for entry in document["studies"].values()}) if kinds else []
    for attention in attentions:
        for stem, (counts, what) in shown.items():
            if series := list_series(document, attention, counts, distance):
                title = f"{where}: {attention} attention with modalities missing, {what}"
                figure, name = draw_series(document, series, title), f"{stem}_{attention.replace('+', '_')}"
                paths += [out / f"{name}.{kind}" for kind in kinds]
                for path in paths[-len(kinds) :]:
                    figures.write_figure(figure, path)
    return paths


def score_and_write(
    run: Path, out: Path, command: str, *, figure_formats: Sequence[str] = ("png",), **settings: Any
) -> str:
    """Scores a run with modalities missing and writes missing.json, tables and figures.

    Args:
      run: a finished run folder.
      out: the folder of the files.
      command: for the record.
      figure_formats: of `figures.FORMATS`; () draws none.
      **settings: what is scored, as keywords of `score_run.score_run`.

    Returns:
      The table of zeros, as text.
    """
    from affect_jax.evaluation.missing import score_run  # which needs jax

    document = score_run.score_run(run, out, command, **settings)
    files = {stem: write_formats(grid, command) for stem, grid in make_tables(document).items()}
    paths = [out / FILE, *write_files(files, out), *write_figures(document, out, figure_formats)]
    for path in paths:
        print(f"wrote {path}", file=sys.stderr)
    return write_plain(make_zeros_table(document))
