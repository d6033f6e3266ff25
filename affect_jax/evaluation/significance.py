"""Summaries of scores, intervals over what was scored, and Holm's correction; `decision` says who is better.

Repeated runs (folds x seeds) answer "would another seed reverse the difference?". They share one test set, so however
many there are, they cannot answer "would other videos reverse it?". `bootstrap_groups` asks that.

SciPy is imported where it is used: it takes long to load.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

LEAST_UNITS = 5
"""Seeds, folds, draws, groups or answers below which no interval is given: over fewer it says nothing."""
Metric = Callable[[np.ndarray], np.ndarray]
"""Summed statistics [..., *S] -> scores [...]."""
_LARGEST_KEPT = 1 << 20
"""Bytes of a system's statistics up to which the scores of its draws are kept."""


class Sample(NamedTuple):
    """Mean, sample standard deviation (nan for one value) and number of some scores."""

    mean: float
    std: float
    n: int


class Interval(NamedTuple):
    """A score, or a difference of two, on all that was scored, and its interval of 95 % over so many groups."""

    difference: float
    low: float
    high: float
    groups: int


def summarize_sample(scores: np.ndarray) -> Sample:
    """Mean, sample standard deviation and number of scores [n]."""
    scores = np.asarray(scores, np.float64)
    return Sample(float(scores.mean()), float(scores.std(ddof=1)) if scores.size > 1 else float("nan"), scores.size)


def independent_t_test(a: Sample, b: Sample) -> float:
    """The thesis' own test: two-tailed p of Student's t-test of two independent samples (`scipy.stats.ttest_ind`).

    It needs no more than their summaries, so printed figures can be tested as well, and decides nothing here: trials
    are not independent. nan where one has a single value.
    """
    freedom = a.n + b.n - 2
    if min(a.n, b.n) < 2:
        return float("nan")
    variance = ((a.n - 1) * a.std**2 + (b.n - 1) * b.std**2) / freedom
    difference, error = a.mean - b.mean, np.sqrt(variance * (1 / a.n + 1 / b.n))
    if error <= 1e-12 * max(1.0, abs(difference)):  # nothing varies: t is 0/0 or infinite
        return 0.0 if abs(difference) > 1e-12 else 1.0
    from scipy import special

    return float(2 * special.stdtr(freedom, -abs(difference) / error))


