"""Clips -> one row of numbers each: MFCC statistics, action units, openSMILE functionals."""

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.data.normalize import compute_moments
from affect_jax.datasets.recordings import Recording
from affect_jax.errors import UserError, join_words
from affect_jax.features import audio
from affect_jax.runtime import run_folder

SAVE_SECONDS = 60.0
COEFFICIENTS = 20
WINDOW, HOP = 0.128, 0.032  # seconds


class Table(NamedTuple):
    """Descriptors of N clips.

    Attributes:
      name: what they are: 'MFCC statistics', ...
      values: float32 [N, D].
      columns: D names.
      modality: the one that they are of; '' where they are what a method reads anyway.
    """

    name: str
    values: np.ndarray
    columns: tuple[str, ...]
    modality: str = ""


class Extractor(NamedTuple):
    """How a table is computed from speech.

    Attributes:
      name: of the table.
      version: of the computation; caches of other versions are not read.
      columns: D names.
      row: (float32 [T] speech, rate) -> float [D].
    """

    name: str
    version: str
    columns: tuple[str, ...]
    row: Callable[[np.ndarray, int], np.ndarray]


def make_mfcc_extractor() -> Extractor:
    """Mean and standard deviation over a clip of 20 MFCC and their first and second differences: 120 numbers.

    Windows of 128 ms every 32 ms with 128 Mel bands, librosa's defaults at 16 kHz. They are longer than the windows of
    networks (25 ms), because averages over a clip then recognise emotions better: on RAVDESS at 16 kHz by two points of
    accuracy.
    """
    kinds = [f"{order}mfcc_{n}" for order in ("", "delta_", "delta2_") for n in range(COEFFICIENTS)]
    columns = tuple(f"{statistic}_{kind}" for statistic in ("mean", "std") for kind in kinds)
    return Extractor("MFCC statistics", "1", columns, _compute_mfcc_statistics)


def _compute_mfcc_statistics(x: np.ndarray, rate: int) -> np.ndarray:
    import librosa  # takes a second, and a cached table does without it

    window, hop = round(WINDOW * rate), round(HOP * rate)
    samples = np.pad(x, (0, max(0, window - len(x))))
    mfcc = librosa.feature.mfcc(y=samples, sr=rate, n_mfcc=COEFFICIENTS, n_fft=window, hop_length=hop)
    # 'nearest' at the ends, because 'interp' refuses clips of fewer than 9 windows.
    differences = [librosa.feature.delta(mfcc, order=order, mode="nearest") for order in (1, 2)]
    series = np.concatenate([mfcc, *differences])
    return np.concatenate([series.mean(1), series.std(1)])


def make_action_unit_table(recordings: Sequence[Recording]) -> Table:
    """The mean of each clip's action units, modality 'action_units'.

    Raises:
      UserError: a recording without them.
    """
    for recording in recordings:
        if "action_units" not in recording.features:
            raise UserError(
                f"recording {recording.id} has no 'action_units', only {join_words(sorted(recording.features))}; "
                "leave action_units and both out of --methods"
            )
    values = np.stack([r.features["action_units"].mean(0) for r in recordings]).astype(np.float32)
    return Table("action units", values, tuple(f"action_unit_{n}" for n in range(values.shape[1])))


def join_tables(name: str, tables: Sequence[Table]) -> Table:
    """Tables of the same clips side by side."""
    columns = tuple(column for table in tables for column in table.columns)
    return Table(name, np.concatenate([table.values for table in tables], axis=1), columns)


