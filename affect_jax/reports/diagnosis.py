"""Why a figure is what it is: validation beside test, and what other ways to select would have printed.

Diagnosis only. The last column picks a trial by its score on the test split itself, which no honest result may do; it
shows how far the choice of rule alone can move a printed figure.
"""

from collections.abc import Iterable

from affect_jax.evaluation import read
from affect_jax.evaluation.read import Run
from affect_jax.reports.render import write_notes
from affect_jax.reports.tables import Grid, make_grid


def make_table(runs: Iterable[Run]) -> Grid:
    """Accuracy in percent of every variant of the runs that have class labels on a test split.

    A cross-validation has none: its trials are scored on different clips, and none of them is the best.
    """
    rows, diagnosed = [], {}
    for run in (run for run in runs if "test" in run.results.corpus.counts):
        for source in read.list_variants(run):
            trials = [trial for _, trial in read.list_trials(run, source)]
            pairs = [((t.validation or {}).get("accuracy"), (t.test or {}).get("accuracy")) for t in trials]
            scores = [pair for pair in pairs if None not in pair]
            if not scores:
                continue
            diagnosed[run.key] = run
            validation, test = (sum(column) / len(scores) for column in zip(*scores, strict=True))
            row = {"validation": validation, "test": test, "gap": validation - test}
            row["best trial on validation"] = max(scores, key=lambda pair: pair[0])[1]  # of equal ones, the first
            row["best trial on TEST (diagnosis only)"] = max(test for _, test in scores)
            texts = {name: f"{100 * value:{'+' if name == 'gap' else ''}.1f}" for name, value in row.items()}
            rows.append({"variant": run.mark(f"{run.path.name}, {source.study}: {source.variant}")} | texts)
    notes = write_notes("diagnosis", runs=list(diagnosed.values()))
    return make_grid("Diagnosis: accuracy (%) by other rules of selection", rows, notes)
