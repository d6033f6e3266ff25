"""How often the rule of a verdict is wrong: size at .05 and power, by simulation, beside the rule that it replaced.

    python -m benchmarks.decisions
    python -m benchmarks.decisions --replications=100000

Differences of two systems are drawn from a variance-components model, d = shift + fold + seed + residual, all normal:

    fold      of each fold; folds of a cross-validation share training data, and what they share is common to all of
              them, with Nadeau and Bengio's correlation, n_test / (n_test + n_train)
    seed      of each seed, the same in all folds
    residual  of each trial

The old rule took all trials for independent, with the variance (1/n + n_test/n_train) s^2 wherever there were several
folds. Power is at a shift of three standard errors of the true mean. No data, no JAX; a few seconds.
"""

import argparse
import math
from typing import NamedTuple

import numpy as np

from affect_jax.evaluation.decision import LEVEL, test_mean
from affect_jax.evaluation.design import APART, DRAWS, FOLDS, SEEDS, Design

_SHIFT = 3.0


class Case(NamedTuple):
    """A design with its variance components; `train` and `test` are groups of a fold."""

    kind: str
    folds: int
    seeds: int
    fold: float
    seed: float
    residual: float
    train: int
    test: int

    @property
    def name(self) -> str:
        """What the table calls it."""
        return f"{self.kind} {self.folds}x{self.seeds} fold {self.fold:g} seed {self.seed:g} residual {self.residual:g}"

    @property
    def correlation(self) -> float:
        """Of two folds' components."""
        return self.test / (self.test + self.train) if self.kind == FOLDS else 0.0

    @property
    def error(self) -> float:
        """The true standard error of the mean."""
        shared = self.correlation * self.fold + (1 - self.correlation) * self.fold / self.folds
        return math.sqrt(shared + self.seed / self.seeds + self.residual / (self.folds * self.seeds))


class Outcome(NamedTuple):
    """Shares of the comparisons in which a difference was said to be there."""

    old_size: float
    old_power: float
    size: float
    power: float


# RAVDESS' folds train on 14 actors and test on 5; CMU-MOSI's draws train on 42 videos and are tested on 31.
HELD = (
    Case(SEEDS, 1, 3, 0, 0, 1, 42, 31),
    Case(SEEDS, 1, 10, 0, 0, 1, 42, 31),
    Case(FOLDS, 5, 10, 1, 0, 0.01, 14, 5),
    Case(FOLDS, 5, 10, 1, 0, 1, 14, 5),
    Case(FOLDS, 5, 3, 1, 0, 0.3, 14, 5),
    Case(FOLDS, 10, 5, 1, 0, 0.3, 19, 2),
    Case(APART, 20, 1, 1, 0, 1, 24, 24),
    Case(APART, 5, 4, 1, 0, 1, 24, 24),
    Case(DRAWS, 3, 10, 0, 0, 1, 42, 31),
    Case(DRAWS, 3, 10, 0.05, 0, 1, 42, 31),
    Case(DRAWS, 3, 10, 0, 1, 0.3, 42, 31),
    Case(DRAWS, 3, 5, 0, 0, 1, 42, 31),
    Case(DRAWS, 3, 3, 0.1, 0, 1, 42, 31),
    Case(DRAWS, 3, 3, 0.3, 0, 1, 42, 31),
)
"""Where the size is between .03 and .07, which a test holds."""
BEYOND = (
    Case(FOLDS, 5, 10, 0.1, 0, 10, 14, 5),
    Case(FOLDS, 5, 10, 1, 1, 1, 14, 5),
    Case(DRAWS, 3, 10, 0.3, 0, 1, 42, 31),
    Case(DRAWS, 3, 10, 1, 0, 1, 42, 31),
)
"""Where the premise fails: seeds dominate in folds (too careful), draws differ as much as seeds do (a little bold)."""


def make_design(case: Case) -> Design:
    """The design of a case's trials."""
    names = [f"fold_{fold}" for fold in range(case.folds)]
    counts = (tuple((name, count) for name in names) for count in (case.train, case.test))
    return Design(case.kind, tuple((name, seed) for name in names for seed in range(case.seeds)), *counts)


def draw_differences(case: Case, replications: int, random: np.random.Generator) -> np.ndarray:
    """Differences of two equal systems, float64 [replications, folds x seeds]."""
    fold = random.normal(size=(replications, case.folds, 1)) * math.sqrt(case.fold * (1 - case.correlation))
    common = random.normal(size=(replications, 1, 1)) * math.sqrt(case.fold * case.correlation)
    seed = random.normal(size=(replications, 1, case.seeds)) * math.sqrt(case.seed)
    residual = random.normal(size=(replications, case.folds, case.seeds)) * math.sqrt(case.residual)
    return (fold + common + seed + residual).reshape(replications, -1)


def test_trials(differences: np.ndarray, case: Case) -> np.ndarray:
    """p [replications] of the rule that took trials for independent."""
    from scipy import special

    n, train = differences.shape[1], case.train
    if case.kind == APART:  # it took all that a fold does not score for what the fold trains on
        train = case.folds * (case.train + case.test) - case.test
    overlap = case.test / train if case.folds > 1 else 0.0
    error = np.sqrt(differences.var(1, ddof=1) * (1 / n + overlap))
    return 2 * special.stdtr(n - 1, -np.abs(differences.mean(1)) / error)


test_trials.__test__ = False  # pytest would take it for a test


def measure(case: Case, *, replications: int, seed: int) -> Outcome:
    """Size and power of both rules."""
    equal, design = draw_differences(case, replications, np.random.default_rng(seed)), make_design(case)
    different = equal + _SHIFT * case.error
    p = [p for d in (equal, different) for p in (test_trials(d, case), test_mean(d, design).p)]
    old_size, size, old_power, power = (float((values < LEVEL).mean()) for values in p)
    return Outcome(old_size, old_power, size, power)


def make_table(replications: int) -> str:
    """The table as Markdown."""
    lines = [
        "| design | folds x seeds | fold : seed : residual | old size | size | old power | power |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for case in (*HELD, *BEYOND):
        outcome = measure(case, replications=replications, seed=0)
        components = f"{case.fold:g} : {case.seed:g} : {case.residual:g}"
        numbers = (outcome.old_size, outcome.size, outcome.old_power, outcome.power)
        cells = (case.kind, f"{case.folds} x {case.seeds}", components, *(f"{number:.3f}" for number in numbers))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replications", type=int, default=40_000, help="comparisons of each line")
    print(make_table(parser.parse_args().replications))


if __name__ == "__main__":
    main()
