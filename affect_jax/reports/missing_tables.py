"""missing.json as tables and figures: table 4.4 and figures 4.4, 4.5 and 4.7 of the thesis.

`missing_zeros` is laid out as table 4.4: a model trained on all modalities, tested with some as zeros, beside the model
that was trained on just those ('orig'). `missing_accuracy` and `missing_uar` have a column for every imputation.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from affect_jax.evaluation.missing.missing_file import FILE, name_neighbours
from affect_jax.reports import missing_figures
from affect_jax.reports.tables import Grid, make_grid, write_files, write_formats, write_plain
from affect_jax.reports.thesis import NAMES, NAMING, TABLE_4_4, TABLES

Document = Mapping[str, Any]

PRESENT, ABSENT = "●", "○"
NOT_RUN, NOT_POSSIBLE, NO_SUCH = "not run", "n.a.", "–"
METRICS = missing_figures.METRICS


def format_figure(figure: Mapping[str, Any] | None) -> str:
    """'.306 ± .063' as '0.306 ± 0.063'; the mean alone of a single trial."""
    if figure is None:
        return NOT_POSSIBLE
    if figure["mean"] is None:
        return "not finite"
    return f"{figure['mean']:.3f}" + ("" if figure["std"] is None else f" ± {figure['std']:.3f}")


def is_like_thesis(document: Document) -> bool:
    """Whether the thesis' figures may stand beside ours: the real IEMOCAP with its seven classes."""
    corpus = document["corpus"]
    return corpus["name"] == "iemocap" and not corpus["synthetic"] and document["classes"] == 7


def _mark_synthetic(document: Document) -> str:
    return " (synthetic)" if document["corpus"]["synthetic"] else ""


def list_lines(document: Document) -> Iterator[tuple[dict[str, Any], str, tuple[str, ...]]]:
    """(entry of the study, mask, first cells) of every line of a table."""
    for study, entry in sorted(document["studies"].items()):
        for mask in missing_figures.list_masks(entry):
            present = mask.split("+")
            signs = (
                PRESENT if x in present else ABSENT if x in entry["letters"] else NO_SUCH
                for x in missing_figures.list_letters(document)
            )
            yield entry, mask, (f"{study}{_mark_synthetic(document)}", *signs)


def _format_original(entry: Mapping[str, Any], mask: str, metric: str) -> str:
    """The score of a model of just these modalities; a cross-modal one of one modality there cannot be."""
    if entry["orig"] is None:
        return ""
    if mask in entry["orig"]:
        return format_figure(entry["orig"][mask][metric])
    present = entry["masks"][mask]["present"]
    if len(present) == len(entry["modalities"]):
        return ""
    return NOT_POSSIBLE if entry["attention"] == "cross" and len(present) == 1 else NOT_RUN


def _find_printed(entry: Mapping[str, Any], mask: str, place: int) -> str:
    """One of the thesis' four figures of a line of table 4.4; blank where it has none."""
    printed = None
    if not entry["moddrop"] and not missing_figures.is_ablation(entry):
        printed = TABLE_4_4.get(entry["attention"], {}).get(mask)
    if printed is None:
        return ""
    originals = {row.label: row.published for row in TABLES["4.1"].rows}.get(f"{mask}: {entry['attention']}")
    spreads = [printed[:2], printed[2:], *(originals or (None, None))]
    return NOT_POSSIBLE if spreads[place] is None else "{:.3f} ± {:.3f}".format(*spreads[place])


def _make_grid(
    document: Document, title: str, columns: Mapping[Any, Callable[[Any, str], str]], majority: Mapping[Any, str]
) -> Grid:
    """A line a study and mask, the cells made of both by `columns`; the last line always says the majority class."""
    letters = missing_figures.list_letters(document)
    header = ["model", *letters, *columns]
    lines = list_lines(document)
    rows = [(*first, *(write(entry, mask) for write in columns.values())) for entry, mask, first in lines]
    cells = (majority.get(head, "") for head in columns)
    rows.append((f"majority class{_mark_synthetic(document)}", *("",) * len(letters), *cells))
    corpus = document["corpus"]
    name = "/".join(filter(None, (corpus["name"], corpus["form"])))
    title = title.format(f"synthetic corpus {name}" if corpus["synthetic"] else name)
    return make_grid(title, header, rows, _write_notes(document))


def _format_imputed(entry: Mapping[str, Any], mask: str, imputation: str, metric: str) -> str:
    return format_figure((entry["masks"][mask]["scores"][imputation] or {}).get(metric))


