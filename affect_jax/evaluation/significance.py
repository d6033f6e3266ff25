"""Is one system better than another? Paired tests over repeated runs, and a bootstrap over what was tested on.

Repeated runs (folds x seeds) answer "would another seed reverse the difference?". They share one test set, so however
many there are, they cannot answer "would other videos reverse it?". `bootstrap_groups` asks that.

Every difference that a report shows is a `Contrast`. SciPy is imported where it is used: it takes seconds to load.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np

TESTS = ("independent", "paired", "resampled", "wilcoxon")
"""Names of the tests of a `Contrast`: Student's t of independent samples, the same of pairs, that of Nadeau and Bengio,
Wilcoxon's signed ranks."""


class PairedTest(NamedTuple):
    """A two-tailed paired test of a - b.

    Attributes:
      difference: mean of a - b.
      std: sample standard deviation of a - b (nan for one pair).
      statistic: t, or Wilcoxon's W.
      p: two-tailed p-value; nan where fewer than two pairs leave nothing to test.
      n: number of pairs.
    """

    difference: float
    std: float
    statistic: float
    p: float
    n: int


class Sample(NamedTuple):
    """Mean, sample standard deviation (nan for one value) and number of some scores."""

    mean: float
    std: float
    n: int


class Interval(NamedTuple):
    """A difference on the whole test set, and the percentile interval of its bootstrap over so many groups."""

    difference: float
    low: float
    high: float
    groups: int


class Sizes(NamedTuple):
    """Independent units (recordings, videos, speakers) that a trial trains on and is scored on."""

    train: int
    test: int


class Contrast(NamedTuple):
    """Scores of a minus scores of b, over n trials of the same fold and seed.

    Attributes:
      a: the scores of a.
      b: likewise.
      difference: mean of a - b.
      std: sample standard deviation of a - b (nan for one pair).
      n: pairs.
      p: test -> two-tailed p; 'resampled' is missing where `sizes` is None.
      holm: test -> the same p, corrected over a family; see `correct_family`.
      sizes: units of a trial; None where that is not known.
      interval: of the difference over other groups to test on; None where it was not bootstrapped.
    """

    a: Sample
    b: Sample
    difference: float
    std: float
    n: int
    p: Mapping[str, float]
    holm: Mapping[str, float] = {}
    sizes: Sizes | None = None
    interval: Interval | None = None


def contrast_scores(
    a: np.ndarray, b: np.ndarray, sizes: Sizes | None, tests: Collection[str] = TESTS, interval: Interval | None = None
) -> Contrast:
    """Scores a [n] minus scores b [n] of the same folds and seeds, with the tests that are asked for.

    Raises:
      ValueError: the two are not of one length.
    """
    samples = summarize_sample(a), summarize_sample(b)
    paired = paired_t_test(a, b)
    p = {"paired": paired.p}
    if "independent" in tests:
        p["independent"] = independent_t_test(*samples)
    if "resampled" in tests and sizes is not None:
        p["resampled"] = corrected_resampled_t_test(a, b, n_train=sizes.train, n_test=sizes.test).p
    if "wilcoxon" in tests:
        p["wilcoxon"] = wilcoxon_signed_rank(a, b).p
    asked = {test: p[test] for test in tests if test in p}
    return Contrast(*samples, paired.difference, paired.std, paired.n, asked, sizes=sizes, interval=interval)


def correct_family(contrasts: Sequence[Contrast | None]) -> list[Contrast | None]:
    """Adds Holm's p to the contrasts of one family, test by test; None stands for what could not be compared."""
    tests = dict.fromkeys(test for contrast in contrasts if contrast for test in contrast.p)
    columns = {test: holm(np.array([c.p.get(test, math.nan) if c else math.nan for c in contrasts])) for test in tests}
    return [
        c and c._replace(holm={test: float(column[at]) for test, column in columns.items()})
        for at, c in enumerate(contrasts)
    ]


