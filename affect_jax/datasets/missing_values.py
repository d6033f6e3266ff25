"""Counts and locates missing and infinite feature values, and refuses or replaces them; none passes unnoticed."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from affect_jax.datasets.recordings import Recording, check_choice
from affect_jax.errors import UserError

POLICIES = ("refuse", "zero", "mean")


class MissingValues(NamedTuple):
    """How much of a corpus was NaN or infinite.

    Attributes:
      count: how many values.
      columns: in how many columns (of a modality, over all recordings).
      first: place of the first one, in words; '' where there is none.
    """

    count: int
    columns: int
    first: str


def replace_missing_values(
    splits: dict[str, list[Recording]], policy: str, locate: Callable[[Recording, str, int, int], str]
) -> tuple[dict[str, list[Recording]], MissingValues]:
    """Applies `config.corpus.nonfinite` to the features of every recording.

    Args:
      splits: split -> recordings.
      policy: 'refuse' raises where any value is NaN or infinite; 'zero' writes 0; 'mean' writes the mean of the
        column's finite values in the same recording, so that nothing leaks between recordings.
      locate: (recording, modality, step, column) -> the file, column and row, in words.

    Raises:
      UserError: an unknown policy, a value to refuse, or a column without a finite value to take the mean of.
    """
    check_choice("nonfinite", policy, POLICIES)
    count, columns, first = 0, set(), ""
    replaced = {}
    for split, recordings in splits.items():
        replaced[split] = []
        for recording in recordings:
            features = dict(recording.features)
            for modality, stored in features.items():
                values = np.asarray(stored)  # of a corpus that is left in its files
                is_bad = ~np.isfinite(values)
                if not is_bad.any():
                    continue
                step, column = (int(i) for i in np.argwhere(is_bad)[0])
                first = first or locate(recording, modality, step, column)
                count += int(is_bad.sum())
                columns |= {(modality, int(c)) for c in np.flatnonzero(is_bad.any(axis=0))}
                if policy == "mean":
                    features[modality] = _fill_with_column_means(
                        values, is_bad, lambda c, r=recording, m=modality: locate(r, m, 0, c)
                    )
                elif policy == "zero":
                    features[modality] = np.where(is_bad, np.float32(0), values)
            replaced[split].append(recording._replace(features=features))
    # Only now, so that the message counts the values of the whole corpus.
    if count and policy == "refuse":
        raise UserError(
            f"the features have {count} missing or infinite values in {len(columns)} columns, the first in {first};"
            " correct the file, or set config.corpus.nonfinite to 'zero' or 'mean'"
        )
    return replaced, MissingValues(count, len(columns), first)


def join_missing_values(first: MissingValues, second: MissingValues) -> MissingValues:
    """What two passes over the same columns have replaced."""
    return MissingValues(first.count + second.count, max(first.columns, second.columns), first.first or second.first)


def _fill_with_column_means(values: np.ndarray, is_bad: np.ndarray, locate: Callable[[int], str]) -> np.ndarray:
    finite = (~is_bad).sum(axis=0)
    if not finite.all():
        empty = int(np.flatnonzero(finite == 0)[0])
        raise UserError(
            f"{locate(empty)}: the whole column has no finite value, so config.corpus.nonfinite='mean' has no mean to"
            " write; use 'zero'"
        )
    means = np.where(is_bad, 0.0, values.astype(np.float64)).sum(axis=0) / finite
    return np.where(is_bad, means[None, :].astype(np.float32), values)