def make_zeros_table(document: Document) -> Grid:
    """The layout of table 4.4, for every study; the thesis' figures where the corpus is its own."""
    columns = {("zeros", NAMES[m]): partial(_format_imputed, imputation="zeros", metric=m) for m in METRICS}
    columns |= {("orig", NAMES[metric]): partial(_format_original, metric=metric) for metric in METRICS}
    if is_like_thesis(document):
        heads = [(f"thesis: {kind}", NAMES[metric]) for kind in ("zeros", "orig") for metric in METRICS]
        columns |= {head: partial(_find_printed, place=place) for place, head in enumerate(heads)}
    majority = {("zeros", NAMES[metric]): f"{document['majority'][metric]:.3f}" for metric in METRICS}
    title = "Table 4.4's layout. {}: tested with modalities missing (zeros at the input)"
    return _make_grid(document, title, columns, majority)


def make_matrix(document: Document, metric: str) -> Grid:
    """Every imputation of every mask in one metric."""
    names = {"zeros": "zeros", "training mean": "mean"}
    for distance in document["made_of"]["metrics"]:
        neighbours = {k: name_neighbours(k, distance) for k in document["made_of"]["counts"]}
        names |= {(distance.capitalize(), f"K={k}"): name for k, name in neighbours.items()}
    columns = {head: partial(_format_imputed, imputation=name, metric=metric) for head, name in names.items()}
    columns["orig"] = partial(_format_original, metric=metric)
    title = f"{NAMES[metric]}. {{}}: tested with modalities missing, by what stands in for them"
    return _make_grid(document, title, columns, {"zeros": f"{document['majority'][metric]:.3f}"})


def _write_notes(document: Document) -> tuple[str, ...]:
    trials = [(trial["fold"], trial["seed"]) for entry in document["studies"].values() for trial in entry["trials"]]
    counts = sorted({len(entry["trials"]) for entry in document["studies"].values()})
    folds, seeds = (len(set(column)) for column in zip(*trials, strict=True))
    chance = f"1/{document['classes']} = {1 / document['classes']:.3f}"
    notes = [
        f"{PRESENT} present, {ABSENT} missing. Mean ± sample standard deviation over {' or '.join(map(str, counts))} "
        f"trials (folds x seeds: {folds} x {seeds}) on the test split; the majority class is in the last row, chance "
        f"{chance}.",
        NAMING,
        "zeros: the missing modality is zeros at the input. Training mean, K=...: the vectors before statistical "
        "pooling that need a missing modality are the mean of the training split's, or of the K training examples "
        "nearest by the other vectors. orig: a model trained and tested with the present modalities alone.",
    ]
    if document["corpus"]["synthetic"]:
        notes.append("A generated corpus: it shows that the code runs, nothing about emotions.")
    masks = (mask for entry in document["studies"].values() for mask in entry["masks"].values())
    reasons = dict.fromkeys(mask["reason"] for mask in masks if "reason" in mask)
    notes += [f"{NOT_POSSIBLE}: {reason}; or there is no such model." for reason in reasons]
    return (*notes, *_describe_originals(document))


def _describe_originals(document: Document) -> Iterator[str]:
    """Which runs the models of fewer modalities are from, and which of them are missing."""
    studies: dict[str, set[str]] = {}
    lacking = set()
    for entry, mask, _ in list_lines(document):
        if mask in (entry["orig"] or {}):
            studies.setdefault(entry["orig"][mask]["run"], set()).add(entry["orig"][mask]["study"])
        elif _format_original(entry, mask, "uar") == NOT_RUN:
            lacking.add(f"{entry['attention']} {mask}")
    if lacking:
        yield f"Not run: {', '.join(sorted(lacking))}; name the run folder of these studies by --also."
    for run, names in studies.items():
        yield f"orig from run {run}: {', '.join(sorted(names))}."


def make_tables(document: Document) -> dict[str, Grid]:
    """The tables by file stem."""
    return {
        "missing_zeros": make_zeros_table(document),
        **{f"missing_{metric}": make_matrix(document, metric) for metric in METRICS},
    }


def score_and_write(
    run: Path, out: Path, command: str, *, figure_formats: Sequence[str] = ("png",), **settings: Any
) -> str:
    """Scores a run with modalities missing and writes missing.json, tables and figures.

    Args:
      **settings: what is scored, as keywords of `score_run.score_run`.

    Returns:
      The table of zeros, as text.
    """
    from affect_jax.evaluation.missing import score_run  # which needs jax

    document = score_run.score_run(run, out, command, **settings)
    files = {stem: write_formats(grid, command) for stem, grid in make_tables(document).items()}
    paths = [out / FILE, *write_files(files, out)]
    for path in (*paths, *missing_figures.write_figures(document, out, figure_formats)):
        print(f"wrote {path}", file=sys.stderr)
    return write_plain(make_zeros_table(document))
