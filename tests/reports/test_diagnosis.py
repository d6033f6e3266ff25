from dataclasses import replace
from pathlib import Path

from affect_jax.evaluation.read import Run
from affect_jax.experiment.results_file import SplitCount
from affect_jax.reports import diagnosis
from tests.run_results import make_corpus, make_results, make_trial


def run(synthetic=False, test=(0.5, 0.7, 0.6)):
    trials = [
        make_trial(
            study="a/te",
            variant="TE",
            seed=seed,
            validation={"accuracy": v},
            test=None if t is None else {"accuracy": t},
        )
        for seed, (v, t) in enumerate(zip((0.9, 0.8, 0.7), test, strict=True))
    ]
    counts = {"train": SplitCount(4, 4, {"0": 3, "1": 1}), "test": SplitCount(5, 5, {"0": 1, "1": 4})}
    corpus = make_corpus(counts=counts, synthetic=synthetic)
    return Run(Path("runs/x"), make_results(*trials, corpus=corpus, task="binary"), {})


def test_columns_by_hand():
    grid = diagnosis.make_table([run()])
    assert grid.rows == (("x, a/te: TE", "80.0", "60.0", "+20.0", "50.0", "70.0"),)
    assert "test 80.0 % of class 1, train 75.0 % of class 0" in grid.notes[0]
    assert "TEST (diagnosis only)" in grid.header[-1][1]


def test_synthetic_is_said_on_the_line():
    assert "(synthetic)" in diagnosis.make_table([run(synthetic=True)]).rows[0][0]


def test_nothing_without_a_labelled_test_split():
    assert not diagnosis.make_table([run(test=(None, None, None))]).rows


def test_nothing_of_a_cross_validation():
    whole = run()
    corpus = replace(whole.results.corpus, counts={"train": whole.results.corpus.counts["train"]})
    assert not diagnosis.make_table([whole._replace(results=replace(whole.results, corpus=corpus))]).rows
