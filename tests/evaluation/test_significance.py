import math

import numpy as np
import pytest
from scipy import stats

from affect_jax.evaluation import significance

A = np.array([1.0, 2.0, 3.0, 4.0])


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


def test_a_share_has_the_exact_binomial_interval():
    for right, n in ((0, 20), (7, 20), (20, 20), (602, 752)):
        theirs = stats.binomtest(right, n).proportion_ci(method="exact")
        assert significance.bound_share(right / n, n) == pytest.approx((theirs.low, theirs.high))
    low, high = significance.bound_share(0.8, 752)
    assert (high - low) / 2 == pytest.approx(0.029, abs=5e-4), "whatever the seeds say"


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


def test_a_bootstrap_of_one_system():
    values = np.random.default_rng(7).normal(size=(3, 40))
    interval = significance.bootstrap_groups(grouped(values), None, mean, draws=4000)
    half = 1.96 * values.mean(0).std() / math.sqrt(40)
    assert interval.difference == pytest.approx(values.mean())
    assert (interval.low, interval.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.03)
