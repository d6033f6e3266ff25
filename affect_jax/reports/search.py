"""What a search chose: a line a variant and fold, with the validation score of the chosen point."""

from collections.abc import Sequence
from typing import Any

from affect_jax.evaluation import importance, read
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


def make_importance_table(runs: Sequence[Run]) -> Grid | None:
    """How much each hyper-parameter of the searches mattered, a line each; None where too little was tried."""
    names, labels = read.name_variants(runs), read.label_runs(runs)
    rows: list[dict[Head, Any]] = []
    for run in runs:
        for one in importance.weigh_hyperparameters(run.results.searched, run.results.monitor.sign):
            heads = shorten_paths([of.path for of in one.importances])
            for of in one.importances:
                row: dict[Head, Any] = {"run": labels[run.key]}
                row |= {"variant": names[Source(run.key, one.study, one.variant)], "hyper-parameter": heads[of.path]}
                row |= {"drop of R²": f"{of.drop:.2f} ± {of.spread:.2f}", "of R²": f"{one.explained:.2f}"}
                row |= {"tried": f"{of.least:.3g} to {of.greatest:.3g}", "best": f"{of.best:.3g}", "trials": one.trials}
                rows.append(row)
    notes = (
        "A random forest learns the validation scores of the points that were tried. R²: how much of their variance it "
        "predicts in trials that it has not seen; where that is near 0 or below, the lines say nothing. Drop: how much "
        "of it is lost when the values of a hyper-parameter are permuted, ± standard deviation over permutations and "
        "parts. Best: of the point with the best mean validation score. Points that successive halving dropped count "
        "with the score that they had by then.",
    )
    return make_grid("Which hyper-parameters mattered", rows, notes) if rows else None
