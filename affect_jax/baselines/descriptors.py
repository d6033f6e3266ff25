"""Clips -> one row of numbers each: MFCC statistics, action units, openSMILE functionals."""

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.datasets.recordings import Recording
from affect_jax.errors import UserError
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
    """

    name: str
    values: np.ndarray
    columns: tuple[str, ...]


class Extractor(NamedTuple):
    """How a table is made from speech.

    Attributes:
      name: of the table.
      version: of the way in which it is made; another version does not read this one's cache.
      columns: D names.
      row: (float32 [T] speech, rate) -> float [D].
    """

    name: str
    version: str
    columns: tuple[str, ...]
    row: Callable[[np.ndarray, int], np.ndarray]


def make_mfcc_extractor() -> Extractor:
    """Mean and standard deviation over a clip of 20 MFCC and their first and second differences: 120 numbers.

    Windows of 128 ms every 32 ms with 128 Mel bands, librosa's defaults at 16 kHz. Longer windows than networks are
    given (25 ms): averaged over a clip they tell emotions better, on RAVDESS at 16 kHz by two points of accuracy.
    """
    kinds = [f"{order}mfcc_{n}" for order in ("", "delta_", "delta2_") for n in range(COEFFICIENTS)]
    columns = tuple(f"{statistic}_{kind}" for statistic in ("mean", "std") for kind in kinds)
    return Extractor("MFCC statistics", "1", columns, _compute_mfcc_statistics)


def _compute_mfcc_statistics(x: np.ndarray, rate: int) -> np.ndarray:
    import librosa

    window, hop = round(WINDOW * rate), round(HOP * rate)
    samples = np.pad(x, (0, max(0, window - len(x))))
    found = librosa.feature.mfcc(y=samples, sr=rate, n_mfcc=COEFFICIENTS, n_fft=window, hop_length=hop)
    # 'nearest' at the ends: 'interp' would refuse clips of fewer than 9 windows.
    changes = [librosa.feature.delta(found, order=order, mode="nearest") for order in (1, 2)]
    every = np.concatenate([found, *changes])
    return np.concatenate([every.mean(1), every.std(1)])


def make_action_unit_table(recordings: Sequence[Recording]) -> Table:
    """The means of a clip's action units, modality 'action_units'.

    Raises:
      UserError: a recording without them.
    """
    for recording in recordings:
        if "action_units" not in recording.features:
            raise UserError(
                f"recording {recording.id} has no 'action_units', only {sorted(recording.features)}; "
                "leave action_units and both out of --methods"
            )
    values = np.stack([r.features["action_units"].mean(0) for r in recordings]).astype(np.float32)
    return Table("action units", values, tuple(f"action_unit_{n}" for n in range(values.shape[1])))


def join_tables(name: str, tables: Sequence[Table]) -> Table:
    """Tables of the same clips side by side."""
    columns = tuple(column for table in tables for column in table.columns)
    return Table(name, np.concatenate([table.values for table in tables], axis=1), columns)


def compute_speech_table(
    recordings: Sequence[Recording],
    rate: int,
    extractor: Extractor,
    cache: Path,
    progress: Callable[[str, int, int], None] = lambda name, done, of: None,
) -> Table:
    """A row for each recording; what was computed once is kept in a file below `cache`, by the samples themselves.

    Args:
      recordings: with the modality 'speech', int16 [T].
      rate: of it, Hz.
      extractor: what to compute.
      cache: a folder, which is made; an interrupted call goes on from where it last wrote, a minute ago at most.
      progress: is told the table's name, how many rows are done, and of how many.

    Raises:
      UserError: a recording without speech, or a value that is not finite (a clip too short for its windows).
    """
    bare = [r for r in recordings if "speech" not in r.features]
    if bare:
        raise UserError(f"recording {bare[0].id} has no 'speech', only {sorted(bare[0].features)}; use another corpus")
    keys = [_hash_speech(r.features["speech"], rate) for r in recordings]
    path = cache / f"{extractor.name.replace(' ', '_')}-{extractor.version}.npz"
    known = _read_cache(path, len(extractor.columns))
    todo = {key: r for key, r in zip(keys, recordings, strict=True) if key not in known}
    if todo:
        cache.mkdir(parents=True, exist_ok=True)
        saved = time.monotonic()
        with ThreadPoolExecutor(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None) as pool:
            rows = pool.map(lambda r: extractor.row(audio.to_float(r.features["speech"]), rate), todo.values())
            for done, ((key, recording), row) in enumerate(zip(todo.items(), rows, strict=True), start=1):
                if not np.isfinite(row).all():
                    at = extractor.columns[int(np.argmin(np.isfinite(row)))]
                    seconds = len(recording.features["speech"]) / rate
                    raise UserError(
                        f"recording {recording.id} ({seconds:.2f} s) has no finite {at} of {extractor.name}; "
                        "it may be too short: leave it out of the corpus"
                    )
                known[key] = np.asarray(row, np.float32)
                progress(extractor.name, done, len(todo))
                if time.monotonic() - saved > SAVE_SECONDS:
                    _write_cache(path, known)
                    saved = time.monotonic()
        _write_cache(path, known)
    return Table(extractor.name, np.stack([known[key] for key in keys]), extractor.columns)


def _hash_speech(speech: np.ndarray, rate: int) -> str:
    return hashlib.sha256(f"{rate} {speech.dtype}\n".encode() + np.ascontiguousarray(speech).tobytes()).hexdigest()[:32]


def _read_cache(path: Path, width: int) -> dict[str, np.ndarray]:
    """What the cache holds; nothing where it is missing or not ours, which costs time and no more."""
    if not path.is_file():
        return {}
    try:
        arrays = run_folder.read_arrays(path)
    except UserError:
        return {}
    if arrays.keys() != {"key", "value"} or arrays["value"].shape != (len(arrays["key"]), width):
        return {}
    return dict(zip(arrays["key"].tolist(), arrays["value"], strict=True))


def _write_cache(path: Path, known: dict[str, np.ndarray]) -> None:
    run_folder.write_arrays(path, {"key": np.array(list(known)), "value": np.stack(list(known.values()))})
