"""Learning curves: what metrics.jsonl says of every epoch, as means over the rows of a cell."""

import json
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from affect_jax.errors import UserError
from affect_jax.reports import formats, naming, svg, tables
from affect_jax.reports.folders import Run
from affect_jax.reports.formats import Grid
from affect_jax.reports.sources import Source
from affect_jax.runtime.run_folder import name_fit

_WHERE = ("part", "stage", "epoch", "trial", "variant", "fold", "seed")
_SCHEDULE = "scale"  # the learning rate's, no loss
_VALIDATION = "validation/"


class Curve(NamedTuple):
    """One value of one cell in one stage, over E epochs.

    Attributes:
      source: which cell.
      stage: which stage.
      name: 'loss', the name of a term of it, or 'validation/uar'.
      epoch: int [E].
      mean: [E] over the rows that were still trained and finite.
      std: [E], nan for one row.
      rows: int [E].
    """

    source: Source
    stage: str
    name: str
    epoch: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    rows: np.ndarray


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of the file; the last may have been cut when the process died."""
    texts = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, text in enumerate(texts, 1):
        try:
            line = json.loads(text)
            if not isinstance(line, dict) or not all(key in line for key in _WHERE):
                raise ValueError
            if not isinstance(line["epoch"], int) or not isinstance(line["trial"], int):
                raise ValueError
        except ValueError:
            if number == len(texts):
                return
            raise UserError(
                f"{path} line {number} is no epoch of a run; delete the file to do without learning curves, or train "
                "that run again"
            ) from None
        yield line


def read(run: Run) -> list[Curve]:
    """Every curve of the final fits (searches are left out); [] where the folder has no metrics.jsonl.

    Raises:
      UserError: the file is damaged.
    """
    path = run.path / "metrics.jsonl"
    if not path.is_file():
        return []
    studies = {name_fit(source.study, "final", 0)[:-3]: source.study for source in naming.cells(run)}
    values: dict[tuple[str, str, str, str], dict[int, dict[tuple, float]]] = {}
    for line in _lines(path):
        study = studies.get(str(line["part"])[:-3])
        if study is None:
            continue
        row = (line["part"], line["trial"])  # a line that a resumed run wrote again counts once
        for name, value in line.items():
            if name in _WHERE or name == _SCHEDULE or not isinstance(value, int | float) or not math.isfinite(value):
                continue
            key = (study, str(line["variant"]), str(line["stage"]), name)
            values.setdefault(key, {}).setdefault(int(line["epoch"]), {})[row] = float(value)
    return [_curve(run, key, epochs) for key, epochs in values.items()]


def _curve(run: Run, key: tuple[str, str, str, str], epochs: Mapping[int, Mapping[tuple, float]]) -> Curve:
    study, cell, stage, name = key
    numbers = sorted(epochs)
    held = [list(epochs[number].values()) for number in numbers]
    return Curve(
        Source(str(run.path), study, cell),
        stage,
        name,
        np.array(numbers),
        np.array([statistics.fmean(values) for values in held]),
        np.array([statistics.stdev(values) if len(values) > 1 else math.nan for values in held]),
        np.array([len(values) for values in held]),
    )


def shown(curve: Curve) -> svg.Line:
    """The curve while at least half of its rows are still trained: a mean over the few that go on says little."""
    known = curve.rows * 2 >= curve.rows.max()
    name = f"{curve.source.cell}: {curve.rows.max()} rows at first, {curve.rows[known][-1]} at the last epoch drawn"
    return svg.Line(name, curve.epoch[known], curve.mean[known], curve.std[known])


def monitored(run: Run, stage: str, there: Sequence[str]) -> str:
    """The validation metric that a stage was stopped by, of those that are there; '' where there is none."""
    asked = (run.config.get("stages", {}).get(stage) or {}).get("metric")
    asked = asked or (run.results.get("monitor") or {}).get("metric")
    validated = [name for name in there if name.startswith(_VALIDATION)]
    return next((name for name in (f"{_VALIDATION}{asked}", *validated) if name in validated), "")


def wanted(run: Run, stage: str, found: Sequence[Curve]) -> list[str]:
    """Names of a stage's charts: the monitored metric, the loss, and its terms where there is more than one."""
    there = list(dict.fromkeys(curve.name for curve in found if curve.stage == stage))
    terms = sorted(name for name in there if name != "loss" and not name.startswith(_VALIDATION))
    metric = monitored(run, stage, there)
    return [*([metric] if metric else []), *(["loss"] if "loss" in there else []), *(terms if len(terms) > 1 else [])]


def _mean(values: Sequence[Any]) -> str:
    known = [value for value in values if isinstance(value, int | float)]
    return f"{statistics.fmean(known):.1f}" if known else ""


def report(runs: Sequence[Run], command: str = "") -> Grid:
    """A line a cell and stage: how long it was trained, and where it stood at its best epoch and at its last ones."""
    rows, names = [], naming.labels(runs)
    for run in runs:
        found = read(run)
        for stage in dict.fromkeys(curve.stage for curve in found):
            metric = monitored(run, stage, [curve.name for curve in found if curve.stage == stage])
            for source in dict.fromkeys(curve.source for curve in found if curve.stage == stage):
                mine = {c.name: c for c in found if (c.source, c.stage) == (source, stage)}
                trained = [
                    r for r in run.results["trials"] if (r["study"], r["variant"]) == (source.study, source.cell)
                ]
                epochs = [
                    _mean([(row.get(key) or {}).get(stage) for row in trained]) for key in ("epochs", "best_epoch")
                ]
                loss, score = mine.get("loss"), mine.get(metric)
                ends = [f"{x:.4g}" for x in (loss.mean[0], shown(loss).y[-1])] if loss else ["", ""]
                name = metric.removeprefix(_VALIDATION)
                last = tables.number(shown(score).y[-1], name) if score else ""
                label = tables.label(name) if score else ""
                rows.append((names[source.config], source.study, source.cell, stage, *epochs, *ends, label, last))
    head = ("run", "study", "variant", "stage", "epochs", "best epoch", "first loss", "last loss", "validation", "last")
    notes = (
        "Means over rows. Best epoch: the one whose weights were kept, by the validation part. Last: the last epoch in "
        "which at least half of the rows were still trained.",
    )
    return Grid("Learning", tuple(("", name) for name in head), tuple(rows), notes, command)


def tidy(runs: Sequence[Run], command: str = "") -> Grid:
    """Every epoch of every curve."""
    head = ("run", "study", "variant", "stage", "value", "epoch", "mean", "std", "trials")
    rows = tuple(
        (run.path.name, curve.source.study, curve.source.cell, curve.stage, curve.name, str(epoch))
        + (f"{mean:.6g}", "" if math.isnan(std) else f"{std:.6g}", str(n))
        for run in runs
        for curve in read(run)
        for epoch, mean, std, n in zip(curve.epoch, curve.mean, curve.std, curve.rows, strict=True)
    )
    notes = ("Mean and sample standard deviation over the rows that were still trained and finite.",)
    return Grid("Learning curves", tuple(("", name) for name in head), rows, notes, command)


def render(runs: Sequence[Run], command: str = "") -> dict[str, str]:
    """The table's text by file extension: md, csv (every epoch), tex; {} where no run kept its epochs."""
    grid = report(runs, command)
    if not grid.rows:
        return {}
    return {
        "md": formats.markdown(grid),
        "csv": formats.comma_separated(tidy(runs, command)),
        "tex": formats.latex(grid),
    }
