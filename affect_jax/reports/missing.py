"""Tables of missing.json: table 4.4 of the thesis, and every mask beside every imputation.

`missing_zeros` is laid out as table 4.4: a model trained on all modalities, tested with some as zeros, beside the model
that was trained on just those ('orig'). `missing_accuracy` and `missing_uar` have a column for every imputation.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from affect_jax.evaluation.missing.missing_file import name_neighbours
from affect_jax.reports import formats
from affect_jax.reports.formats import Grid
from affect_jax.reports.thesis import NAMES, NAMING, TABLE_4_4, TABLES

Document = Mapping[str, Any]

THERE, GONE = "●", "○"
NOT_RUN, NOT_POSSIBLE, NO_SUCH = "not run", "n.a.", "–"
METRICS = ("uar", "accuracy")


def score(figure: Mapping[str, Any] | None) -> str:
    """'.306 ± .063' as '0.306 ± 0.063'; the mean alone of a single row."""
    if figure is None:
        return NOT_POSSIBLE
    if figure["mean"] is None:
        return "not finite"
    return f"{figure['mean']:.3f}" + ("" if figure["std"] is None else f" ± {figure['std']:.3f}")


def letters(document: Document) -> tuple[str, ...]:
    """Letters of all modalities, in the order in which the studies have them."""
    return tuple(dict.fromkeys(x for entry in document["studies"].values() for x in entry["letters"]))


def masks(entry: Mapping[str, Any]) -> list[str]:
    """The masks of a study, few modalities first, then in the order of its modalities."""

    def place(mask: str) -> tuple[int, list[int]]:
        numbers = [entry["letters"].index(x) for x in mask.split("+")]
        return len(numbers), numbers

    return sorted(entry["masks"], key=place)


def like_the_thesis(document: Document) -> bool:
    """Whether the thesis' figures may stand beside ours: the real IEMOCAP with its seven classes."""
    corpus = document["corpus"]
    return corpus["name"] == "iemocap" and not corpus["synthetic"] and document["classes"] == 7


def lines(document: Document) -> Iterator[tuple[str, dict[str, Any], str, dict[str, Any], tuple[str, ...]]]:
    """(study, its entry, mask, the mask's entry, first cells) of every line of a table."""
    made_up = " (synthetic)" if document["corpus"]["synthetic"] else ""
    every = letters(document)
    for study, entry in sorted(document["studies"].items()):
        for mask in masks(entry):
            present = mask.split("+")
            signs = (THERE if x in present else GONE if x in entry["letters"] else NO_SUCH for x in every)
            yield study, entry, mask, entry["masks"][mask], (f"{study}{made_up}", *signs)


def _constant(document: Document) -> tuple[str, ...]:
    made_up = " (synthetic)" if document["corpus"]["synthetic"] else ""
    return (f"majority class{made_up}", *("",) * len(letters(document)))


def _header(document: Document) -> tuple[tuple[str, str], ...]:
    return (("", "model"), *(("", x) for x in letters(document)))


def _original(entry: Mapping[str, Any], mask: str, metric: str) -> str:
    """The score of a model of just these modalities; a cross-modal one of one modality there cannot be."""
    if entry["orig"] is None:
        return ""
    if mask in entry["orig"]:
        return score(entry["orig"][mask][metric])
    present = entry["masks"][mask]["present"]
    if len(present) == len(entry["modalities"]):
        return ""
    return NOT_POSSIBLE if entry["attention"] == "cross" and len(present) == 1 else NOT_RUN


def _printed(entry: Mapping[str, Any], mask: str) -> tuple[str, ...]:
    """The thesis' four figures of a line of table 4.4; blanks where it has none."""
    plain = not entry["moddrop"] and not entry["model"].get("pairs") and entry["model"].get("statistical_pooling", True)
    found = TABLE_4_4.get(entry["attention"], {}).get(mask) if plain else None
    if found is None:
        return ("",) * 4
    ours = f"{found.uar:.3f} ± {found.uar_std:.3f}", f"{found.accuracy:.3f} ± {found.accuracy_std:.3f}"
    rows = {row.label: row.published for row in TABLES["4.1"].rows}
    original = rows.get(f"{mask}: {entry['attention']}")
    if original is None:
        return (*ours, NOT_POSSIBLE, NOT_POSSIBLE)
    return (*ours, *(f"{spread.mean:.3f} ± {spread.std:.3f}" for spread in original))


