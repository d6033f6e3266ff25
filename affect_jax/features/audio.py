"""Speech as numbers: one sampling rate, RMS-normalised raw speech, MFCC and log-mels. `sound_files` reads files.

Everything is numpy in memory, and nothing here depends on a corpus.
"""

import functools
from typing import NamedTuple

import numpy as np

from affect_jax.errors import UserError

MFCC_WIDTH = 120
LOG_MEL_WIDTH = 64
_FLOOR_DB = 80.0  # below the loudest of a spectrogram


class Sound(NamedTuple):
    """A recording in memory.

    Attributes:
      samples: float32 [T] in about [-1, 1], mono.
      rate: in Hz.
      clipped: the share of samples at full scale in the file, in any channel.
      remarks: what is odd about the file and what was done about it, in words.
    """

    samples: np.ndarray
    rate: int
    clipped: float = 0.0
    remarks: tuple[str, ...] = ()


def resample_audio(sound: Sound, rate: int) -> np.ndarray:
    """Returns float32 [about T * rate / sound.rate], resampled with a band limit in high quality (soxr HQ)."""
    if sound.rate == rate:
        return sound.samples
    import soxr

    return soxr.resample(sound.samples, sound.rate, rate, quality="HQ")


def to_int16(x: np.ndarray) -> np.ndarray:
    """Returns int16 samples; full scale is 32768, values are rounded to the nearest and clipped to [-1, 1)."""
    return np.clip(np.rint(np.asarray(x, np.float32) * 32768), -32768, 32767).astype(np.int16)


def to_float(x: np.ndarray) -> np.ndarray:
    """Returns float32 samples in about [-1, 1] from int16 or float samples."""
    x = np.asarray(x)
    return x.astype(np.float32) / np.float32(32768) if x.dtype == np.int16 else x.astype(np.float32, copy=False)


def normalize_rms(x: np.ndarray, name: str = "the recording") -> np.ndarray:
    """Returns x / sqrt(mean x^2) over its own samples: equation 3.4 of the thesis.

    Args:
      x: int16 or float [T].
      name: of the file or clip, for the message.

    Returns:
      float32 [T] with a root mean square of 1.

    Raises:
      UserError: there are no samples, or all are 0, so that there is nothing to scale by.
    """
    x = np.asarray(x, np.float32)
    rms = np.sqrt(np.mean(np.square(x, dtype=np.float64))) if x.size else 0.0
    if not rms > 0:
        raise UserError(f"{name} is silent (its root mean square is 0); leave it out or record it again")
    return (x / rms).astype(np.float32)


def compute_mfcc(x: np.ndarray, rate: int) -> np.ndarray:
    """Computes 40 Mel-frequency cepstral coefficients with their first and second differences.

    Windows of 25 ms every 10 ms (Hamming), as in chapter 4 of the thesis; 64 Mel bands up to rate / 2; the differences
    are those of a parabola through 9 windows. Not standardised.

    Args:
      x: int16 or float [T].
      rate: in Hz.

    Returns:
      float32 [1 + T // (rate / 100), 120]: 40 coefficients, 40 first and 40 second differences.

    Raises:
      UserError: fewer samples than one window, or a rate at which the bands would be empty.
    """
    import librosa

    frames = count_mfcc_frames(len(x), rate)
    coefficients = librosa.feature.mfcc(S=_compute_bands(x, rate), n_mfcc=40)[:, :frames]
    # 'nearest' at the ends: 'interp' would refuse clips of fewer than 9 windows.
    changes = [librosa.feature.delta(coefficients, order=order, mode="nearest") for order in (1, 2)]
    return np.concatenate([coefficients, *changes]).T.astype(np.float32)


def compute_log_mel(x: np.ndarray, rate: int) -> np.ndarray:
    """Computes a log-mel spectrogram: the 64 Mel bands that `compute_mfcc` makes its coefficients of, in decibels.

    Bands more than 80 dB below the loudest one of the clip are raised to that. Not standardised.

    Args:
      x: int16 or float [T].
      rate: in Hz.

    Returns:
      float32 [1 + T // (rate / 100), 64], a frame every 10 ms.

    Raises:
      UserError: as `compute_mfcc`.
    """
    frames = count_mfcc_frames(len(x), rate, "log-mels")
    return _compute_bands(x, rate)[:, :frames].T.astype(np.float32)


def _compute_bands(x: np.ndarray, rate: int) -> np.ndarray:
    """Mel bands in decibels, [64, frames]."""
    import librosa

    window, hop = round(rate * 0.025), round(rate * 0.010)
    # Padded to at least twice the window: the lowest of 64 Mel bands are narrower than 1 / 25 ms.
    size = 2 ** int(np.ceil(np.log2(2 * window)))
    samples = np.pad(to_float(x), (0, max(0, size - len(x))))
    spectrum = librosa.stft(samples, n_fft=size, win_length=window, hop_length=hop, window="hamming")
    # As librosa.feature.mfcc does it, which makes the bands anew each time.
    bands = np.einsum("...ft,mf->...mt", np.abs(spectrum) ** 2, _make_mel_bands(rate, size), optimize=True)
    return librosa.power_to_db(bands)


@functools.cache
def _make_mel_bands(rate: int, size: int) -> np.ndarray:
    import librosa

    return librosa.filters.mel(sr=rate, n_fft=size, n_mels=LOG_MEL_WIDTH)


def count_mfcc_frames(samples: int, rate: int, what: str = "MFCC") -> int:
    """Returns how many frames `mfcc` makes of so many samples; its errors are those of `mfcc`, and name `what`."""
    if rate < 8000 or samples < round(rate * 0.025):
        raise UserError(f"{what} need at least 25 ms at 8000 Hz or more; these are {samples} samples at {rate} Hz")
    return 1 + samples // round(rate * 0.010)


def compute_log_spectrogram(x: np.ndarray, rate: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log magnitude spectrogram: Hann windows of 32 ms every 10 ms.

    Returns:
      Centres of the windows in seconds [N]; frequencies in Hz [F]; decibels [F, N], 0 at the loudest and -80 at least.
    """
    from matplotlib import mlab

    size, hop = max(round(0.032 * rate), 2), max(round(0.010 * rate), 1)
    settings = {"window": np.hanning(size + 1)[:-1], "noverlap": size - hop, "mode": "magnitude"}
    padded = np.pad(x, (size // 2, size))  # the first window has its centre on the first sample
    magnitude, frequencies, times = mlab.specgram(padded, size, rate, **settings)
    magnitude = magnitude[:, : -(-len(x) // hop)]
    decibels = 20 * np.log10(np.maximum(magnitude / max(magnitude.max(), 1e-30), 10 ** (-_FLOOR_DB / 20)))
    return times[: magnitude.shape[1]] - times[0], frequencies, decibels
