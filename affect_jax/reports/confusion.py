"""Which classes two models take for which, as counts and as a picture (figure 4.3 of the thesis)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from affect_jax.errors import UserError, suggest_nearest
from affect_jax.reports import figures, folders, formats
from affect_jax.reports.folders import Run
from affect_jax.reports.formats import Grid
from affect_jax.reports.sources import Source

TASKS = ("binary", "multiclass")


class Confusion(NamedTuple):
    """One cell's answers, over its rows.

    Attributes:
      name: of the cell, with '(synthetic)' where its corpus is.
      counts: int [C, C], truth before answer, summed over the rows.
      labels: [C].
      rows: how many were summed, and of which folds and part.
    """

    name: str
    counts: np.ndarray
    labels: tuple[str, ...]
    rows: str


def kept(run: Run, source: Source) -> bool:
    """Whether the run still has what a confusion matrix of this cell needs."""
    return run.results["task"] in TASKS and bool(folders.read_arrays(run, source.study))


def count(run: Run, source: Source, fold: str = "") -> Confusion:
    """The confusion of one cell on the test part where there is one, in one fold or in all.

    Raises:
      UserError: the task has no classes, predictions were not kept, or there is no such fold.
    """
    if run.results["task"] not in TASKS:
        raise UserError(f"{run.path} is of task {run.results['task']}; a confusion matrix needs {' or '.join(TASKS)}")
    arrays = folders.read_arrays(run, source.study)
    matched = folders.matched_rows(run, source)
    # Owners may keep the labels of the test part back: then nothing is scored on it.
    tested = any(run.results["trials"][row].get("test") for row in matched.values())
    split = "test" if tested and f"{source.study}/test/prediction" in arrays else "validation"
    found = folders.predictions(arrays, source.study, split)
    if found is None:
        raise UserError(f"{run.path} kept no predictions of {source.study}; train it again with launch.main")
    there = sorted({name for name, _ in matched})
    if fold and fold not in there:
        raise UserError(
            f"--fold={fold} is no fold of {run.path}{suggest_nearest(fold, there)}; there are {', '.join(there)}"
        )
    rows = [row for (name, _), row in matched.items() if fold in ("", name)]
    values = found.prediction[np.isin(found.row, rows)]
    if values.ndim == 2:  # probabilities of class 1
        answers, classes, known = values >= 0.5, 2, np.isfinite(values)
    else:
        answers, classes, known = values.argmax(-1), values.shape[-1], np.isfinite(values).all(-1)
    row, clip = np.nonzero(known)
    cells = found.target[clip].astype(np.int64) * classes + answers[row, clip]
    counts = np.bincount(cells, minlength=classes**2).reshape(classes, classes)
    labels = run.results["corpus"].get("labels") or [str(c) for c in range(classes)]
    folds = f"fold {fold}" if fold else f"{len(there)} fold{'' if len(there) == 1 else 's'}"
    return Confusion(
        f"{source.cell} (synthetic)" if run.synthetic else source.cell,
        counts,
        tuple(map(str, labels)),
        f"{split} part, {folds}, {len(rows)} rows",
    )


def shares(counts: np.ndarray) -> np.ndarray:
    """Rows of counts [C, C] as shares of their truth; 0 where a class is never true."""
    return counts / np.maximum(counts.sum(1, keepdims=True), 1)


def picture(found: Sequence[Confusion]) -> Any:
    """The matrices side by side, each row a share of its true class.

    Returns:
      A matplotlib Figure.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    classes = max(len(confusion.labels) for confusion in found)
    side = 1.6 + 0.55 * classes
    figure = Figure(figsize=(side * len(found) + 0.8, side), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(found), squeeze=False)[0]
    for panel, confusion in zip(panels, found, strict=True):
        share = shares(confusion.counts)
        image = panel.imshow(share, cmap="Blues", vmin=0, vmax=1)
        for truth, answer in np.ndindex(share.shape):
            colour = "white" if share[truth, answer] > 0.55 else "black"
            said = f"{share[truth, answer]:.2f}".removeprefix("0")
            panel.text(answer, truth, said, ha="center", va="center", color=colour, fontsize="small")
        ticks = range(len(confusion.labels))
        panel.set_xticks(ticks, confusion.labels, rotation=45, ha="right")
        panel.set_yticks(ticks, confusion.labels)
        panel.set(xlabel="answer", ylabel="truth")
        panel.set_title(f"{confusion.name}\n{confusion.rows}", fontsize="medium")
    figure.colorbar(image, ax=panels, label="share of the true class", shrink=0.8)
    # The layout is settled here: done again at every saving, it would move a little each time.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    return figure


def report(found: Sequence[Confusion], runs: Sequence[Run], command: str = "") -> Grid:
    """The counts, a line a model and true class."""
    rows = []
    for confusion in found:
        recalls = np.diagonal(shares(confusion.counts))
        for label, counts, recall in zip(confusion.labels, confusion.counts, recalls, strict=True):
            rows.append((confusion.name, label, *map(str, counts), str(counts.sum()), f"{recall:.3f}"))
    header = [("", "model"), ("", "truth"), *(("answer", label) for label in found[0].labels)]
    notes = (
        *(f"{confusion.name}: counts over {confusion.rows}; a clip is counted once a row." for confusion in found),
        *dict.fromkeys(folders.describe(run) for run in runs),
    )
    title = "Confusion of " + " and ".join(confusion.name for confusion in found)
    return Grid(title, (*header, ("", "clips"), ("", "recall")), tuple(rows), notes, command)


def every(runs: Sequence[Run], command: str = "") -> dict[str, str]:
    """The counts of every cell by file extension (md, csv, tex); {} unless all have the same classes."""
    found, whole = [], []
    for run in runs:
        named = dict.fromkeys((row["study"], row["variant"]) for row in run.results["trials"])
        cells = [Source(str(run.path), *name) for name in named]
        found += [count(run, cell) for cell in cells if kept(run, cell)]
        whole += [run] if any(kept(run, cell) for cell in cells) else []
    if len({confusion.labels for confusion in found}) != 1:
        return {}
    grid = report(found, whole, command)
    return {extension: write(grid) for extension, write in formats.FORMATS.items()}


def render(
    cells: Sequence[Source], runs: Mapping[str, Run], fold: str = "", command: str = ""
) -> dict[str, dict[str, str | bytes]]:
    """'confusion_intra_cross' -> extension (md, csv, tex, png) -> the file.

    Args:
      cells: of the same classes.
      runs: by `Source.config`.
      fold: one fold's name; '' takes all.
      command: the command line, for the record.

    Raises:
      UserError: as `count`, or cells of different classes.
    """
    found = [count(runs[cell.config], cell, fold) for cell in cells]
    for confusion in found:
        if confusion.labels != found[0].labels:
            raise UserError(
                f"{confusion.name} answers {', '.join(confusion.labels)}, {found[0].name} answers "
                f"{', '.join(found[0].labels)}; draw cells of the same classes together"
            )
    grid = report(found, [runs[cell.config] for cell in cells], command)
    stem = re.sub(r"[^0-9A-Za-z]+", "_", "_".join(["confusion", *(cell.cell for cell in cells), fold])).strip("_")
    texts = {extension: write(grid) for extension, write in formats.FORMATS.items()}
    return {stem: texts | {"png": figures.encode(picture(found), "png")}}
