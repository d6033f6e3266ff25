"""What a recording becomes: MFCC, eGeMAPS or samples; computed once and kept until a corpus is built of it."""

import hashlib
import json
import os
import re
import secrets
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.errors import UserError
from affect_jax.features import audio, egemaps, sound_files

_READER = 1
"""To be raised whenever recordings are read differently: what is kept is then not used."""


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


def compute_features(path: Path, sound: str, rate: int) -> tuple[Features, float]:
    """Computes the features of a recording; also gives its length in seconds.

    Args:
      path: a file of sound.
      sound: what it becomes: mfcc, waveform or egemaps.
      rate: sampling rate at which it is read, in Hz.

    Raises:
      UserError: it cannot be read, is too short, or nothing is to be heard.
    """
    decoded = sound_files.decode_audio(path)
    seconds = len(decoded.samples) / decoded.rate
    samples = sound_files.resample_sound(decoded, rate, str(path))
    if not len(samples):
        raise UserError(f"{path} has {len(decoded.samples)} samples, too few to be read at {rate} Hz; leave it out")
    sound_files.check_sounding(samples, decoded, rate, str(path))
    # What is said of one file in parentheses is left out, so that a corpus can count the others that are like it.
    remarks = tuple(re.sub(r" \(.*\)$", "", remark) for remark in decoded.remarks)
    if sound == "waveform":
        return Features(audio.to_int16(samples), decoded.rate, remarks), seconds
    compute = audio.compute_mfcc if sound == "mfcc" else egemaps.compute_descriptors
    try:
        return Features(compute(samples, rate), decoded.rate, remarks), seconds
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def find_kept(folder: Path, path: Path, sound: str, rate: int) -> Path:
    """The file in `folder` that keeps the features of a recording as it is now.

    Raises:
      OSError: there is no such recording.
    """
    status = path.stat()
    key = json.dumps([os.fspath(path.absolute()), status.st_size, status.st_mtime_ns, sound, rate, _READER])
    return folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.npy"


def measure_recording(path: Path, sound: str, rate: int, kept: Path | None) -> Measured:
    """Measures a recording's features; computes them, and keeps them, where that was not done before.

    Args:
      path: a file of sound.
      sound: what it becomes.
      rate: sampling rate at which it is read, in Hz.
      kept: see `find_kept`; None keeps nothing.

    Raises:
      UserError: as `compute_features`.
    """
    measured = None if kept is None else _read_measured(kept)
    if measured is None:
        features, seconds = compute_features(path, sound, rate)
        values = features.values
        measured = Measured(len(values), values.shape[1] if values.ndim > 1 else 0, features.rate, seconds)
        measured = measured._replace(remarks=features.remarks)
        if kept is not None:
            _keep(kept, measured, values)
    return measured


def read_recording(path: Path, sound: str, rate: int, folder: Path | None) -> Features:
    """The features of a recording, from `folder` where they were kept there.

    Raises:
      UserError: as `compute_features`.
    """
    try:
        with (folder / "none" if folder is None else find_kept(folder, path, sound, rate)).open("rb") as file:
            measured = _parse_measured(np.load(file, allow_pickle=False))
            return Features(np.load(file, allow_pickle=False), measured.rate, measured.remarks)
    except (OSError, ValueError, TypeError, EOFError):  # not kept, or not whole
        return compute_features(path, sound, rate)[0]


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
    except (OSError, ValueError, TypeError, EOFError):
        return None


def _parse_measured(text: np.ndarray) -> Measured:
    *numbers, remarks = json.loads(text.tobytes())
    return Measured(*numbers, remarks=tuple(remarks))
