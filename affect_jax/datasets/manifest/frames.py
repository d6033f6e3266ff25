"""One file of a modality -> its frames: float32 [T, D] of features, or of a recording what `config.corpus.sound` asks
for. Every file is read strictly: what is cut short, of another kind or not numbers is refused, never guessed.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.datasets.iemocap import arrays
from affect_jax.datasets.reading import quote_values, read_rows, require_file, to_float32, to_floats
from affect_jax.datasets.recola import arff
from affect_jax.datasets.recola.avec import TIME_COLUMNS
from affect_jax.errors import UserError
from affect_jax.features import audio, egemaps

FEATURES = (".npy", ".npz", ".csv", ".arff")
SOUNDS = (".wav", ".flac")
LOWEST = {"mfcc": 8000, "waveform": 1000, "egemaps": 8000}
"""config.corpus.sound -> the lowest config.corpus.rate that makes sense for it, in Hz."""


class Frames(NamedTuple):
    """What is in a file.

    Attributes:
      values: float32 [T, D], or int16 [T] of a waveform.
      names: of the D columns, where the file tells them; else ().
      rate: samples or frames a second, where the file tells them; else 0.
    """

    values: np.ndarray
    names: tuple[str, ...] = ()
    rate: float = 0.0


def is_sound(path: Path) -> bool:
    """Whether a file of this name is a recording."""
    return path.suffix.lower() in SOUNDS


def read(path: Path, sound: str, rate: int) -> Frames:
    """A file's frames.

    Args:
      path: with one of the suffixes `FEATURES` or `SOUNDS`.
      sound: what recordings become: mfcc, waveform or egemaps.
      rate: at which they are read, Hz.

    Raises:
      UserError: it is missing, damaged, of another kind, empty, or a silent recording.
    """
    if not is_sound(path):
        return features(path)
    samples, own = _samples(path, rate)
    if sound == "waveform":
        return Frames(audio.to_int16(samples), rate=own)
    make = audio.compute_mfcc if sound == "mfcc" else egemaps.compute_descriptors
    try:
        return Frames(make(samples, rate), rate=own)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def size(path: Path, sound: str, rate: int) -> tuple[int, int, int]:
    """(T, D, its own rate in Hz) of a recording, with all of `read`'s checks but without its features where they are
    slow to make; D is 0 for a waveform.
    """
    if sound == "egemaps":
        made = read(path, sound, rate)
        return *made.values.shape, int(made.rate)
    samples, own = _samples(path, rate)
    if sound == "waveform":
        return len(samples), 0, own
    try:
        return audio.count_mfcc_frames(len(samples), rate), audio.MFCC_WIDTH, own
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def _samples(path: Path, rate: int) -> tuple[np.ndarray, int]:
    """float32 [T] at `rate`, and the file's own rate."""
    found = audio.decode_audio(path)
    samples = audio.resample_audio(found, rate)
    if not len(samples):
        raise UserError(f"{path} has {len(found.samples)} samples, too few to be read at {rate} Hz; leave it out")
    if not audio.to_int16(samples).any():
        raise UserError(f"{path} is silent throughout (all samples are 0); empty its cell or record it again")
    return samples, found.rate


def features(path: Path) -> Frames:
    """The table of numbers in an npy, npz, csv or arff file; a vector is one frame, a column of times no feature.

    NaN and infinite values are kept. Columns of text in an arff file (names of instances) are passed over.

    Raises:
      UserError: it is missing, damaged, pickled, not of numbers, has no frames or no columns, or its times do not grow.
    """
    kind = path.suffix.lower()
    if kind in (".npy", ".npz"):
        values, names = array(path), ()
        if values.ndim not in (1, 2):
            raise UserError(f"{path} has the shape {list(values.shape)}, expected [frames, columns] or [columns]")
        values = values[None, :] if values.ndim == 1 else values
    else:
        values, names = table(path)
    rate = 0.0
    times = [i for i, name in enumerate(names) if name.lower() in TIME_COLUMNS]
    if len(times) > 1:
        raise UserError(f"{path} has {len(times)} columns of times; keep one")
    if times:
        rate = _rate(values[:, times[0]], path)
        values = np.delete(values, times[0], axis=1)
        names = tuple(name for i, name in enumerate(names) if i != times[0])
    if not values.shape[0] or not values.shape[1]:
        raise UserError(f"{path} has {values.shape[0]} frames of {values.shape[1]} columns; empty its cell or mend it")
    return Frames(np.ascontiguousarray(to_float32(values)), names, rate)


def _rate(times: np.ndarray, path: Path) -> float:
    steps = np.diff(times)
    if not (steps > 0).all():
        wrong = int(np.argmin(steps > 0))
        raise UserError(
            f"{path} has the time {times[wrong + 1]:g} after {times[wrong]:g}, expected times that grow; sort its rows"
        )
    return float(1 / np.median(steps)) if len(steps) else 0.0


def table(path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """float64 [T, D] of a csv file with a header, or of an arff file, and the names of its columns.

    Raises:
      UserError: it is missing, damaged or not of numbers.
    """
    if path.suffix.lower() == ".arff":
        found = arff.read(require_file(path, "a file of the manifest"))
        return found.values, found.names
    header, rows = text_table(path)
    return to_floats(rows, path, first_row=2).reshape(len(rows), len(header)), header


def text_table(path: Path) -> tuple[tuple[str, ...], list[list[str]]]:
    """The header and the rows of a csv file; a header is a row in which nothing is a number.

    Raises:
      UserError: it is missing, damaged, or without header.
    """
    header, *rows = read_rows(require_file(path, "a file of the manifest"))
    header = tuple(name.strip() for name in header)
    numbers = [name for name in header if is_number(name)]
    if numbers:
        raise UserError(
            f"{path} has the number {quote_values(numbers[0])} in row 1, expected the names of the columns there"
        )
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        raise UserError(f"{path} has two columns called {quote_values(twice[0])}; copy or compute it again")
    return header, rows


def is_number(text: str) -> bool:
    """Whether Python reads the text as a number, NaN and infinity among them."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def array(path: Path) -> np.ndarray:
    """The array of an npy file, or the only one of an npz file; nothing is ever unpickled.

    Raises:
      UserError: it is missing, damaged, pickled, not of numbers, or an npz file of several arrays.
    """
    if path.suffix.lower() == ".npy":
        return np.array(arrays.mapped(path))
    require_file(path, "a file of the manifest")
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            named = {name: file[name] for name in file.files}
    except Exception as error:  # zipfile, zlib and numpy raise many types for a damaged file
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{path} is no whole npz file of plain arrays ({type(error).__name__}: {reason}); write it with numpy.savez"
        ) from error
    if len(named) != 1:
        raise UserError(
            f"{path} has {len(named)} arrays ({', '.join(sorted(named)[:5])}), expected one; write it again"
        )
    values = next(iter(named.values()))
    if values.dtype.kind not in "fiu":
        raise UserError(f"{path} holds an array of {values.dtype}, expected numbers; write it again")
    return values
