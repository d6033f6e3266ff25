"""The one rule of every verdict: by hand, and how often it is wrong where nothing differs."""

import math

import numpy as np
import pytest
from scipy import stats

from affect_jax.evaluation import decision
from affect_jax.evaluation.design import APART, DRAWS, FOLDS, SEEDS, UNKNOWN, Design
from affect_jax.evaluation.significance import Interval
from benchmarks import decisions
from benchmarks.reports import ROOT

A = np.array([1.0, 2.0, 3.0, 4.0, 2.0, 5.0])
B = np.array([0.0, 1.0, 3.0, 2.0, 1.5, 3.0])


def make_design(kind, folds=3, seeds=2):
    trials = tuple((f"fold_{fold}", seed) for fold in range(folds) for seed in range(seeds))
    counts = [tuple((f"fold_{fold}", count) for fold in range(folds)) for count in (10, 5)]
    return Design(kind, trials, *counts)


def test_one_fold_is_tested_over_its_seeds():
    test = decision.contrast_scores(A, B, make_design(SEEDS, 1, 6)).test
    assert (test.rule, test.freedom) == ("t, seeds", 5)
    assert test.p == pytest.approx(stats.ttest_rel(A, B).pvalue)
    theirs = stats.ttest_rel(A, B).confidence_interval(0.95)
    assert test.bound() == pytest.approx((theirs.low, theirs.high))


def test_folds_average_their_seeds_and_count_as_folds():
    test = decision.contrast_scores(A, B, make_design(FOLDS)).test
    means = (A - B).reshape(3, 2).mean(1)
    t = means.mean() / math.sqrt((1 / 3 + 5 / 10) * means.var(ddof=1))
    assert (test.rule, test.freedom) == ("Nadeau-Bengio, folds", 2)
    assert test.p == pytest.approx(2 * stats.t.sf(t, 2))
    apart = decision.contrast_scores(A, B, make_design(APART)).test
    assert apart.p == pytest.approx(stats.ttest_1samp(means, 0).pvalue)
    assert apart.p < test.p


def test_draws_count_as_trials_unless_they_differ():
    even = np.array([0.1, 0.3, 0.3, 0.1, 0.2, 0.2])
    test = decision.test_mean(even, make_design(DRAWS))
    assert (test.rule, test.p) == ("t, draws x seeds", pytest.approx(stats.ttest_1samp(even, 0).pvalue))
    uneven = even + np.repeat([0.0, 1.0, 2.0], 2)
    test = decision.test_mean(uneven, make_design(DRAWS))
    assert (test.rule, test.p) == (
        "t, draws",
        pytest.approx(stats.ttest_1samp(uneven.reshape(3, 2).mean(1), 0).pvalue),
    )


def test_many_comparisons_at_once_are_as_one_at_a_time():
    values = np.random.default_rng(0).normal(size=(20, 6)) + np.repeat([0.0, 0.3, 0.6], 2)
    for kind in (SEEDS, DRAWS, FOLDS, APART):
        design = make_design(kind, *((1, 6) if kind == SEEDS else (3, 2)))
        together = decision.test_mean(values, design)
        alone = [decision.test_mean(row, design) for row in values]
        for name in ("mean", "error", "freedom", "p"):
            expected = [getattr(test, name) for test in alone]
            np.testing.assert_allclose(np.broadcast_to(getattr(together, name), 20), expected)


def test_what_cannot_be_tested():
    assert math.isnan(decision.contrast_scores(A, B, make_design(UNKNOWN)).test.p)
    alone = decision.contrast_scores(A[:1], B[:1], make_design(SEEDS, 1, 1))
    assert math.isnan(alone.test.p)
    assert math.isnan(alone.find_smallest())
    with pytest.raises(ValueError, match="one length"):
        decision.contrast_scores(A, B[:3], make_design(FOLDS))
    with pytest.raises(ValueError, match="do not belong"):
        decision.contrast_scores(A[:3], B[:3], make_design(FOLDS))


@pytest.mark.parametrize("kind", [SEEDS, DRAWS, FOLDS, APART])
def test_what_does_not_vary_is_certain(kind):
    design = make_design(kind, *((1, 6) if kind == SEEDS else (3, 2)))
    assert decision.contrast_scores(A, A, design).test.p == 1
    assert decision.contrast_scores(A, A - 0.1, design).test.p == 0


def test_a_family_is_corrected_together():
    first = decision.contrast_scores(A, B, make_design(SEEDS, 1, 6))
    second = decision.contrast_scores(A, A[::-1], make_design(SEEDS, 1, 6))
    corrected = decision.correct_family([first, None, second])
    assert corrected[1] is None
    assert corrected[0].holm == pytest.approx(2 * first.test.p)
    assert corrected[0].family == 2
    assert corrected[0].find_smallest() > first.find_smallest(), "a larger family shows less"


def test_both_doubts_decide():
    contrast = decision.correct_family([decision.contrast_scores(A, B, make_design(SEEDS, 1, 6))])[0]
    assert contrast.find_winner() == 1
    assert contrast.swap().find_winner() == -1
    assert not contrast.is_certain_over_groups()
    sure, unsure, other = (Interval(mid, low, low + 2, 30) for mid, low in ((1.0, 0.1), (1.0, -0.1), (-1.0, -2.1)))
    assert contrast._replace(interval=sure).is_certain_over_groups()
    assert contrast.swap()._replace(interval=other).is_certain_over_groups()
    assert not contrast._replace(interval=unsure).is_certain_over_groups()
    assert not contrast._replace(interval=other).is_certain_over_groups(), "the other way round"
    assert contrast._replace(design=make_design(APART)).is_certain_over_groups(), "folds differ in their groups"


def test_the_smallest_difference_would_have_been_shown_four_times_in_five():
    design = make_design(SEEDS, 1, 10)
    noise = np.random.default_rng(1).normal(size=(20_000, 10))
    size = decision.MeanTest("", 0.0, 1 / math.sqrt(10), 9, 0.5).find_smallest()
    power = (decision.test_mean(noise + size, design).p < 0.05).mean()
    assert power == pytest.approx(0.8, abs=0.02)


def test_a_margin_is_met_by_one_tailed_tests_and_over_groups():
    contrast = decision.contrast_scores(A, B, make_design(SEEDS, 1, 6))
    expected = stats.ttest_rel(A, B + 0.2, alternative="greater").pvalue
    assert contrast.test.exceeds(0.2) == pytest.approx(expected)
    assert expected < 0.05
    assert not contrast.is_above(0.2), "nothing is known of other groups"
    near = contrast._replace(interval=Interval(1.0, 0.3, 1.7, 30))
    assert near.is_above(0.2)
    assert not near.is_above(0.4), "other groups would not bear it"
    assert not near._replace(family=10).is_above(0.2), "corrected by Bonferroni"
    assert not near.swap().is_above(-0.2)


@pytest.mark.parametrize("case", decisions.HELD, ids=lambda case: case.name)
def test_the_size_is_what_it_says(case):
    """Draws differences of two equal systems with the components of the table of `benchmarks.decisions`."""
    size = decisions.measure(case, replications=20_000, seed=0).size
    assert 0.03 <= size <= 0.07


def test_folds_times_seeds_taken_for_independent_are_liberal():
    case = next(case for case in decisions.HELD if case.kind == FOLDS)
    assert decisions.measure(case, replications=20_000, seed=0).old_size > 0.15


def test_the_page_shows_what_the_simulation_prints():
    assert decisions.make_table(40_000) in (ROOT / "docs" / "reports.md").read_text(encoding="utf-8"), (
        "python -m benchmarks.decisions, and copy its table"
    )
