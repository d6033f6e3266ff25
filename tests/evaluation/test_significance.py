import math

import numpy as np
import pytest
from scipy import stats

from affect_jax.evaluation import significance

A = np.array([1.0, 2.0, 3.0, 4.0])
B = np.array([0.0, 1.0, 3.0, 2.0])  # differences 1, 1, 0, 2: mean 1, variance 2/3


def test_paired_t_by_hand():
    test = significance.paired_t_test(A, B)
    assert test.difference == 1
    assert test.std == pytest.approx(math.sqrt(2 / 3))
    assert test.statistic == pytest.approx(1 / math.sqrt(2 / 3 / 4))
    assert test.p == pytest.approx(0.09172, abs=1e-5)
    assert test.n == 4


def test_paired_t_is_scipys():
    a, b = np.random.default_rng(0).normal(size=(2, 30))
    theirs = stats.ttest_rel(a, b)
    ours = significance.paired_t_test(a, b)
    assert ours.statistic == pytest.approx(theirs.statistic)
    assert ours.p == pytest.approx(theirs.pvalue)


def test_independent_t_is_scipys():
    random = np.random.default_rng(2)
    a, b = random.normal(size=30), random.normal(0.5, 2, size=20)
    ours = significance.independent_t_test(significance.summarize_sample(a), significance.summarize_sample(b))
    assert ours == pytest.approx(stats.ttest_ind(a, b).pvalue)


def test_independent_t_of_what_does_not_vary():
    still = significance.Sample(0.5, 0.0, 50)
    assert significance.independent_t_test(still, still) == 1.0
    assert significance.independent_t_test(still, still._replace(mean=0.6)) == 0.0
    assert math.isnan(significance.independent_t_test(significance.summarize_sample(A[:1]), still))


def test_corrected_resampled_t_by_hand():
    test = significance.corrected_resampled_t_test(A, B, n_train=10, n_test=5)
    assert test.statistic == pytest.approx(1 / math.sqrt((1 / 4 + 5 / 10) * 2 / 3))
    assert test.p == pytest.approx(2 * stats.t.sf(test.statistic, 3))
    assert test.p > significance.paired_t_test(A, B).p


def test_mean_interval_is_scipys_and_wider_for_rows_that_share_data():
    scores = np.random.default_rng(3).normal(size=12)
    found = significance.mean_interval(significance.summarize_sample(scores))
    theirs = stats.ttest_1samp(scores, 0).confidence_interval(0.95)
    assert found == pytest.approx((theirs.low, theirs.high))
    wide = significance.mean_interval(significance.summarize_sample(scores), overlap=1 / 4)
    ratio = math.sqrt((1 / 12 + 1 / 4) * 12)
    assert wide[1] - wide[0] == pytest.approx(ratio * (found[1] - found[0]))
    assert sum(wide) == pytest.approx(sum(found))
    assert all(map(math.isnan, significance.mean_interval(significance.summarize_sample(scores[:1]))))


def test_wilcoxon_is_scipys():
    a, b = np.random.default_rng(1).normal(size=(2, 12))
    theirs = stats.wilcoxon(a, b)
    ours = significance.wilcoxon_signed_rank(a, b)
    assert (ours.statistic, ours.p) == (pytest.approx(theirs.statistic), pytest.approx(theirs.pvalue))


def test_wilcoxon_by_hand():
    # All five differences positive: W = 0, and 2 of the 32 sign patterns are as extreme.
    test = significance.wilcoxon_signed_rank(np.arange(1.0, 6.0), np.zeros(5))
    assert (test.statistic, test.p) == (0.0, pytest.approx(2 / 32))


TESTS = (
    significance.paired_t_test,
    significance.wilcoxon_signed_rank,
    lambda a, b: significance.corrected_resampled_t_test(a, b, n_train=4, n_test=2),
)


@pytest.mark.parametrize("test", TESTS)
def test_no_difference_at_all(test):
    assert test(A, A).p == 1.0


@pytest.mark.parametrize("test", TESTS)
def test_one_pair_tests_nothing(test):
    result = test(A[:1], B[:1])
    assert result.difference == 1
    assert math.isnan(result.p)


@pytest.mark.parametrize("test", TESTS)
def test_lengths_differ(test):
    with pytest.raises(ValueError, match="one length"):
        test(A, B[:3])


def test_a_constant_difference_is_certain():
    assert significance.paired_t_test(A, A - 0.1).p == 0.0


