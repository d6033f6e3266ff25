"""Missing and infinite feature values: counted, named, and either refused or replaced. Never passed on silently."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from affect_jax.datasets.recordings import Recording, check_choice
from affect_jax.errors import UserError

POLICIES = ("refuse", "zero", "mean")


class MissingValues(NamedTuple):
    """What was not finite in a corpus.

    Attributes:
      count: how many values.
      columns: in how many columns (of a modality, over all recordings).
      first: where the first one is, in words; '' where there is none.
    """

    count: int
    columns: int
    first: str


def replace_missing_values(
    splits: dict[str, list[Recording]], policy: str, locate: Callable[[Recording, str, int, int], str]
) -> tuple[dict[str, list[Recording]], MissingValues]:
    """Applies `config.corpus.nonfinite` to the features of every recording.

    Args:
      splits: part -> recordings.
      policy: 'refuse' raises at the first corpus with a NaN or infinity; 'zero' writes 0; 'mean' writes the mean of
        the column's finite values in the same recording, so nothing leaks between recordings.
      locate: (recording, modality, step, column) -> the file, column and row, in words.

    Raises:
      UserError: an unknown policy, anything to refuse, or nothing finite to take a mean of.
    """
    check_choice("nonfinite", policy, POLICIES)
    count, columns, first = 0, set(), ""
    filled = {}
    for part, recordings in splits.items():
        filled[part] = []
        for recording in recordings:
            features = dict(recording.features)
            for modality, values in features.items():
                bad = ~np.isfinite(values)
                if not bad.any():
                    continue
                step, column = (int(i) for i in np.argwhere(bad)[0])
                first = first or locate(recording, modality, step, column)
                count += int(bad.sum())
                columns |= {(modality, int(c)) for c in np.flatnonzero(bad.any(axis=0))}
                if policy == "mean":
                    features[modality] = _fill_with_column_means(
                        values, bad, lambda c, r=recording, m=modality: locate(r, m, 0, c)
                    )
                elif policy == "zero":
                    features[modality] = np.where(bad, np.float32(0), values)
            filled[part].append(recording._replace(features=features))
    if count and policy == "refuse":
        raise UserError(
            f"the features have {count} missing or infinite values in {len(columns)} columns, the first in {first};"
            " mend the file, or set config.corpus.nonfinite to 'zero' or 'mean'"
        )
    return filled, MissingValues(count, len(columns), first)


def _fill_with_column_means(values: np.ndarray, bad: np.ndarray, name: Callable[[int], str]) -> np.ndarray:
    finite = (~bad).sum(axis=0)
    if not finite.all():
        empty = int(np.flatnonzero(finite == 0)[0])
        raise UserError(
            f"{name(empty)}: the whole column has no finite value, so config.corpus.nonfinite='mean' has no"
            " mean; use 'zero'"
        )
    means = np.where(bad, 0.0, values.astype(np.float64)).sum(axis=0) / finite
    return np.where(bad, means[None, :].astype(np.float32), values)
