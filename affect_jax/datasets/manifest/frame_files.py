"""Reads one file of a modality as frames: float32 [T, D] of features, or what `config.corpus.sound` makes of a
recording.

Every file is read strictly: one that is cut short, of another kind or not of numbers is refused, never guessed at.
"""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from affect_jax.datasets import feature_frames
from affect_jax.datasets.feature_frames import Frames, ReadingOptions
from affect_jax.datasets.manifest.cut_steps import cut_frames
from affect_jax.features import recordings, sound_files, sound_streams
from affect_jax.features.audio import Sound
from affect_jax.features.segments import WHOLE, Segment, hold_last

FEATURES = feature_frames.SUFFIXES
SOUNDS = sound_streams.SUFFIXES


def is_sound(path: Path) -> bool:
    """Whether a file of this name is a recording."""
    return path.suffix.lower() in SOUNDS


class Readers(NamedTuple):
    """What reads whole files: recordings, and files of features."""

    decode: Callable[[Path], Sound]
    read_features: Callable[[Path], Frames]


def make_readers(options: ReadingOptions, *, hold: bool = False) -> Readers:
    """Readers, which remember the last file of each kind if `hold`, as its other segments may be asked for next."""
    read_features = functools.partial(feature_frames.read_features, options=options)
    if hold:
        return Readers(hold_last(sound_files.decode_audio), hold_last(read_features))
    return Readers(sound_files.decode_audio, read_features)


_PLAIN = make_readers(feature_frames.PLAIN)


def read_frames(
    path: Path, sound: str, rate: int, readers: Readers = _PLAIN, *, kept: Path | None = None, segment: Segment = WHOLE
) -> Frames:
    """Reads the frames of a file, or of a stretch of it.

    Args:
      path: with one of the suffixes `FEATURES` or `SOUNDS`.
      sound: what recordings become: mfcc, log_mel, waveform or egemaps.
      rate: sampling rate at which they are read, in Hz.
      readers: of whole files.
      kept: the folder where features of recordings may have been kept.
      segment: the stretch.

    Raises:
      UserError: the file is missing, damaged, of another kind or empty, the recording is silent, or the stretch is not
        inside of it.
    """
    if not is_sound(path):
        return cut_frames(readers.read_features(path), segment, path)[0]
    features = recordings.read_recording(path, sound, rate, kept, segment=segment, decode=readers.decode)
    return Frames(features.values, rate=features.rate, remarks=features.remarks)
