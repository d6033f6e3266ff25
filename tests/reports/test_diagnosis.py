from pathlib import Path

from affect_jax.reports import diagnosis
from affect_jax.reports.folders import Run


def run(synthetic=False, task="binary"):
    rows = [
        {"study": "a/te", "variant": "TE", "validation": {"accuracy": v}, "test": {"accuracy": t} if t else None}
        for v, t in ((0.9, 0.5), (0.8, 0.7), (0.7, 0.6))
    ]
    counts = {"train": {"classes": {"0": 3, "1": 1}}, "test": {"classes": {"0": 1, "1": 4}}}
    results = {"trials": rows, "corpus": {"counts": counts, "synthetic": synthetic}, "task": task}
    return Run(Path("runs/x"), results, {})


def test_columns_by_hand():
    grid = diagnosis.report([run()])
    assert grid.rows == (("x, a/te: TE", "80.0", "60.0", "+20.0", "50.0", "70.0"),)
    assert "test 80.0 % of class 1, train 75.0 % of class 0" in grid.notes[0]
    assert "TEST (diagnosis only)" in grid.header[-1][1]


def test_synthetic_is_said_on_the_line():
    assert "(synthetic)" in diagnosis.report([run(synthetic=True)]).rows[0][0]


def test_nothing_without_a_labelled_test_part():
    unlabelled = run()
    for row in unlabelled.results["trials"]:
        row["test"] = None
    assert diagnosis.render([unlabelled]) == {}


def test_nothing_of_a_cross_validation():
    folded = run()
    del folded.results["corpus"]["counts"]["test"]
    assert diagnosis.render([folded]) == {}
