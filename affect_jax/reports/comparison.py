"""Any finished runs side by side: every cell's mean, spread and interval, and a paired test against one of them.

Rows of a cell are fold x seed. Where it has several folds their training parts overlap and the seeds of one share all
of it, so interval and test use the variance of C. Nadeau and Y. Bengio (Machine Learning 52, 2003), which knows it.
Rows of a single fold are told apart by seeds alone: Student's t, which says nothing about other data.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from affect_jax.errors import UserError, suggest_nearest
from affect_jax.evaluation.significance import Sample, holm, mean_interval
from affect_jax.reports import expected, folders, matching, naming, questions
from affect_jax.reports.expected import Expected
from affect_jax.reports.folders import Figure, Run
from affect_jax.reports.sources import Question, Source

PER_RECORDING = "_per_recording"


class Entry(NamedTuple):
    """One cell in one part.

    Attributes:
      run: where it is from.
      source: which cell; its config is the run's path.
      split: which part.
      figures: by metric; those per recording among them.
      folds: how many its rows come from.
      intervals: by metric, of 95 %; without those that are not known.
      published: by metric, what is printed of it.
    """

    run: Run
    source: Source
    split: str
    figures: Mapping[str, Figure]
    folds: int
    intervals: Mapping[str, tuple[float, float]]
    published: Mapping[str, Expected]


class Tested(NamedTuple):
    """A cell against the reference: the mean of its rows' differences, two-tailed p, the same by Holm; or why not."""

    difference: float = math.nan
    n: int = 0
    p: float = math.nan
    holm: float = math.nan
    missing: str = ""


class Comparison(NamedTuple):
    """Everything that the table, its csv and the page show.

    Attributes:
      entries: the tested part first; in it in the order of the runs.
      labels: what a run is called, by the config of its sources.
      names: what a cell is called in a chart; no two are the same.
      metrics: of any entry, without those per recording.
      metric: the one that is tested and drawn.
      split: the part in which it is.
      reference: what the others are tested against; None where there is one cell only, or nothing was asked.
      tests: by cell.
      expect: whether published figures were asked for.
    """

    entries: tuple[Entry, ...]
    labels: Mapping[str, str]
    names: Mapping[Source, str]
    metrics: tuple[str, ...]
    metric: str
    split: str
    reference: Source | None
    tests: Mapping[Source, Tested]
    expect: bool


def read(run_folders: Sequence[str]) -> list[Run]:
    """Run folders that can stand in one comparison, each once.

    Raises:
      UserError: one is not of a finished run, or they are of different tasks.
    """
    runs = [folders.read_run(folder) for folder in dict.fromkeys(run_folders)]
    for run in runs[1:]:
        mine, first = run.results["task"], runs[0].results["task"]
        if mine != first:
            raise UserError(
                f"{run.path} is of task {mine}, {runs[0].path} of {first}: their scores are not the same thing; "
                "make a report of each task"
            )
    return runs


def named(runs: Sequence[Run]) -> dict[str, Run]:
    """Runs by what their sources call their config."""
    return {str(run.path): run for run in runs}


def _interval(figure: Figure, folds: int, sizes: tuple[int, int] | None) -> tuple[float, float] | None:
    if figure.std is None or (folds > 1 and sizes is None):
        return None
    overlap = sizes[1] / sizes[0] if folds > 1 else 0.0
    return mean_interval(Sample(figure.mean, figure.std, figure.n), overlap=overlap)


def _entries(run: Run, expect: bool) -> list[Entry]:
    found = []
    arrays: dict[str, dict[str, np.ndarray]] = {}
    metrics = list(dict.fromkeys(cell["metric"] for cell in run.results["variants"]))
    for split in naming.splits(run):
        for source in naming.cells(run):
            figures = {m: folders.figure(run, source, split, m) for m in metrics}
            figures = {metric: figure for metric, figure in figures.items() if figure is not None}
            if not figures:
                continue
            folds = len({row["fold"] for row in _rows(run, source)})
            sizes = None
            if folds > 1:
                if source.study not in arrays:
                    arrays[source.study] = folders.read_arrays(run, source.study)
                sizes = matching.sizes(run, arrays[source.study], source.study, split)
            intervals = {metric: _interval(figure, folds, sizes) for metric, figure in figures.items()}
            known = {metric: interval for metric, interval in intervals.items() if interval is not None}
            where = (run, source.study, source.cell, split)
            printed = {metric: expected.find(*where, metric) for metric in figures} if expect else {}
            published = {metric: value for metric, value in printed.items() if value is not None}
            found.append(Entry(run, source, split, figures, folds, known, published))
    return found