def _subtract(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.ndim != 1 or a.shape != b.shape or not a.size:
        raise ValueError(f"paired scores are two arrays [n] of one length, n > 0, but are {a.shape} and {b.shape}")
    return a - b


def _t_test(differences: np.ndarray, variance_factor: float) -> PairedTest:
    """t = mean / sqrt(variance_factor * var), n - 1 degrees of freedom."""
    n, mean = differences.size, float(differences.mean())
    if n < 2:
        return PairedTest(mean, float("nan"), float("nan"), float("nan"), n)
    std = float(differences.std(ddof=1))
    # Equal differences up to rounding: t is 0/0 or infinite, and the answer is plain without it.
    if std <= 1e-12 * max(1.0, abs(mean)):
        return PairedTest(mean, std, float("inf") if mean else 0.0, 0.0 if mean else 1.0, n)
    from scipy import stats

    t = mean / np.sqrt(variance_factor) / std
    return PairedTest(mean, std, float(t), float(2 * stats.t.sf(abs(t), n - 1)), n)


def paired_t_test(a: np.ndarray, b: np.ndarray) -> PairedTest:
    """Student's paired t-test of scores a [n] and b [n] (the same as `scipy.stats.ttest_rel`).

    Raises:
      ValueError: the two are not of one length.
    """
    differences = _subtract(a, b)
    return _t_test(differences, 1 / differences.size)


def summarize_sample(scores: np.ndarray) -> Sample:
    """Mean, sample standard deviation and number of scores [n]."""
    scores = np.asarray(scores, np.float64)
    return Sample(float(scores.mean()), float(scores.std(ddof=1)) if scores.size > 1 else float("nan"), scores.size)


def mean_interval(scores: Sample, *, overlap: float = 0.0, level: float = 0.95) -> tuple[float, float]:
    """Student's two-sided interval of a mean; nan for a single value.

    With `overlap` the variance 1/n becomes 1/n + overlap, as in `corrected_resampled_t_test`.

    Args:
      scores: mean, sample standard deviation and number.
      overlap: units tested on for each unit trained on, where the scores' training splits overlap; 0 where they do not.
      level: of the interval.
    """
    if scores.n < 2:
        return float("nan"), float("nan")
    from scipy import stats

    half = stats.t.ppf((1 + level) / 2, scores.n - 1) * scores.std * np.sqrt(1 / scores.n + overlap)
    return float(scores.mean - half), float(scores.mean + half)


def independent_t_test(a: Sample, b: Sample) -> float:
    """Two-tailed p of Student's t-test of two independent samples (the same as `scipy.stats.ttest_ind`).

    It needs no more than their summaries, so printed figures can be tested as well. nan where one has a single value.
    """
    freedom = a.n + b.n - 2
    if min(a.n, b.n) < 2:
        return float("nan")
    variance = ((a.n - 1) * a.std**2 + (b.n - 1) * b.std**2) / freedom
    difference, error = a.mean - b.mean, np.sqrt(variance * (1 / a.n + 1 / b.n))
    if error <= 1e-12 * max(1.0, abs(difference)):  # nothing varies: t is 0/0 or infinite
        return 0.0 if abs(difference) > 1e-12 else 1.0
    from scipy import stats

    return float(2 * stats.t.sf(abs(difference) / error, freedom))


def corrected_resampled_t_test(a: np.ndarray, b: np.ndarray, *, n_train: int, n_test: int) -> PairedTest:
    """The t-test whose variance allows for training sets that overlap between runs.

    The variance 1/n becomes 1/n + n_test/n_train. C. Nadeau and Y. Bengio, "Inference for the generalization
    error", Machine Learning 52, 239-281, 2003.

    Args:
      a: scores [n] of one system.
      b: scores [n] of the other for the same folds and seeds.
      n_train: independent units (videos, speakers) that a trial trains on.
      n_test: independent units that a trial is tested on.

    Raises:
      ValueError: lengths differ, or a count is not positive.
    """
    if n_train <= 0 or n_test <= 0:
        raise ValueError(f"n_train and n_test are counts above 0, but are {n_train} and {n_test}")
    differences = _subtract(a, b)
    return _t_test(differences, 1 / differences.size + n_test / n_train)


def wilcoxon_signed_rank(a: np.ndarray, b: np.ndarray) -> PairedTest:
    """Wilcoxon's signed-rank test of scores a [n] and b [n], pairs without a difference dropped.

    F. Wilcoxon, "Individual comparisons by ranking methods", Biometrics Bulletin 1, 80-83, 1945; recommended over
    the t-test for scores of learners by J. Demsar, JMLR 7, 1-30, 2006.
    """
    differences = _subtract(a, b)
    n, mean = differences.size, float(differences.mean())
    std = float(differences.std(ddof=1)) if n > 1 else float("nan")
    if n < 2:
        return PairedTest(mean, std, float("nan"), float("nan"), n)
    if not differences.any():
        return PairedTest(mean, std, 0.0, 1.0, n)
    from scipy import stats

    result = stats.wilcoxon(differences)
    return PairedTest(mean, std, float(result.statistic), float(result.pvalue), n)


def holm(p: np.ndarray) -> np.ndarray:
    """p-values [m] of one family, adjusted so that the chance of any false alarm stays below the level.

    S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6, 65-70,
    1979. A nan was never tested: it stays nan and does not count in the family.
    """
    p = np.asarray(p, np.float64)
    adjusted = np.full(p.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    factors = np.arange(order.size, 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(factors * p[order]))
    return adjusted


def bootstrap_groups(
    a: np.ndarray,
    b: np.ndarray,
    metric: Callable[[np.ndarray], np.ndarray],
    *,
    draws: int = 10_000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """How far the difference of two systems depends on which groups (videos, speakers) were tested on.

    Groups are drawn with replacement, the same for both systems and all trials. The score of a draw is the metric of
    the drawn groups' summed statistics, averaged over a system's trials. Steps of one video are never separated, so
    their likeness does not narrow the interval. A. C. Davison and D. V. Hinkley, "Bootstrap Methods and their
    Application", 1997, sections 3.8 and 5.3. With fewer than some twenty groups a percentile interval is too narrow.

    Args:
      a: [R, G, ...] statistics of system a that add up over groups (see `affect_jax.evaluation.group_scores`).
      b: [R', G, ...] of system b over the same groups; R' may be 1 (a constant answer).
      metric: summed statistics [..., *S] -> scores [...].
      draws: bootstrap replications.
      seed: of the draws.
      level: of the two-sided interval.

    Raises:
      ValueError: the two do not have the same groups.
    """
    if a.shape[1:] != b.shape[1:] or a.ndim < 2 or not a.shape[1]:
        raise ValueError(f"statistics are [R, G, ...] with the same groups, but are {a.shape} and {b.shape}")
    groups = a.shape[1]
    random = np.random.default_rng(seed)

    def difference(weights: np.ndarray) -> np.ndarray:
        scores = [  # tensordot: [draws, G] and [R, G, *S] -> [draws, R, *S]
            metric(np.tensordot(weights, x, axes=(1, 1))).mean(axis=1) for x in (a, b)
        ]
        return scores[0] - scores[1]

    chunk = 500  # so that draws x R x S numbers stay small
    samples = []
    for start in range(0, draws, chunk):
        size = min(chunk, draws - start)
        samples.append(difference(random.multinomial(groups, np.full(groups, 1 / groups), size).astype(np.float64)))
    low, high = np.quantile(np.concatenate(samples), [(1 - level) / 2, (1 + level) / 2])
    whole = difference(np.ones((1, groups)))[0]
    return Interval(float(whole), float(low), float(high), groups)
