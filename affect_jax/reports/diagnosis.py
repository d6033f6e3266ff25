"""Why a figure is what it is: validation beside test, and what other ways to select would have printed.

Diagnosis only. The last column picks a trial by its score on the test split itself, which no honest result may do; it
shows how far the choice of rule alone can move a printed figure.
"""

from collections.abc import Iterable

from affect_jax.reports import read
from affect_jax.reports.read import Run
from affect_jax.reports.sources import Source
from affect_jax.reports.tables import Grid, make_grid

_COLUMNS = ("validation", "test", "gap", "best trial on validation", "best trial on TEST (diagnosis only)")
_READING = (
    "Trials are fold x seed. A large gap means that the validation split says little about the test split; where the "
    "shares of the classes differ between splits, a model of the training split cannot reach the test majority by "
    "prior knowledge alone."
)


def _list_row(run: Run, source: Source, scores: list[tuple[float, float]]) -> tuple[str, ...]:
    """One variant; `scores` are validation and test accuracy of each trial."""
    means = [sum(column) / len(scores) for column in zip(*scores, strict=True)]
    by_validation = max(scores, key=lambda pair: pair[0])[1]  # of equal ones, the first
    name = f"{run.path.name}, {source.study}: {source.variant}{' (synthetic)' if run.synthetic else ''}"
    gap, best = f"{100 * (means[0] - means[1]):+.1f}", max(test for _, test in scores)
    return (name, *(f"{100 * x:.1f}" for x in means), gap, f"{100 * by_validation:.1f}", f"{100 * best:.1f}")


def _describe_classes(run: Run) -> list[str]:
    shares = []
    for split, count in sorted(run.results.corpus.counts.items()):
        if count.classes:
            largest = max(count.classes, key=count.classes.get)
            share = 100 * count.classes[largest] / sum(count.classes.values())
            shares.append(f"{split} {share:.1f} % of class {largest}")
    return [f"Largest class of {run.path.name}: {', '.join(shares)}."] if shares else []


def make_table(runs: Iterable[Run]) -> Grid:
    """Accuracy in percent of every variant of the runs that have class labels on a test split.

    A cross-validation has none: its trials are scored on different clips, and none of them is the best.
    """
    rows, notes = [], []
    for run in runs:
        before = len(rows)
        for source in read.list_variants(run) if "test" in run.results.corpus.counts else []:
            trials = [trial for _, trial in read.list_trials(run, source)]
            pairs = [((t.validation or {}).get("accuracy"), (t.test or {}).get("accuracy")) for t in trials]
            scores = [pair for pair in pairs if None not in pair]
            rows += [_list_row(run, source, scores)] if scores else []
        notes += _describe_classes(run) if len(rows) > before else []
    title = "Diagnosis: accuracy (%) by other rules of selection"
    return make_grid(title, ("variant", *_COLUMNS), rows, (*notes, _READING))