def bound_share(share: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """The exact binomial interval of a share of n independent answers, such as an accuracy.

    C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
    Biometrika 26, 404-413, 1934. A share that is a mean over trials need not be a whole number of answers.
    """
    from scipy import special

    right, tail = share * n, (1 - level) / 2
    low = special.betaincinv(right, n - right + 1, tail) if right > 0 else 0.0
    high = special.betaincinv(right + 1, n - right, 1 - tail) if right < n else 1.0
    return float(low), float(high)


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


@functools.lru_cache(maxsize=2)
def _draw_groups(groups: int, draws: int, seed: int) -> np.ndarray:
    """[draws, G], how often each group is drawn. Kept, as a report asks for the same draws hundreds of times."""
    weights = np.random.default_rng(seed).multinomial(groups, np.full(groups, 1 / groups), draws)
    return weights.astype(np.uint16 if groups < 2**16 else np.uint32)


def bootstrap_groups(
    a: np.ndarray,
    b: np.ndarray | None,
    metric: Metric,
    *,
    draws: int | None = None,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """How far the difference of two systems, or the score of one, depends on which groups (videos, speakers) were
    scored.

    Groups are drawn with replacement, the same for both systems and all trials. The score of a draw is the metric of
    the drawn groups' summed statistics, averaged over a system's trials. Steps of one video are never separated, so
    their likeness does not narrow the interval. A. C. Davison and D. V. Hinkley, "Bootstrap Methods and their
    Application", 1997, sections 3.8 and 5.3. With fewer than some twenty groups a percentile interval is too narrow.

    Args:
      a: [R, G, ...] statistics of system a that add up over groups (see `affect_jax.evaluation.group_scores`).
      b: [R', G, ...] of system b over the same groups; R' may be 1 (a constant answer). None asks of a's score alone.
      metric: summed statistics [..., *S] -> scores [...].
      draws: bootstrap replications; None takes 10,000, or fewer where there are more than 2,000 groups.
      seed: of the draws.
      level: of the two-sided interval.

    Raises:
      ValueError: the two do not have the same groups.
    """
    systems = [np.asarray(x, np.float64) for x in (a, b) if x is not None]
    if len({x.shape[1:] for x in systems}) > 1 or a.ndim < 2 or not a.shape[1]:
        raise ValueError(f"statistics are [R, G, ...] with the same groups, but are {[x.shape for x in systems]}")
    groups = a.shape[1]
    draws = draws or int(np.clip(20_000_000 // groups, 1_000, 10_000))

    drawn = [_draw_scores(x, metric, draws, seed) for x in systems]
    whole = [_score_draws(x, metric, np.ones((1, groups)))[0] for x in systems]
    samples, difference = (one[0] - one[1] if len(one) > 1 else one[0] for one in (drawn, whole))
    low, high = np.quantile(samples, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(difference), float(low), float(high), groups)


def _draw_scores(statistics: np.ndarray, metric: Metric, draws: int, seed: int) -> np.ndarray:
    """float64 [draws]: a system's mean score over its trials, of each draw of groups; statistics [R, G, ...]."""
    if statistics.nbytes > _LARGEST_KEPT:
        return _compute_draws(statistics, metric, draws, seed)
    return _recall_draws(statistics.tobytes(), statistics.shape, metric, draws, seed)


@functools.lru_cache(maxsize=256)
def _recall_draws(statistics: bytes, shape: tuple[int, ...], metric: Metric, draws: int, seed: int) -> np.ndarray:
    """As `_draw_scores`. Kept, as a report compares the same system with many, and gives its own interval, too."""
    return _compute_draws(np.frombuffer(statistics).reshape(shape), metric, draws, seed)


def _compute_draws(statistics: np.ndarray, metric: Metric, draws: int, seed: int) -> np.ndarray:
    drawn = _draw_groups(statistics.shape[1], draws, seed)
    chunk = max(500, 2**16 // statistics[:, 0].size)  # so that draws x R x S numbers stay small
    starts = range(0, draws, chunk)
    return np.concatenate(
        [_score_draws(statistics, metric, drawn[at : at + chunk].astype(np.float64)) for at in starts]
    )


def _score_draws(statistics: np.ndarray, metric: Metric, weights: np.ndarray) -> np.ndarray:
    """[D]: weights [D, G] of groups, how often each is drawn, and statistics [R, G, ...]."""
    return metric(np.tensordot(weights, statistics, axes=(1, 1))).mean(axis=1)  # of [D, R, ...]


def bootstrap_apart(
    a: np.ndarray,
    b: np.ndarray,
    metric: Metric,
    *,
    draws: int = 10_000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """How far the difference of two parts of what was scored, such as women and men, depends on who is in them.

    The groups of each are drawn by themselves, as `bootstrap_groups` draws those that two systems share.

    Args:
      a: [R, G, ...] statistics of one part that add up over its groups.
      b: [R, H, ...] of the other, over groups of its own.
      metric: summed statistics [..., *S] -> scores [...].
      draws: bootstrap replications.
      seed: of the draws.
      level: of the two-sided interval.
    """
    random = np.random.default_rng(seed)

    def draw_scores(statistics: np.ndarray) -> np.ndarray:
        groups = statistics.shape[1]
        weights = random.multinomial(groups, np.full(groups, 1 / groups), draws).astype(np.float64)
        return metric(np.tensordot(weights, statistics, axes=(1, 1))).mean(axis=1)

    low, high = np.quantile(draw_scores(a) - draw_scores(b), [(1 - level) / 2, (1 + level) / 2])
    whole = metric(a.sum(1)).mean() - metric(b.sum(1)).mean()
    return Interval(float(whole), float(low), float(high), a.shape[1] + b.shape[1])