def standardize_table(table: Table, units: Sequence[str], within: str) -> Table:
    """The table without the level and spread of each unit's own rows, of whichever split they are.

    Args:
      table: of N rows.
      units: N names of speakers or recordings.
      within: what they are, for the error.

    Raises:
      UserError: no unit has more than one row, so that nothing would be left.
    """
    values, names = np.empty_like(table.values), np.array(units)
    distinct = np.unique(names)
    if len(distinct) == len(names):
        raise UserError(
            f"config.data.standardize_within is {within!r}, but no {within} has more than one row of {table.name}, so "
            "nothing of it would be left; choose another, or leave it out"
        )
    for unit in distinct:
        rows = names == unit
        mean, scale = compute_moments(table.values[rows])
        values[rows] = (table.values[rows] - mean) / scale
    return table._replace(values=values)


def compute_speech_table(
    recordings: Sequence[Recording],
    rate: int,
    extractor: Extractor,
    cache: Path,
    progress: Callable[[str, int, int], None] = lambda name, done, total: None,
) -> Table:
    """Computes a row for each recording; a file below `cache` keeps every row under a hash of its samples.

    Args:
      recordings: with the modality 'speech', int16 [T].
      rate: of it, Hz.
      extractor: what to compute.
      cache: a folder, which is made; an interrupted call loses at most a minute of work.
      progress: receives the table's name, how many rows are done, and of how many.

    Raises:
      UserError: a recording has no speech, or a value is not finite (as of a clip too short for its windows).
    """
    silent = [r for r in recordings if "speech" not in r.features]
    if silent:
        raise UserError(
            f"recording {silent[0].id} has no 'speech', only {join_words(sorted(silent[0].features))}; use another "
            "corpus"
        )
    keys = [_hash_speech(r.features["speech"], rate) for r in recordings]
    path = cache / f"{extractor.name.replace(' ', '_')}-{extractor.version}.npz"
    rows = _read_cache(path, len(extractor.columns))
    uncomputed = {key: r for key, r in zip(keys, recordings, strict=True) if key not in rows}
    if uncomputed:
        cache.mkdir(parents=True, exist_ok=True)
        saved = time.monotonic()
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
        with ThreadPoolExecutor(cores) as pool:
            computed = pool.map(
                lambda r: extractor.row(audio.to_float(r.features["speech"]), rate), uncomputed.values()
            )
            for done, ((key, recording), row) in enumerate(zip(uncomputed.items(), computed, strict=True), start=1):
                rows[key] = _check_row(row, recording, rate, extractor)
                progress(extractor.name, done, len(uncomputed))
                if time.monotonic() - saved > SAVE_SECONDS:
                    _write_cache(path, rows)
                    saved = time.monotonic()
        _write_cache(path, rows)
    return Table(extractor.name, np.stack([rows[key] for key in keys]), extractor.columns)


def _check_row(row: np.ndarray, recording: Recording, rate: int, extractor: Extractor) -> np.ndarray:
    """The row in float32; UserError where it is not finite."""
    if not np.isfinite(row).all():
        column = extractor.columns[int(np.argmin(np.isfinite(row)))]
        seconds = len(recording.features["speech"]) / rate
        raise UserError(
            f"recording {recording.id} ({seconds:.2f} s) has no finite {column} of {extractor.name}; "
            "it may be too short: leave it out of the corpus"
        )
    return np.asarray(row, np.float32)


def _hash_speech(speech: np.ndarray, rate: int) -> str:
    return hashlib.sha256(f"{rate} {speech.dtype}\n".encode() + np.ascontiguousarray(speech).tobytes()).hexdigest()[:32]


def _read_cache(path: Path, width: int) -> dict[str, np.ndarray]:
    """The rows of the cache; none where it is missing or damaged, which costs nothing but time."""
    if not path.is_file():
        return {}
    try:
        arrays = run_folder.read_arrays(path)
    except UserError:
        return {}
    if arrays.keys() != {"key", "value"} or arrays["value"].shape != (len(arrays["key"]), width):
        return {}
    return dict(zip(arrays["key"].tolist(), arrays["value"], strict=True))


def _write_cache(path: Path, rows: dict[str, np.ndarray]) -> None:
    run_folder.write_arrays(path, {"key": np.array(list(rows)), "value": np.stack(list(rows.values()))})
