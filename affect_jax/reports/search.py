"""What a search chose: a line a variant and fold, with the validation score of the chosen point."""

from collections.abc import Sequence
from typing import Any

from affect_jax.evaluation import read
from affect_jax.evaluation.read import Run, Source
from affect_jax.experiment.terminal import shorten_paths
from affect_jax.reports import tables
from affect_jax.reports.tables import Grid, Head, make_grid
from affect_jax.runtime.score_text import label_metric


def make_table(runs: Sequence[Run]) -> Grid | None:
    """The points of the grid that the runs went on with; None where nothing was searched."""
    paths = dict.fromkeys(path for run in runs for one in run.results.selected for path in one.hyper)
    if not paths:
        return None
    heads, names, labels = shorten_paths(list(paths)), read.name_variants(runs), read.label_runs(runs)
    rows: list[dict[Head, Any]] = []
    for run in runs:
        metric = run.results.monitor.metric
        for one in run.results.selected:
            row: dict[Head, Any] = {"run": labels[run.key]}
            row |= {"variant": names[Source(run.key, one.study, one.variant)], "fold": one.fold}
            row |= {head: f"{one.hyper[path]:g}" if path in one.hyper else "" for path, head in heads.items()}
            row |= {"validation": f"{label_metric(metric)} {tables.format_score(one.score, metric)}"}
            rows.append(row | {"of": f"{one.candidates} points"})
    notes = (
        f"Searched: {', '.join(paths)}. For each variant and fold the point with the best mean validation score over "
        "the seeds of the search; no test score chooses.",
    )
    return make_grid("What the grid chose", rows, notes)