def zeros(document: Document, command: str = "") -> Grid:
    """The layout of table 4.4, for every study; the thesis' figures where the corpus is its own."""
    groups = ["zeros", "orig", *(("thesis: zeros", "thesis: orig") if like_the_thesis(document) else ())]
    header = _header(document) + tuple((group, NAMES[metric]) for group in groups for metric in METRICS)
    rows = []
    for _, entry, mask, of_mask, first in lines(document):
        cells = [score(of_mask["scores"]["zeros"][metric]) for metric in METRICS]
        cells += [_original(entry, mask, metric) for metric in METRICS]
        rows.append((*first, *cells, *(_printed(entry, mask) if like_the_thesis(document) else ())))
    last = [f"{document['majority'][metric]:.3f}" for metric in METRICS]
    rows.append((*_constant(document), *last, *("",) * (2 * len(groups) - 2)))
    title = f"Table 4.4's layout. {_where(document)}: tested with modalities missing (zeros at the input)"
    return Grid(title, header, tuple(rows), _notes(document), command)


def matrix(document: Document, metric: str, command: str = "") -> Grid:
    """Every imputation of every mask in one metric."""
    names, heads = ["zeros", "mean"], [("", "zeros"), ("", "training mean")]
    for distance in document["made_of"]["metrics"]:
        names += [name_neighbours(k, distance) for k in document["made_of"]["counts"]]
        heads += [(distance.capitalize(), f"K={k}") for k in document["made_of"]["counts"]]
    rows = []
    for _, entry, mask, of_mask, first in lines(document):
        cells = [(of_mask["scores"][name] or {}).get(metric) for name in names]
        rows.append((*first, *map(score, cells), _original(entry, mask, metric)))
    rows.append((*_constant(document), f"{document['majority'][metric]:.3f}", *("",) * len(names)))
    title = f"{NAMES[metric]}. {_where(document)}: tested with modalities missing, by what stands in for them"
    return Grid(title, _header(document) + (*heads, ("", "orig")), tuple(rows), _notes(document), command)


def _where(document: Document) -> str:
    corpus = document["corpus"]
    kind = "synthetic corpus " if corpus["synthetic"] else ""
    return f"{kind}{'/'.join(filter(None, (corpus['name'], corpus['form'])))}"


def _notes(document: Document) -> tuple[str, ...]:
    rows = [(row["fold"], row["seed"]) for entry in document["studies"].values() for row in entry["trials"]]
    counts = sorted({len(entry["trials"]) for entry in document["studies"].values()})
    folds, seeds = (len(set(numbers)) for numbers in zip(*rows, strict=True))
    chance = f"1/{document['classes']} = {1 / document['classes']:.3f}"
    notes = [
        f"{THERE} present, {GONE} missing. Mean ± sample standard deviation over {' or '.join(map(str, counts))} rows "
        f"(folds x seeds: {folds} x {seeds}) on the test part; the majority class is in the last row, chance {chance}.",
        NAMING,
        "zeros: the missing modality is zeros at the input. Training mean, K=...: the vectors before statistical "
        "pooling that need a missing modality are the mean of the training part's, or of the K training examples "
        "nearest by the other vectors. orig: a model trained and tested with the present modalities alone.",
    ]
    if document["corpus"]["synthetic"]:
        notes.append("A generated corpus: it shows that the code runs, nothing about emotions.")
    reasons = [m["reason"] for e in document["studies"].values() for m in e["masks"].values() if "reason" in m]
    if reasons:
        notes += [f"{NOT_POSSIBLE}: {reason}; or there is no such model." for reason in dict.fromkeys(reasons)]
    return (*notes, *_originals(document))


def _originals(document: Document) -> Iterator[str]:
    """Which runs the models of fewer modalities are from, and which of them are not there."""
    found: dict[str, set[str]] = {}
    lacking = set()
    for _, entry, mask, _, _ in lines(document):
        if mask in (entry["orig"] or {}):
            found.setdefault(entry["orig"][mask]["run"], set()).add(entry["orig"][mask]["study"])
        elif _original(entry, mask, "uar") == NOT_RUN:
            lacking.add(f"{entry['attention']} {mask}")
    if lacking:
        yield f"Not run: {', '.join(sorted(lacking))}; name the run folder of these studies by --also."
    for run, names in found.items():
        yield f"orig from run {run}: {', '.join(sorted(names))}."


def render(document: Document, command: str) -> dict[str, dict[str, str]]:
    """File stem -> extension -> text, as affect_jax.reports.build writes them."""
    grids = {"missing_zeros": zeros(document, command)}
    grids |= {f"missing_{metric}": matrix(document, metric, command) for metric in METRICS}
    return {
        stem: {extension: write(grid) for extension, write in formats.FORMATS.items()} for stem, grid in grids.items()
    }
