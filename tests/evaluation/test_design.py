"""What was recorded of the folds decides what the trials of a comparison are."""

import pytest

from affect_jax.evaluation.design import APART, DRAWS, FOLDS, SEEDS, UNKNOWN, derive_design
from affect_jax.experiment.results_file import FoldRecord, SplitCount
from tests.run_results import make_corpus

CROSSED = FoldRecord({"train": 14, "validation": 5, "test": 5}, {"train": 1.0, "validation": 0.0, "test": 0.0})
ALONE = FoldRecord({"train": 24, "validation": 8, "test": 24}, {"train": 0.0, "validation": 0.0, "test": 0.0})
DRAWN = FoldRecord({"train": 42, "validation": 10, "test": 31}, {"train": 1.0, "validation": 0.2, "test": 1.0})


def derive(record, split="test", folds=("a", "b", "c"), seeds=2, counts=None):
    corpus = make_corpus(folds=dict.fromkeys(folds, record) if record else {}, counts=counts or {})
    return derive_design([(fold, seed) for fold in folds for seed in range(seeds)], split, corpus)


def test_each_kind():
    assert derive(CROSSED).kind == FOLDS
    assert derive(ALONE).kind == APART
    assert derive(DRAWN).kind == DRAWS
    assert derive(DRAWN, split="validation").kind == FOLDS, "each draw has validation videos of its own"
    assert derive(None).kind == UNKNOWN
    assert derive(None, counts={"train": SplitCount(52, 0), "test": SplitCount(31, 0)}).kind == DRAWS
    assert derive(None, folds=("dev",)).kind == SEEDS


def test_units_are_those_that_a_fold_really_has():
    assert derive(CROSSED).overlap == pytest.approx(5 / 14)
    assert derive(ALONE).overlap == 0, "nothing is shared, so nothing is corrected"
    assert "a trial trains on 24 groups and is scored on 24" in derive(ALONE).describe()
    corpus = make_corpus(folds={"a": CROSSED, "b": FoldRecord(dict(CROSSED.groups, train=13, test=6), CROSSED.shared)})
    uneven = derive_design([("a", 0), ("b", 0)], "test", corpus)
    assert uneven.overlap == pytest.approx((5 / 14 + 6 / 13) / 2)
    assert uneven.describe().endswith("a trial trains on 13 to 14 groups and is scored on 5 to 6")


def test_trials_keep_their_order():
    design = derive_design([("b", 1), ("a", 0), ("b", 0)], "test", make_corpus())
    assert (design.folds, design.seeds) == (("b", "a"), 2)
