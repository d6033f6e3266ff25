"""Reads one file of a modality as frames: float32 [T, D] of features, or what `config.corpus.sound` makes of a
recording.

Every file is read strictly: one that is cut short, of another kind or not of numbers is refused, never guessed at.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.datasets import npy_files
from affect_jax.datasets.recola import arff_files
from affect_jax.datasets.recola.avec_release import TIME_COLUMNS
from affect_jax.datasets.release_files import convert_to_float32, parse_floats, quote_values, read_rows, require_file
from affect_jax.errors import UserError
from affect_jax.features import audio, egemaps, sound_files, sound_streams

FEATURES = (".npy", ".npz", ".csv", ".arff")
SOUNDS = sound_streams.SUFFIXES


class Frames(NamedTuple):
    """The frames of a file.

    Attributes:
      values: float32 [T, D], or int16 [T] of a waveform.
      names: of the D columns; () where the file has none.
      rate: samples or frames a second; 0 where the file does not say.
    """

    values: np.ndarray
    names: tuple[str, ...] = ()
    rate: float = 0.0


def is_sound(path: Path) -> bool:
    """Whether a file of this name is a recording."""
    return path.suffix.lower() in SOUNDS


def read_frames(path: Path, sound: str, rate: int) -> Frames:
    """Reads the frames of a file.

    Args:
      path: with one of the suffixes `FEATURES` or `SOUNDS`.
      sound: what recordings become: mfcc, waveform or egemaps.
      rate: sampling rate at which they are read, in Hz.

    Raises:
      UserError: the file is missing, damaged, of another kind or empty, or the recording is silent.
    """
    if not is_sound(path):
        return read_features(path)
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


def read_features(path: Path) -> Frames:
    """Reads the table of numbers in an npy, npz, csv or arff file.

    A vector is one frame; a column of times is not a feature. NaN and infinite values are kept. Columns of text in an
    arff file (names of instances) are ignored.

    Raises:
      UserError: the file is missing, damaged, pickled or not of numbers, has no frames or no columns, or its times do
        not increase.
    """
    kind = path.suffix.lower()
    if kind in (".npy", ".npz"):
        values, names = read_array(path), ()
        if values.ndim not in (1, 2):
            raise UserError(f"{path} has the shape {list(values.shape)}, expected [frames, columns] or [columns]")
        values = values[None, :] if values.ndim == 1 else values
    else:
        values, names = read_number_table(path)
    rate = 0.0
    times = [i for i, name in enumerate(names) if name.lower() in TIME_COLUMNS]
    if len(times) > 1:
        raise UserError(f"{path} has {len(times)} columns of times; keep one")
    if times:
        rate = _compute_rate(values[:, times[0]], path)
        values = np.delete(values, times[0], axis=1)
        names = tuple(name for i, name in enumerate(names) if i != times[0])
    if not values.shape[0] or not values.shape[1]:
        raise UserError(
            f"{path} has {values.shape[0]} frames of {values.shape[1]} columns; empty its cell or correct the file"
        )
    return Frames(np.ascontiguousarray(convert_to_float32(values)), names, rate)


def _compute_rate(times: np.ndarray, path: Path) -> float:
    steps = np.diff(times)
    if not (steps > 0).all():
        first = int(np.argmin(steps > 0))
        raise UserError(
            f"{path} has the time {times[first + 1]:g} after {times[first]:g}, expected increasing times; sort its rows"
        )
    return float(1 / np.median(steps)) if len(steps) else 0.0


def read_number_table(path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """Reads float64 [T, D] from a csv file with a header or from an arff file, and the names of its columns.

    Raises:
      UserError: the file is missing, damaged or not of numbers.
    """
    if path.suffix.lower() == ".arff":
        table = arff_files.read_arff(require_file(path, "a file of the manifest"))
        return table.values, table.names
    header, rows = read_text_table(path)
    return parse_floats(rows, path, first_row=2).reshape(len(rows), len(header)), header


def read_text_table(path: Path) -> tuple[tuple[str, ...], list[list[str]]]:
    """Reads the header and the rows of a csv file; a header is a row without any number.

    Raises:
      UserError: the file is missing, damaged, or without a header.
    """
    header, *rows = read_rows(require_file(path, "a file of the manifest"))
    header = tuple(name.strip() for name in header)
    numbers = [name for name in header if is_number(name)]
    if numbers:
        raise UserError(
            f"{path} has the number {quote_values(numbers[0])} in row 1, expected the names of the columns there"
        )
    repeated = [name for name in header if header.count(name) > 1]
    if repeated:
        raise UserError(f"{path} has two columns called {quote_values(repeated[0])}; copy or compute it again")
    return header, rows


def is_number(text: str) -> bool:
    """Whether Python reads the text as a number; NaN and infinity count."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def read_array(path: Path) -> np.ndarray:
    """Reads the array of an npy file, or the only array of an npz file; never unpickles.

    Raises:
      UserError: the file is missing, damaged, pickled, not of numbers, or an npz file of several arrays.
    """
    if path.suffix.lower() == ".npy":
        return np.array(npy_files.map_array(path))
    require_file(path, "a file of the manifest")
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except Exception as error:  # zipfile, zlib and numpy raise many types for a damaged file
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{path} is not a whole npz file of plain arrays ({type(error).__name__}: {reason}); write it with"
            " numpy.savez"
        ) from error
    if len(arrays) != 1:
        raise UserError(
            f"{path} has {len(arrays)} arrays ({', '.join(sorted(arrays)[:5])}), expected one; write it again"
        )
    values = next(iter(arrays.values()))
    if values.dtype.kind not in "fiu":
        raise UserError(f"{path} holds an array of {values.dtype}, expected numbers; write it again")
    return values
