"""Learning curves: what metrics.jsonl says of every epoch, as means over the trials of a variant."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from affect_jax.evaluation import read
from affect_jax.evaluation.learning_curves import VALIDATION, Curve, find_monitored, read_curves
from affect_jax.evaluation.read import Run, Source
from affect_jax.reports import tables
from affect_jax.reports.tables import Grid, make_grid
from affect_jax.runtime.score_text import label_metric

_NOTES = (
    "Means over trials. Best epoch: the one whose weights were kept, by the validation split. Last: the last epoch in "
    "which at least half of the trials were still trained.",
    "Mean and std of an epoch, in the csv, are over the trials that were still trained and finite.",
)


def _describe_stage(run: Run, source: Source, stage: str, curves: Mapping[str, Curve]) -> dict[str, Any]:
    """The row of a variant and stage; `curves` are its own, by name."""
    row, trials = {"stage": stage}, [trial for _, trial in read.list_trials(run, source)]
    for head, column in (("epochs", "epochs"), ("best epoch", "best_epoch")):
        counts = [getattr(trial, column)[stage] for trial in trials if stage in getattr(trial, column)]
        row[head] = f"{round(float(np.mean(counts)), 1):g}" if counts else ""
    loss, score = curves.get("loss"), curves.get(find_monitored(run, stage, list(curves)))
    ends = [f"{x:.4g}" for x in (loss.mean[0], loss.cut().mean[-1])] if loss else ["", ""]
    metric = score.name.removeprefix(VALIDATION) if score else ""
    last = tables.format_score(score.cut().mean[-1], metric) if score else ""
    return row | {"first loss": ends[0], "last loss": ends[1], "validation": label_metric(metric), "last": last}


def make_table(runs: Sequence[Run]) -> Grid:
    """A line a variant and stage: how long it was trained, and where it stood at its best and at its last epochs.

    The csv has every epoch of every curve.
    """
    labels, rows, records = read.label_runs(runs), [], []
    for run in runs:
        stages: dict[tuple[str, Source], dict[str, Curve]] = {}
        for curve in read_curves(run):
            stages.setdefault((curve.stage, curve.source), {})[curve.name] = curve
            heads = {"run": run.path.name, "study": curve.source.study, "variant": curve.source.variant}
            heads |= {"stage": curve.stage, "value": curve.name}
            for epoch, mean, std, trials in zip(*(x.tolist() for x in curve[3:]), strict=True):
                records.append(heads | {"epoch": epoch, "mean": mean, "std": std, "trials": trials})
        order = list(dict.fromkeys(stage for stage, _ in stages))
        for stage, source in sorted(stages, key=lambda key: order.index(key[0])):
            heads = {"run": labels[run.key], "study": source.study, "variant": source.variant}
            rows.append(heads | _describe_stage(run, source, stage, stages[stage, source]))
    return make_grid("Learning", rows, _NOTES, records)
