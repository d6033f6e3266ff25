"""Learning curves: what metrics.jsonl says of every epoch, as means over the trials of a variant."""

import json
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from affect_jax.errors import UserError
from affect_jax.reports import read, tables
from affect_jax.reports.figures import Line
from affect_jax.reports.read import Run
from affect_jax.reports.sources import Source
from affect_jax.reports.tables import Grid, make_grid
from affect_jax.runtime.run_folder import name_fit

_WHERE = ("part", "stage", "epoch", "trial", "variant", "fold", "seed")
_SCHEDULE = "scale"  # the learning rate's, no loss
_VALIDATION = "validation/"
_NOTES = (
    "Means over trials. Best epoch: the one whose weights were kept, by the validation split. Last: the last epoch in "
    "which at least half of the trials were still trained.",
    "Mean and std of an epoch, in the csv, are over the trials that were still trained and finite.",
)


class Curve(NamedTuple):
    """One value of one variant in one stage, over E epochs."""

    source: Source  # which variant
    stage: str  # which stage
    name: str  # 'loss', the name of a term of it, or 'validation/uar'
    epoch: np.ndarray  # int [E]
    mean: np.ndarray  # [E] over the trials that were still trained and finite
    std: np.ndarray  # [E], nan for one trial
    trials: np.ndarray  # int [E]


def _read_lines(path: Path) -> Iterator[dict[str, Any]]:
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


def read_curves(run: Run) -> list[Curve]:
    """Every curve of the final fits (searches are left out); [] where the folder has no metrics.jsonl.

    Raises:
      UserError: the file is damaged.
    """
    path = run.path / "metrics.jsonl"
    if not path.is_file():
        return []
    studies = {name_fit(source.study, "final", 0)[:-3]: source.study for source in read.list_variants(run)}
    values: dict[tuple[str, str, str, str], dict[int, dict[tuple, float]]] = {}
    for line in _read_lines(path):
        study = studies.get(str(line["part"])[:-3])
        if study is None:
            continue
        trial = (line["part"], line["trial"])  # a line that a resumed run wrote again counts once
        for name, value in line.items():
            if name in _WHERE or name == _SCHEDULE or not isinstance(value, int | float) or not math.isfinite(value):
                continue
            key = (study, str(line["variant"]), str(line["stage"]), name)
            values.setdefault(key, {}).setdefault(int(line["epoch"]), {})[trial] = float(value)
    return [_make_curve(run, key, epochs) for key, epochs in values.items()]


def _make_curve(run: Run, key: tuple[str, str, str, str], epochs: Mapping[int, Mapping[tuple, float]]) -> Curve:
    study, variant, stage, name = key
    numbers = sorted(epochs)
    values = [list(epochs[number].values()) for number in numbers]
    return Curve(
        source=Source(str(run.path), study, variant),
        stage=stage,
        name=name,
        epoch=np.array(numbers),
        mean=np.array([statistics.fmean(of_epoch) for of_epoch in values]),
        std=np.array([statistics.stdev(of_epoch) if len(of_epoch) > 1 else math.nan for of_epoch in values]),
        trials=np.array([len(of_epoch) for of_epoch in values]),
    )


def cut_curve(curve: Curve) -> Line:
    """The curve while at least half of its trials are still trained: a mean over the few that go on says little."""
    known = curve.trials * 2 >= curve.trials.max()
    return Line(curve.epoch[known], curve.mean[known], curve.std[known])


def find_monitored(run: Run, stage: str, names: Sequence[str]) -> str:
    """The validation metric that a stage was stopped by, of those that there are; '' where there is none."""
    monitor = (run.config.get("stages", {}).get(stage) or {}).get("monitor") or {}
    asked = monitor.get("metric") or run.results.monitor.metric
    validated = [name for name in names if name.startswith(_VALIDATION)]
    return next((name for name in (f"{_VALIDATION}{asked}", *validated) if name in validated), "")


def choose_charts(run: Run, stage: str, curves: Sequence[Curve]) -> list[str]:
    """Names of a stage's charts: the monitored metric, the loss, and its terms where there is more than one."""
    names = list(dict.fromkeys(curve.name for curve in curves if curve.stage == stage))
    terms = sorted(name for name in names if name != "loss" and not name.startswith(_VALIDATION))
    metric = find_monitored(run, stage, names)
    return [*([metric] if metric else []), *(["loss"] if "loss" in names else []), *(terms if len(terms) > 1 else [])]


def _list_rows(run: Run, curves: Sequence[Curve], label: str) -> Iterator[tuple[str, ...]]:
    for stage in dict.fromkeys(curve.stage for curve in curves):
        metric = find_monitored(run, stage, [curve.name for curve in curves if curve.stage == stage])
        name = metric.removeprefix(_VALIDATION)
        for source in dict.fromkeys(curve.source for curve in curves if curve.stage == stage):
            mine = {curve.name: curve for curve in curves if (curve.source, curve.stage) == (source, stage)}
            trials = [trial for _, trial in read.list_trials(run, source)]
            ran, best = [trial.epochs for trial in trials], [trial.best_epoch for trial in trials]
            counts = [[epochs[stage] for epochs in column if stage in epochs] for column in (ran, best)]
            epochs = [f"{statistics.fmean(values):.1f}" if values else "" for values in counts]
            loss, score = mine.get("loss"), mine.get(metric)
            ends = [f"{x:.4g}" for x in (loss.mean[0], cut_curve(loss).y[-1])] if loss else ["", ""]
            last = tables.format_score(cut_curve(score).y[-1], name) if score else ""
            heads = (label, source.study, source.variant, stage, *epochs)
            yield (*heads, *ends, tables.label_metric(name) if score else "", last)


def make_table(runs: Sequence[Run]) -> Grid:
    """A line a variant and stage: how long it was trained, and where it stood at its best and at its last epochs.

    The csv has every epoch of every curve.
    """
    labels = read.label_runs(runs)
    curves = {run.path: read_curves(run) for run in runs}
    rows = [row for run in runs for row in _list_rows(run, curves[run.path], labels[str(run.path)])]
    tidy = [record for run in runs for curve in curves[run.path] for record in _list_tidy(run, curve)]
    header = [
        "run",
        "study",
        "variant",
        "stage",
        "epochs",
        "best epoch",
        "first loss",
        "last loss",
        "validation",
        "last",
    ]
    return make_grid("Learning", header, rows, _NOTES, tidy)


def _list_tidy(run: Run, curve: Curve) -> Iterator[dict[str, Any]]:
    source = curve.source
    heads = {"run": run.path.name, "study": source.study, "variant": source.variant, "stage": curve.stage}
    for epoch in zip(*(x.tolist() for x in (curve.epoch, curve.mean, curve.std, curve.trials)), strict=True):
        yield heads | {"value": curve.name} | dict(zip(("epoch", "mean", "std", "trials"), epoch, strict=True))
