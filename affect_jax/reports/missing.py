"""missing.json as tables and figures: table 4.4 and figures 4.4, 4.5 and 4.7 of the thesis.

`missing_zeros` is laid out as table 4.4: a model trained on all modalities, tested with some as zeros, beside the model
that was trained on just those ('orig'). `missing_accuracy` and `missing_uar` have a column for every imputation.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
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


def _list_printed(entry: Mapping[str, Any], mask: str) -> tuple[str, ...]:
    """The thesis' four figures of a line of table 4.4; blanks where it has none."""
    printed = None
    if not entry["moddrop"] and not missing_figures.is_ablation(entry):
        printed = TABLE_4_4.get(entry["attention"], {}).get(mask)
    if printed is None:
        return ("",) * 4
    ours = f"{printed.uar:.3f} ± {printed.uar_std:.3f}", f"{printed.accuracy:.3f} ± {printed.accuracy_std:.3f}"
    rows = {row.label: row.published for row in TABLES["4.1"].rows}
    original = rows.get(f"{mask}: {entry['attention']}")
    if original is None:
        return (*ours, NOT_POSSIBLE, NOT_POSSIBLE)
    return (*ours, *(f"{spread.mean:.3f} ± {spread.std:.3f}" for spread in original))


def _begin_header(document: Document) -> list[str | tuple[str, str]]:
    return ["model", *missing_figures.list_letters(document)]


def _end_row(document: Document, *cells: str) -> tuple[str, ...]:
    """The last line: what always saying the majority class gets."""
    blanks = ("",) * len(missing_figures.list_letters(document))
    return (f"majority class{_mark_synthetic(document)}", *blanks, *cells)


def make_zeros_table(document: Document) -> Grid:
    """The layout of table 4.4, for every study; the thesis' figures where the corpus is its own."""
    like_thesis = is_like_thesis(document)
    groups = ["zeros", "orig", *(("thesis: zeros", "thesis: orig") if like_thesis else ())]
    header = _begin_header(document) + [(group, NAMES[metric]) for group in groups for metric in METRICS]
    rows = []
    for entry, mask, first in list_lines(document):
        cells = [format_figure(entry["masks"][mask]["scores"]["zeros"][metric]) for metric in METRICS]
        cells += [_format_original(entry, mask, metric) for metric in METRICS]
        rows.append((*first, *cells, *(_list_printed(entry, mask) if like_thesis else ())))
    majority = [f"{document['majority'][metric]:.3f}" for metric in METRICS]
    rows.append(_end_row(document, *majority, *("",) * (2 * len(groups) - 2)))
    title = f"Table 4.4's layout. {_name_corpus(document)}: tested with modalities missing (zeros at the input)"
    return make_grid(title, header, rows, _write_notes(document))


def make_matrix(document: Document, metric: str) -> Grid:
    """Every imputation of every mask in one metric."""
    names, heads = ["zeros", "mean"], ["zeros", "training mean"]
    for distance in document["made_of"]["metrics"]:
        names += [name_neighbours(k, distance) for k in document["made_of"]["counts"]]
        heads += [(distance.capitalize(), f"K={k}") for k in document["made_of"]["counts"]]
    rows = []
    for entry, mask, first in list_lines(document):
        scores = entry["masks"][mask]["scores"]
        cells = [format_figure((scores[name] or {}).get(metric)) for name in names]
        rows.append((*first, *cells, _format_original(entry, mask, metric)))
    rows.append(_end_row(document, f"{document['majority'][metric]:.3f}", *("",) * len(names)))
    title = f"{NAMES[metric]}. {_name_corpus(document)}: tested with modalities missing, by what stands in for them"
    return make_grid(title, [*_begin_header(document), *heads, "orig"], rows, _write_notes(document))


def _name_corpus(document: Document) -> str:
    corpus = document["corpus"]
    kind = "synthetic corpus " if corpus["synthetic"] else ""
    return f"{kind}{'/'.join(filter(None, (corpus['name'], corpus['form'])))}"


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