def test_counts_must_be_positive():
    with pytest.raises(ValueError, match="above 0"):
        significance.corrected_resampled_t_test(A, B, n_train=0, n_test=5)


def test_holm_by_hand():
    np.testing.assert_allclose(significance.holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])


def test_holm_caps_at_one_and_leaves_out_nan():
    np.testing.assert_allclose(significance.holm(np.array([0.6, math.nan, 0.02])), [0.6, math.nan, 0.04])
    np.testing.assert_allclose(significance.holm(np.array([0.9, 0.8])), [1.0, 1.0])
    assert significance.holm(np.array([])).shape == (0,)


def mean(statistics):
    """Statistics are [sum, count]."""
    return statistics[..., 0] / statistics[..., 1]


def grouped(values):
    """[R, G] group means of 4 steps each -> [R, G, 2]."""
    return np.stack([4 * values, np.full_like(values, 4.0)], -1)


def test_bootstrap_covers_the_truth():
    random = np.random.default_rng(2)
    covered = 0
    for seed in range(200):
        easy = random.normal(size=(1, 25))  # how easy a video is: the same for both systems and all rows
        a = grouped(easy + 0.3 + 0.5 * random.normal(size=(1, 25)) + 0.1 * random.normal(size=(3, 25)))
        b = grouped(easy + 0.1 * random.normal(size=(3, 25)))
        interval = significance.bootstrap_groups(a, b, mean, draws=300, seed=seed)
        covered += interval.low <= 0.3 <= interval.high
    assert 0.88 <= covered / 200 <= 0.99


def test_bootstrap_of_a_mean_is_nearly_normal():
    values = np.random.default_rng(3).normal(size=(1, 60))
    interval = significance.bootstrap_groups(grouped(values), grouped(np.zeros((1, 60))), mean, draws=4000)
    half = 1.96 * values.std() / math.sqrt(60)
    assert interval.difference == pytest.approx(values.mean())
    assert interval.low == pytest.approx(values.mean() - half, abs=0.04)
    assert interval.high == pytest.approx(values.mean() + half, abs=0.04)
    assert interval.groups == 60


def test_more_rows_do_not_narrow_what_videos_leave_open():
    # Ten rows that are the same say no more of other videos than one does.
    values = np.random.default_rng(4).normal(size=(1, 20))
    zeros = grouped(np.zeros((1, 20)))
    one = significance.bootstrap_groups(grouped(values), zeros, mean, draws=500)
    ten = significance.bootstrap_groups(grouped(values.repeat(10, 0)), zeros, mean, draws=500)
    np.testing.assert_allclose(ten, one)


def test_bootstrap_is_paired():
    values = np.random.default_rng(5).normal(size=(2, 15))
    interval = significance.bootstrap_groups(grouped(values + 1), grouped(values), mean, draws=200)
    np.testing.assert_allclose(interval[:3], 1.0)


def test_bootstrap_repeats_with_its_seed():
    a, b = (grouped(x) for x in np.random.default_rng(6).normal(size=(2, 1, 10)))
    once = significance.bootstrap_groups(a, b, mean, draws=700, seed=1)
    assert once == significance.bootstrap_groups(a, b, mean, draws=700, seed=1)
    assert once != significance.bootstrap_groups(a, b, mean, draws=700, seed=2)


def test_bootstrap_wants_the_same_groups():
    with pytest.raises(ValueError, match="same groups"):
        significance.bootstrap_groups(np.ones((1, 3, 2)), np.ones((1, 4, 2)), mean)


def test_a_contrast_has_every_test_and_its_family_is_corrected():
    sizes = significance.Sizes(10, 5)
    first = significance.contrast_scores(A, B, sizes)
    assert set(first.p) == set(significance.TESTS)
    assert first.p["paired"] == significance.paired_t_test(A, B).p
    assert first.p["resampled"] == significance.corrected_resampled_t_test(A, B, n_train=10, n_test=5).p
    assert (first.difference, first.n) == (1, 4)
    unknown = significance.contrast_scores(A, A + 1, None, ("paired", "resampled"))
    assert set(unknown.p) == {"paired"}, "without sizes there is nothing to correct by"
    corrected = significance.correct_family([first, None, unknown])
    assert corrected[1] is None
    assert corrected[0].holm["paired"] == pytest.approx(first.p["paired"])
    assert corrected[2].holm["paired"] == pytest.approx(2 * unknown.p["paired"])
    assert corrected[0].holm["resampled"] == first.p["resampled"], "only what was tested is in the family"
