"""Standardisation of features: by the statistics of the training split, and of a speaker or recording alone."""

from collections.abc import Sequence

import numpy as np

from affect_jax.datasets.recordings import Recording
from affect_jax.datasets.stored_array import ArraySummary
from affect_jax.errors import UserError


def compute_moments(frames: np.ndarray, *, active: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each column of `frames` [F, D], float32 [D] each.

    A column that does not vary keeps scale 1, so that it becomes 0 instead of NaN. If not `active`: zeros and ones.
    """
    width = frames.shape[1]
    if not active:
        return np.zeros(width, np.float32), np.ones(width, np.float32)
    return _finish_moments(frames.mean(0, dtype=np.float64), frames.std(0, dtype=np.float64))


def standardize_within(recordings: Sequence[Recording], modalities: Sequence[str], by: str) -> list[Recording]:
    """Standardises features by the moments of all steps of their own group or recording; waveforms stay as they are.

    Args:
      recordings: of which no group has more elsewhere.
      modalities: that are read.
      by: 'group' or 'recording'.

    Raises:
      UserError: the units have one step each, of which nothing would be left.
    """
    changed = [dict(recording.features) for recording in recordings]
    for modality in modalities:
        members: dict[str, list[int]] = {}
        for number, recording in enumerate(recordings):
            if modality in recording.features and recording.features[modality].ndim == 2:
                members.setdefault(recording.group if by == "group" else recording.id, []).append(number)
        frames = {unit: [recordings[n].features[modality] for n in numbers] for unit, numbers in members.items()}
        if frames and all(sum(map(len, values)) == 1 for values in frames.values()):
            raise UserError(
                f"config.data.standardize_within is {by!r}, but no {by} has more than one step of {modality!r}, so "
                "nothing of it would be left; choose another, or leave it out"
            )
        for unit, numbers in members.items():
            mean, scale = compute_moments(np.concatenate(frames[unit]))
            for number in numbers:
                values = recordings[number].features[modality]
                changed[number][modality] = ((values - mean[None]) / scale[None]).astype(np.float32)
    return [recording._replace(features=of) for recording, of in zip(recordings, changed, strict=True)]


def merge_moments(summaries: Sequence[ArraySummary], *, active: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """`compute_moments` of all frames of some recordings, from their summaries alone (Chan et al., 1983)."""
    if not active:
        return np.zeros(len(summaries[0].mean), np.float32), np.ones(len(summaries[0].mean), np.float32)
    count_N = np.array([x.count for x in summaries], np.float64)[:, None]
    mean_NxD = np.stack([x.mean for x in summaries])
    mean = (count_N * mean_NxD).sum(0) / count_N.sum()
    between = count_N * np.square(mean_NxD - mean[None])
    return _finish_moments(mean, np.sqrt((np.stack([x.deviation for x in summaries]) + between).sum(0) / count_N.sum()))


def _finish_moments(mean: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # Rounding alone gives a constant column a deviation of about 1e-7 times its mean.
    varies = scale > 1e-6 * np.maximum(np.abs(mean), 1.0)
    return mean.astype(np.float32), np.where(varies, scale, 1.0).astype(np.float32)
