"""Reads one file of a modality as frames: float32 [T, D] of features, or what `config.corpus.sound` makes of a
recording.

Every file is read strictly: one that is cut short, of another kind or not of numbers is refused, never guessed at.
"""

from pathlib import Path

from affect_jax.datasets import feature_frames
from affect_jax.datasets.feature_frames import Frames, ReadingOptions
from affect_jax.features import recordings, sound_streams

FEATURES = feature_frames.SUFFIXES
SOUNDS = sound_streams.SUFFIXES


def is_sound(path: Path) -> bool:
    """Whether a file of this name is a recording."""
    return path.suffix.lower() in SOUNDS


def read_frames(
    path: Path, sound: str, rate: int, options: ReadingOptions = feature_frames.PLAIN, kept: Path | None = None
) -> Frames:
    """Reads the frames of a file.

    Args:
      path: with one of the suffixes `FEATURES` or `SOUNDS`.
      sound: what recordings become: mfcc, waveform or egemaps.
      rate: sampling rate at which they are read, in Hz.
      options: of files of features.
      kept: the folder where features of recordings may have been kept.

    Raises:
      UserError: the file is missing, damaged, of another kind or empty, or the recording is silent.
    """
    if not is_sound(path):
        return feature_frames.read_features(path, options)
    features = recordings.read_recording(path, sound, rate, kept)
    return Frames(features.values, rate=features.rate, remarks=features.remarks)