def _rows(run: Run, source: Source) -> list[Mapping]:
    return [row for row in run.results["trials"] if (row["study"], row["variant"]) == (source.study, source.cell)]


def choose_metric(runs: Sequence[Run], split: str, metric: str = "") -> str:
    """The metric asked for, else the one that all runs were stopped by, else the first that all of them have.

    '' for a single run that has none.

    Raises:
      UserError: they share none, or not the one asked for.
    """
    of = [
        {c["metric"] for c in run.results["variants"] if c["split"] == split and c["mean"] is not None} for run in runs
    ]
    shared = set.intersection(*of)
    for run, there in zip(runs, of, strict=True):
        if metric and metric not in there:
            known = sorted(there)
            raise UserError(
                f"--metric={metric}: {run.path} has none on its {split} part{suggest_nearest(metric, known)}; "
                f"it has {', '.join(known)}"
            )
    monitors = {(run.results.get("monitor") or {}).get("metric") for run in runs}
    for wanted in (metric, *(monitors if len(monitors) == 1 else ()), *questions.METRICS, *sorted(shared)):
        if wanted in shared:
            return wanted
    if len(runs) == 1:
        return ""  # nothing was scored
    raise UserError(
        f"{' and '.join(str(run.path) for run in runs)} have no metric in common; make a report of each of them"
    )


def _tests(entries: Sequence[Entry], reference: Source, runs: Mapping[str, Run], metric: str) -> dict[Source, Tested]:
    """Every entry of one part but the reference, in one family of Holm's correction."""
    others = [entry for entry in entries if entry.source != reference and metric in entry.figures]
    asked = [Question(e.source.cell, e.source, reference, e.split, (metric,)) for e in others]
    found, alone = {}, {entry.source: entry.folds == 1 for entry in entries}
    for answer in questions.answers(asked, runs):
        a = answer.question.a
        if answer.missing:
            found[a] = Tested(missing=answer.missing)
            continue
        p = answer.p.get("paired" if alone[a] and alone.get(reference, True) else "resampled", math.nan)
        why = "one row in common, not tested" if answer.difference.n < 2 else "size of the folds unknown, not tested"
        found[a] = Tested(answer.difference.difference, answer.difference.n, p, missing=why if math.isnan(p) else "")
    corrected = holm(np.array([test.p for test in found.values()]))
    return {a: test._replace(holm=float(p)) for (a, test), p in zip(found.items(), corrected, strict=True)}


def compare(runs: Sequence[Run], *, reference: str | None = None, metric: str = "", expect: bool = False) -> Comparison:
    """Every cell of finished runs of one task.

    Args:
      runs: from `read`.
      reference: a cell's name as `matching.find_cell` takes it; '' is the first cell, None tests nothing.
      metric: the one to test and draw; '' as `choose_metric`.
      expect: whether the thesis' figures are looked up.

    Raises:
      UserError: no metric in common, or no such metric or cell.
    """
    split = next((part for part in naming.SPLITS if all(part in naming.splits(run) for run in runs)), None)
    if split is None and len(runs) == 1:
        split = naming.SPLITS[0]
    if split is None:
        raise UserError(f"{' and '.join(str(run.path) for run in runs)} have no scored part in common")
    metric = choose_metric(runs, split, metric)
    entries = sorted((e for run in runs for e in _entries(run, expect)), key=lambda entry: entry.split != split)
    mine = [entry for entry in entries if entry.split == split]
    against = matching.find_cell(reference, named(runs)) if reference else None
    if reference == "" and len(mine) > 1:
        against = mine[0].source
    return Comparison(
        entries=tuple(entries),
        labels=naming.labels(runs),
        names=naming.names(runs),
        metrics=tuple(m for m in dict.fromkeys(m for e in entries for m in e.figures) if not _of_recording(m, entries)),
        metric=metric,
        split=split,
        reference=against,
        tests=_tests(mine, against, named(runs), metric) if against is not None else {},
        expect=expect,
    )


def _of_recording(metric: str, entries: Sequence[Entry]) -> bool:
    whole = metric.removesuffix(PER_RECORDING)
    return whole != metric and any(whole in entry.figures for entry in entries)
