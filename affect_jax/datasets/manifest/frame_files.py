"""Reads one file of a modality as frames: float32 [T, D] of features, or what `config.corpus.sound` makes of a
recording.

Every file is read strictly: one that is cut short, of another kind or not of numbers is refused, never guessed at.
"""

from pathlib import Path

import numpy as np

from affect_jax.datasets import feature_frames
from affect_jax.datasets.feature_frames import Frames, ReadingOptions
from affect_jax.errors import UserError
from affect_jax.features import audio, egemaps, sound_files, sound_streams

FEATURES = feature_frames.SUFFIXES
SOUNDS = sound_streams.SUFFIXES


def is_sound(path: Path) -> bool:
    """Whether a file of this name is a recording."""
    return path.suffix.lower() in SOUNDS


def read_frames(path: Path, sound: str, rate: int, options: ReadingOptions = feature_frames.PLAIN) -> Frames:
    """Reads the frames of a file.

    Args:
      path: with one of the suffixes `FEATURES` or `SOUNDS`.
      sound: what recordings become: mfcc, waveform or egemaps.
      rate: sampling rate at which they are read, in Hz.
      options: of files of features.

    Raises:
      UserError: the file is missing, damaged, of another kind or empty, or the recording is silent.
    """
    if not is_sound(path):
        return feature_frames.read_features(path, options)
    samples, file_rate = _read_samples(path, rate)
    if sound == "waveform":
        return Frames(audio.to_int16(samples), rate=file_rate)
    compute = audio.compute_mfcc if sound == "mfcc" else egemaps.compute_descriptors
    try:
        return Frames(compute(samples, rate), rate=file_rate)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def measure_sound(path: Path, sound: str, rate: int) -> tuple[int, int, int]:
    """Measures a recording with all checks of `read_frames`, but without computing features that are slow.

    Returns:
      T, D (0 for a waveform) and the sampling rate of the file in Hz.
    """
    if sound == "egemaps":
        frames = read_frames(path, sound, rate)
        return *frames.values.shape, int(frames.rate)
    samples, file_rate = _read_samples(path, rate)
    if sound == "waveform":
        return len(samples), 0, file_rate
    try:
        return audio.count_mfcc_frames(len(samples), rate), audio.MFCC_WIDTH, file_rate
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def _read_samples(path: Path, rate: int) -> tuple[np.ndarray, int]:
    """float32 [T] at `rate`, and the rate of the file."""
    sound = sound_files.decode_audio(path)
    samples = sound_files.resample_sound(sound, rate, str(path))
    if not len(samples):
        raise UserError(f"{path} has {len(sound.samples)} samples, too few to be read at {rate} Hz; leave it out")
    sound_files.check_sounding(samples, sound, rate, str(path))
    return samples, sound.rate
