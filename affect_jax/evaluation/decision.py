"""Is one system better than another? One rule, which the design of the runs chooses, for everything that is printed.

Two doubts are kept apart and must both be met: would other seeds, draws or folds reverse the difference (a t-test over
trials or folds), and would other speakers or videos (a bootstrap over the groups that were scored)? Trials share what
they are scored on, so no number of them answers the second. Folds that share nothing differ in both.

    design                                  test                                                     words
    one fold, several seeds                 paired t over the seeds                                  `over seeds`
    draws of validation, one scored part    paired t over the matched trials; over the means of the
                                            draws, or of the seeds, where an F test at .15 says that
                                            these differ                                             `over draws`
    folds of a cross-validation             paired t over fold means, k - 1 degrees of freedom, with
                                            Nadeau and Bengio's variance                             `over folds`
    folds that share nothing                paired t over fold means                                 `over folds`

`benchmarks.decisions` simulates each of them. SciPy is imported where it is used: it takes long to load.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from affect_jax.evaluation.design import APART, DRAWS, FOLDS, SEEDS, UNKNOWN, Design
from affect_jax.evaluation.significance import Interval, Sample, holm, summarize_sample

LEVEL, POWER = 0.05, 0.8
PRELIMINARY = 0.15
"""Level of the F test of whether draws, or seeds, differ; `benchmarks.decisions` shows what it does to sizes."""
NAMES = {
    SEEDS: "t, seeds",
    DRAWS: "t, draws x seeds",
    FOLDS: "Nadeau-Bengio, folds",
    APART: "t, folds apart",
    UNKNOWN: "",
}
"""What stands beside a p, by the design that chose the test."""
DRAW_MEANS, SEED_MEANS = "t, draws", "t, seeds of draws"
DOUBTS = {SEEDS: "seeds", DRAWS: "draws and seeds", FOLDS: "folds", APART: "folds", UNKNOWN: "folds"}
"""What a test speaks of."""


class MeanTest(NamedTuple):
    """A two-tailed t-test of whether a mean is 0; arrays of one shape, or numbers.

    Attributes:
      rule: its name; of an array, that of the design.
      mean: that is tested.
      error: its standard error.
      freedom: degrees of freedom.
      p: two-tailed; nan where fewer than two values leave nothing to test.
    """

    rule: str
    mean: np.ndarray | float
    error: np.ndarray | float
    freedom: np.ndarray | float
    p: np.ndarray | float

    def bound(self, level: float = 1 - LEVEL) -> tuple[float, float]:
        """The two-sided interval of the mean; nan where nothing is tested."""
        half = self._quantile((1 + level) / 2) * self.error
        return float(self.mean - half), float(self.mean + half)

    def find_smallest(self, level: float = LEVEL, power: float = POWER) -> float:
        """The smallest difference that such a test, at `level`, would have shown with that power."""
        return float((self._quantile(1 - level / 2) + self._quantile(power)) * self.error)

    def exceeds(self, bound: float) -> float:
        """One-tailed p of the mean not being above `bound`."""
        if math.isnan(self.p):
            return math.nan
        if self.error == 0:
            return 0.0 if self.mean > bound else 1.0
        from scipy import special

        return float(special.stdtr(self.freedom, (bound - self.mean) / self.error))

    def _quantile(self, share: float) -> float:
        from scipy import special

        return float(special.stdtrit(self.freedom, share)) if self.freedom > 0 else math.nan


def test_mean(values: np.ndarray, design: Design) -> MeanTest:
    """Tests the mean of values [..., n] of the design's n trials, such as the differences of two systems, against 0."""
    values, trials = np.asarray(values, np.float64), np.array(design.trials, dtype=object).reshape(-1, 2)
    if values.shape[-1] != len(trials) or not len(trials):
        raise ValueError(f"{values.shape[-1]} values do not belong to {len(trials)} trials")
    of_fold, of_seed = (_mark_members(column) for column in trials.T)
    if design.kind == UNKNOWN:
        estimate = _Estimate(values.mean(-1), np.full(values.shape[:-1], math.nan), np.nan)
    elif design.kind in (FOLDS, APART):
        estimate = _estimate(_average(values, of_fold), design.overlap)
    else:
        estimate = _estimate(values)
    rule = np.full(values.shape[:-1], NAMES[design.kind], object)
    if design.kind == DRAWS:
        is_first = np.ones(values.shape[:-1], bool)
        for name, members in ((DRAW_MEANS, of_fold), (SEED_MEANS, of_seed)):
            of_means = _estimate(_average(values, members))
            # Where both differ, the larger p.
            is_used = _do_means_differ(values, members) & (is_first | (of_means.p > estimate.p))
            rule, is_first = np.where(is_used, name, rule), is_first & ~is_used
            estimate = _Estimate(*(np.where(is_used, x, y) for x, y in zip(of_means, estimate, strict=True)))
    if values.ndim > 1:
        return MeanTest(NAMES[design.kind], *estimate, estimate.p)
    return MeanTest(str(rule), *(float(x) for x in (*estimate, estimate.p)))


test_mean.__test__ = False  # pytest would take it for a test


class _Estimate(NamedTuple):
    """A mean, its standard error and degrees of freedom."""

    mean: np.ndarray
    error: np.ndarray
    freedom: np.ndarray | float

    @property
    def p(self) -> np.ndarray:
        """Two-tailed p of the mean not being 0."""
        from scipy import special

        size = np.abs(self.mean)
        is_still = self.error <= 1e-12 * np.maximum(1.0, size)  # t is 0/0 or infinite, and the answer plain without it
        t = size / np.where(is_still, 1.0, self.error)
        return np.where(is_still, np.where(size > 1e-12, 0.0, 1.0), 2 * special.stdtr(self.freedom, -t))


