"""How the trials that a comparison rests on came about. The design, not the wish, chooses the test (`decision`)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from affect_jax.experiment.results_file import CorpusRecord

SEEDS, DRAWS, FOLDS, APART, UNKNOWN = "seeds", "draws", "folds", "apart", "unknown"
"""One fold; several validation draws with one scored part; folds of a cross-validation; folds that share nothing;
several folds of which nothing is recorded."""


@dataclass(frozen=True)
class Design:
    """The trials of a variant, or the matched trials of two, and what their folds share.

    Attributes:
      kind: SEEDS, DRAWS, FOLDS, APART or UNKNOWN.
      trials: (fold, seed) of each, in the order of their scores.
      train: fold -> groups (speakers, videos) that it trains on, as far as that is recorded.
      scored: fold -> groups that it is scored on, likewise.
    """

    kind: str
    trials: tuple[tuple[str, int], ...]
    train: tuple[tuple[str, int], ...] = ()
    scored: tuple[tuple[str, int], ...] = ()

    @property
    def folds(self) -> tuple[str, ...]:
        """Their folds, each once."""
        return tuple(dict.fromkeys(fold for fold, _ in self.trials))

    @property
    def seeds(self) -> int:
        """How many seeds there are."""
        return len({seed for _, seed in self.trials})

    @property
    def overlap(self) -> float:
        """Groups scored for each that is trained on, in the mean over folds that share training data; else 0."""
        if self.kind != FOLDS:
            return 0.0
        train = dict(self.train)
        return float(np.mean([count / train[fold] for fold, count in self.scored]))

    def count_units(self) -> int:
        """Over how many values an interval of a mean is: folds that are averaged over their seeds, else trials."""
        return len(self.folds) if self.kind in (FOLDS, APART, UNKNOWN) else len(self.trials)

    def describe(self) -> str:
        """A sentence about it, without its full stop."""
        folds, seeds = len(self.folds), f"{self.seeds} seed{'' if self.seeds == 1 else 's'}"
        what = {
            SEEDS: f"one fold, {seeds}",
            DRAWS: f"{folds} draws of validation x {seeds}, all scored on the same part",
            FOLDS: f"{folds} folds x {seeds}; folds share training data",
            APART: f"{folds} folds x {seeds}; folds share nothing",
            UNKNOWN: f"{folds} folds x {seeds}; what they share is not recorded",
        }[self.kind]
        if not self.train or not self.scored:
            return what
        counts = (_give_range([count for _, count in of_part]) for of_part in (self.train, self.scored))
        return "{}; a trial trains on {} groups and is scored on {}".format(what, *counts)


def _give_range(counts: Sequence[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low}" if low == high else f"{low} to {high}"


def derive_design(trials: Sequence[tuple[str, int]], split: str, corpus: CorpusRecord) -> Design:
    """The design of some trials.

    Args:
      trials: (fold, seed) of each.
      split: that they are scored on, 'validation' or 'test'.
      corpus: what their run records of its corpus and folds.
    """
    folds = tuple(dict.fromkeys(fold for fold, _ in trials))
    records = {fold: corpus.folds[fold] for fold in folds if fold in corpus.folds}
    records = {fold: record for fold, record in records.items() if {"train", split} <= record.groups.keys()}
    counts = [tuple((fold, r.groups[part]) for fold, r in records.items()) for part in ("train", split)]
    shares = [{r.shared[part] for r in records.values()} for part in ("train", split)]
    if len(folds) == 1:
        kind = SEEDS
    elif split == "test" and split in corpus.counts:  # the release's own split, which all folds are scored on
        kind = DRAWS
    elif len(records) < len(folds):
        kind = UNKNOWN
    elif shares[1] == {1.0}:
        kind = DRAWS
    else:
        kind = APART if shares == [{0.0}, {0.0}] else FOLDS
    return Design(kind, tuple(trials), *counts)
