"""Shorter sequences: means of neighbouring steps, for models whose time grows with the steps that they read."""

from collections.abc import Mapping, Sequence

import numpy as np

from affect_jax.datasets.recordings import Recording
from affect_jax.errors import UserError


def average_steps(recordings: Sequence[Recording], counts: Mapping[str, int]) -> list[Recording]:
    """Items whose sequences of some modalities are means of so many steps, one mean after the other.

    Args:
      recordings: of items, which have one label each.
      counts: modality -> steps of a mean; the last one of an item is of those that are left.

    Raises:
      UserError: one of them is a waveform, whose mean says nothing of the sound.
    """
    if not counts:
        return list(recordings)
    changed = []
    for recording in recordings:
        features = dict(recording.features)
        for modality in counts.keys() & features.keys():
            if features[modality].ndim == 1:
                raise UserError(
                    f"config.data.average names {modality!r}, which is a waveform; leave it out, or read features of it"
                )
            features[modality] = _average(np.asarray(features[modality]), counts[modality])
        changed.append(recording._replace(features=features))
    return changed


def _average(values: np.ndarray, count: int) -> np.ndarray:
    """[T, D] -> float32 [ceil(T / count), D]."""
    starts = np.arange(0, len(values), count)
    sums = np.add.reduceat(values.astype(np.float64), starts, axis=0)
    sizes = np.minimum(count, len(values) - starts)
    return (sums / sizes[:, None]).astype(np.float32)