def _mark_members(codes: np.ndarray) -> np.ndarray:
    """float64 [n, k], a 1 in each row: which of the k codes it has."""
    _, numbers = np.unique(codes, return_inverse=True)
    return np.eye(numbers.max() + 1)[numbers]


def _average(values: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Means [..., k] of the k groups of trials."""
    return values @ (members / members.sum(0))


def _estimate(values: np.ndarray, overlap: float = 0.0) -> _Estimate:
    """Mean, standard error and degrees of freedom of values [..., m].

    With `overlap`, n_test / n_train, the variance 1/m becomes 1/m + overlap: C. Nadeau and Y. Bengio, "Inference for
    the generalization error", Machine Learning 52, 239-281, 2003.
    """
    m, mean = values.shape[-1], values.mean(-1)
    if m < 2:
        return _Estimate(mean, np.full(mean.shape, math.nan), math.nan)
    return _Estimate(mean, np.sqrt(values.var(-1, ddof=1) * (1 / m + overlap)), m - 1)


def _do_means_differ(values: np.ndarray, members: np.ndarray) -> np.ndarray:
    """bool [...]: whether groups of trials (draws, seeds) differ by more than their own spread explains, by an F test.

    Trials of groups that differ are not independent: their number would overstate what is known. On preliminary tests:
    T. A. Bancroft, "Analysis and inference for incompletely specified models involving the use of preliminary test(s)
    of significance", Biometrics 20, 427-442, 1964.
    """
    from scipy import special

    counts, (n, k) = members.sum(0), members.shape
    if not 1 < k < n:
        return np.zeros(values.shape[:-1], bool)
    means = _average(values, members)
    within = ((values - means @ members.T) ** 2).sum(-1) / (n - k)
    between = (counts * (means - values.mean(-1, keepdims=True)) ** 2).sum(-1) / (k - 1)
    return between > within * special.fdtri(k - 1, n - k, 1 - PRELIMINARY)


class Contrast(NamedTuple):
    """Scores of a minus scores of b, over n matched trials.

    Attributes:
      a: the scores of a.
      b: likewise.
      std: sample standard deviation of a - b (nan for one trial).
      design: of the matched trials.
      test: of the mean of a - b.
      interval: of the difference over other groups to score on; None where it was not bootstrapped.
      family: how many contrasts are corrected together.
      holm: p, corrected over its family; see `correct_family`.
    """

    a: Sample
    b: Sample
    std: float
    design: Design
    test: MeanTest
    interval: Interval | None = None
    family: int = 1
    holm: float = math.nan

    @property
    def difference(self) -> float:
        """Mean of a - b."""
        return self.test.mean

    @property
    def n(self) -> int:
        """Matched trials."""
        return len(self.design.trials)

    @property
    def groups_matter(self) -> bool:
        """Whether other groups are a doubt of their own: folds that share nothing differ in their groups as well."""
        return self.design.kind != APART

    def find_winner(self) -> int:
        """1 where a is better by the test over trials or folds, -1 where b is, 0 where no difference is shown."""
        return int(np.sign(self.difference)) if self.holm < LEVEL else 0

    def is_certain_over_groups(self) -> bool:
        """Whether other groups would not reverse the difference either."""
        if not self.groups_matter:
            return True
        is_known = self.interval is not None and (self.interval.low > 0 or self.interval.high < 0)
        return is_known and self.interval.difference * self.difference > 0

    def find_smallest(self) -> float:
        """The smallest difference that would have been shown with 80 % power, both doubts met; nan if not known."""
        smallest = self.test.find_smallest(LEVEL / self.family)
        if not self.groups_matter or self.interval is None:
            return smallest
        half = (self.interval.high - self.interval.low) / 2  # 1.96 standard errors, were it normal
        return max(smallest, half * (1.96 + 0.84) / 1.96)

    def is_above(self, bound: float) -> bool:
        """Whether a - b is shown to be above `bound`: one-tailed, corrected by Bonferroni, and over groups."""
        over_groups = not self.groups_matter or (self.interval is not None and self.interval.low > bound)
        return over_groups and self.test.exceeds(bound) * self.family < LEVEL

    def swap(self) -> "Contrast":
        """b minus a."""
        interval = self.interval and self.interval._replace(
            difference=-self.interval.difference, low=-self.interval.high, high=-self.interval.low
        )
        return self._replace(a=self.b, b=self.a, test=self.test._replace(mean=-self.test.mean), interval=interval)


def contrast_scores(a: np.ndarray, b: np.ndarray, design: Design, interval: Interval | None = None) -> Contrast:
    """Scores a [n] minus scores b [n] of the same n trials; not yet corrected.

    Raises:
      ValueError: the two are not of one length, or not of the design's.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"matched scores are two arrays [n] of one length, but are {a.shape} and {b.shape}")
    differences = a - b
    std = float(differences.std(ddof=1)) if len(differences) > 1 else math.nan
    return Contrast(summarize_sample(a), summarize_sample(b), std, design, test_mean(differences, design), interval)


def correct_family(contrasts: Sequence[Contrast | None]) -> list[Contrast | None]:
    """Adds Holm's p to the contrasts of one family; None stands for what could not be compared."""
    p = np.array([contrast.test.p if contrast else math.nan for contrast in contrasts])
    family, corrected = max(1, int((~np.isnan(p)).sum())), holm(p)
    return [c and c._replace(holm=float(corrected[at]), family=family) for at, c in enumerate(contrasts)]
