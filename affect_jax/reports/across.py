"""The matrix of corpora: what is trained on by what is tested, of all runs together."""

from collections.abc import Mapping, Sequence
from typing import Any

from affect_jax.evaluation.across import score_across
from affect_jax.evaluation.read import Figure, Run, Source
from affect_jax.reports import tables
from affect_jax.reports.render import write_notes
from affect_jax.reports.tables import Grid, Head, make_grid
from affect_jax.runtime.score_text import label_metric


def make_table(runs: Sequence[Run], names: Mapping[Source, str], split: str, metric: str) -> Grid | None:
    """A line a variant and set of corpora that it was trained on, a column a corpus that was tested; None where no run
    is of joined corpora."""
    lines = [line for run in runs for line in score_across(run, split, metric)]
    if not lines:
        return None
    corpora = sorted({value.value for line in lines for value in line.tested})
    rows: list[dict[Head, Any]] = []
    records: list[dict[str, Any]] = []
    for line in lines:
        scores = {value.value: value for value in line.tested}
        row: dict[Head, Any] = {"variant": names[line.source], "trained on": line.trained}
        row["n"] = max(value.scores.n for value in line.tested)
        for corpus in corpora:
            value = scores.get(corpus)
            row["tested on", corpus] = "" if value is None else _format(value.scores, value.interval, metric)
        rows.append(row)
        for value in line.tested:
            mean, std, n = value.scores
            record = {"variant": names[line.source], "trained on": line.trained, "tested on": value.value}
            record |= {"split": split, "metric": metric, "mean": mean, "std": std, "n": n, "groups": value.groups}
            records.append(
                record | {"answers": value.steps} | tables.pick_fields(value.interval, low="low", high="high")
            )
    notes = write_notes("across", split=split, metric=label_metric(metric))
    return make_grid(f"{label_metric(metric)} across corpora", rows, notes, records)


def _format(scores: Any, interval: Any, metric: str) -> str:
    mean, std, n = scores
    figure = tables.format_figure(Figure(mean, std if n > 1 else None, n), metric)
    if interval is None:
        return figure
    low, high = (tables.format_score(edge, metric) for edge in (interval.low, interval.high))
    return f"{figure} [{low}, {high}]"
