"""Why a figure is what it is: validation beside test, and what other ways to select would have printed.

Diagnosis only. The last column picks a row by its score on the test part itself, which no honest result may do; it
shows how far the choice of rule alone can move a printed figure.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from affect_jax.reports import formats
from affect_jax.reports.folders import Run
from affect_jax.reports.formats import Grid

_COLUMNS = ("validation", "test", "gap", "best row on validation", "best row on TEST (diagnosis only)")


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"


def _line(run: Run, study: str, cell: str, rows: list[Mapping[str, Any]]) -> tuple[str, ...]:
    validation = [row["validation"]["accuracy"] for row in rows]
    test = [row["test"]["accuracy"] for row in rows]
    means = sum(validation) / len(rows), sum(test) / len(rows)
    by_validation = test[max(range(len(rows)), key=validation.__getitem__)]
    mark = " (synthetic)" if run.synthetic else ""
    gap = f"{100 * (means[0] - means[1]):+.1f}"
    return (
        f"{run.path.name}, {study}: {cell}{mark}",
        *map(_percent, means),
        gap,
        _percent(by_validation),
        _percent(max(test)),
    )


def _shares(run: Run) -> list[str]:
    counts = run.results["corpus"]["counts"]
    said = []
    for split, entry in sorted(counts.items()):
        classes = entry.get("classes", {})
        if classes:
            largest = max(classes, key=classes.get)
            said.append(f"{split} {_percent(classes[largest] / sum(classes.values()))} % of class {largest}")
    return [f"Largest class of {run.path.name}: {', '.join(said)}."] if said else []


def report(runs: Iterable[Run], command: str = "") -> Grid:
    """Accuracy in percent of every cell of the runs that have class labels on a test part.

    A cross-validation has none: its rows are scored on different clips, and none of them is the best.
    """
    rows, notes = [], []
    for run in runs:
        rows_of_one_part = run.results["trials"] if "test" in run.results["corpus"].get("counts", {}) else []
        scored = [r for r in rows_of_one_part if all("accuracy" in (r.get(s) or {}) for s in ("validation", "test"))]
        for study, cell in dict.fromkeys((r["study"], r["variant"]) for r in scored):
            mine = [r for r in scored if (r["study"], r["variant"]) == (study, cell)]
            rows.append(_line(run, study, cell, mine))
        if scored:
            notes += _shares(run)
    notes.append(
        "Rows are fold x seed. A large gap means that the validation part says little about the test part; where the "
        "shares of the classes differ between parts, a model of the training part cannot reach the test majority by "
        "prior knowledge alone."
    )
    header = (("", "variant"), *(("", name) for name in _COLUMNS))
    return Grid("Diagnosis: accuracy (%) by other rules of selection", header, tuple(rows), tuple(notes), command)


def render(runs: Iterable[Run], command: str = "") -> dict[str, str]:
    """The diagnosis by file extension: md, csv, tex; {} where no run has class labels on a test part."""
    grid = report(runs, command)
    if not grid.rows:
        return {}
    return {
        "md": formats.markdown(grid),
        "csv": formats.comma_separated(grid),
        "tex": formats.latex(grid),
    }
