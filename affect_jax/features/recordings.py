"""What a recording becomes: MFCC, eGeMAPS or samples; computed once and kept until a corpus is built of it."""

import hashlib
import json
import os
import re
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.errors import UserError
from affect_jax.features import audio, egemaps, sound_files
from affect_jax.features.audio import Sound
from affect_jax.features.segments import WHOLE, Segment, cut_sound, hold_last, name_segment

_READER = 1
"""To be raised whenever recordings are read differently: what is kept is then not used."""


CENTRED = ("mfcc", "log_mel")
"""Kinds whose frame k is centred on its time, so that the first and the last are on the ends of a recording."""
_COMPUTE = {"mfcc": audio.compute_mfcc, "log_mel": audio.compute_log_mel, "egemaps": egemaps.compute_descriptors}


class Features(NamedTuple):
    """The features of a recording.

    Attributes:
      values: float32 [T, D], or int16 [T] of a waveform.
      rate: sampling rate of the file in Hz.
      remarks: what is odd about it, see `audio.Sound`, without its own numbers.
    """

    values: np.ndarray
    rate: int
    remarks: tuple[str, ...] = ()


class Measured(NamedTuple):
    """The size of a recording's features.

    Attributes:
      frames: T.
      width: D; 0 of a waveform.
      rate: sampling rate of the file in Hz.
      seconds: its length.
      remarks: see `Features`.
    """

    frames: int
    width: int
    rate: int
    seconds: float
    remarks: tuple[str, ...] = ()


def compute_features(
    path: Path,
    sound: str,
    rate: int,
    segment: Segment = WHOLE,
    decode: Callable[[Path], Sound] = sound_files.decode_audio,
) -> tuple[Features, float]:
    """Computes the features of a recording, or of a stretch of it; also gives its length in seconds.

    Those of a stretch are computed of its samples alone, as if it were a file. Which channels are heard and at which
    scale is decided for the whole file.

    Args:
      path: a file of sound.
      sound: what it becomes: mfcc, log_mel, waveform or egemaps.
      rate: sampling rate at which it is read, in Hz.
      segment: the stretch.
      decode: reads the file.

    Raises:
      UserError: it cannot be read, is too short, or nothing is to be heard; or the stretch is not inside of it.
    """
    decoded, name = cut_sound(decode(path), segment, str(path)), name_segment(str(path), segment)
    seconds = len(decoded.samples) / decoded.rate
    samples = sound_files.resample_sound(decoded, rate, name)
    if not len(samples):
        raise UserError(f"{name} has {len(decoded.samples)} samples, too few to be read at {rate} Hz; leave it out")
    sound_files.check_sounding(samples, decoded, rate, name)
    # What is said of one file in parentheses is left out, so that a corpus can count the others that are like it.
    remarks = tuple(re.sub(r" \(.*\)$", "", remark) for remark in decoded.remarks)
    if sound == "waveform":
        return Features(audio.to_int16(samples), decoded.rate, remarks), seconds
    try:
        return Features(_COMPUTE[sound](samples, rate), decoded.rate, remarks), seconds
    except UserError as error:
        raise UserError(f"{name}: {error}") from error


def measure_step(sound: str, rate: int) -> float:
    """Seconds from one frame of a recording's features to the next; frame k of a CENTRED kind is centred on k of them.

    Args:
      sound: what the recording becomes: mfcc, log_mel or egemaps.
      rate: sampling rate at which it is read, in Hz.
    """
    return round(rate * 0.010) / rate if sound in CENTRED else 0.010


def find_kept(folder: Path, path: Path, sound: str, rate: int, segment: Segment = WHOLE) -> Path:
    """The file in `folder` that keeps the features of a recording, or of a stretch of it, as it is now.

    Raises:
      OSError: there is no such recording.
    """
    status = path.stat()
    key = [os.fspath(path.absolute()), status.st_size, status.st_mtime_ns, sound, rate, _READER]
    text = json.dumps(key if segment == WHOLE else [*key, *segment])
    return folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.npy"


def measure_recording(
    path: Path, sound: str, rate: int, folder: Path | None, segments: Sequence[Segment] = (WHOLE,)
) -> list[Measured | str]:
    """Measures the features of stretches of a recording; computes them, and keeps them, where that was not done before.

    The recording is decoded once.

    Args:
      path: a file of sound.
      sound: what it becomes.
      rate: sampling rate at which it is read, in Hz.
      folder: where features are kept; None keeps nothing.
      segments: the stretches.

    Returns:
      The size of each, or what is wrong with it.

    Raises:
      UserError: the recording cannot be decoded.
    """
    results: list[Measured | str] = []
    decode = hold_last(sound_files.decode_audio)
    for segment in segments:
        kept = None if folder is None else find_kept(folder, path, sound, rate, segment)
        measured = None if kept is None else _read_measured(kept)
        if measured is None:
            decode(path)  # whose errors are those of all segments
            try:
                features, seconds = compute_features(path, sound, rate, segment, decode)
            except UserError as error:
                results.append(str(error))
                continue
            values = features.values
            measured = Measured(len(values), values.shape[1] if values.ndim > 1 else 0, features.rate, seconds)
            measured = measured._replace(remarks=features.remarks)
            if kept is not None:
                _keep(kept, measured, values)
        results.append(measured)
    return results


def read_recording(
    path: Path,
    sound: str,
    rate: int,
    folder: Path | None,
    *,
    segment: Segment = WHOLE,
    decode: Callable[[Path], Sound] = sound_files.decode_audio,
) -> Features:
    """The features of a recording, or of a stretch of it, from `folder` where they were kept there.

    Raises:
      UserError: as `compute_features`.
    """
    try:
        with (folder / "none" if folder is None else find_kept(folder, path, sound, rate, segment)).open("rb") as file:
            measured = _parse_measured(np.load(file, allow_pickle=False))
            return Features(np.load(file, allow_pickle=False), measured.rate, measured.remarks)
    except (OSError, ValueError, TypeError, EOFError, RecursionError):  # not kept, or not whole
        return compute_features(path, sound, rate, segment, decode)[0]


def _keep(kept: Path, measured: Measured, values: np.ndarray) -> None:
    """Writes the file whole or not at all. A disk without room costs only time, so it is no error."""
    partial = kept.with_name(f"{kept.name}.{secrets.token_hex(4)}.partial")
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            np.save(file, np.frombuffer(json.dumps(measured).encode(), np.uint8))
            np.save(file, values)
        os.replace(partial, kept)
    except OSError:
        partial.unlink(missing_ok=True)


def _read_measured(kept: Path) -> Measured | None:
    try:
        with kept.open("rb") as file:
            return _parse_measured(np.load(file, allow_pickle=False))
    except (OSError, ValueError, TypeError, EOFError, RecursionError):
        return None


def _parse_measured(text: np.ndarray) -> Measured:
    *numbers, remarks = json.loads(text.tobytes())
    return Measured(*numbers, remarks=tuple(remarks))
