"""Reads and measures every file that a manifest names, and reports what does not fit by file and row.

Measurements are kept in `<data_dir>/manifest/`, so that a file is measured again only when it has changed.
"""

import collections
import hashlib
import json
import os
import stat
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.datasets.manifest import frame_files
from affect_jax.datasets.manifest.csv_table import Row, Sheet
from affect_jax.datasets.manifest.problems import Problems
from affect_jax.datasets.release_files import quote_values
from affect_jax.datasets.whole_folder import report_write_errors
from affect_jax.errors import UserError
from affect_jax.runtime import files


class Cell(NamedTuple):
    """Measurements of the file that a cell names.

    Attributes:
      frames: T, of what the file becomes.
      width: D; 0 for a waveform.
      rate: samples or frames a second in the file; 0 where it does not say.
      bad: how many values are NaN or infinite.
      first: place of the first of them, in words.
      names: a hash of the names of its columns; '' where it has none.
    """

    frames: int
    width: int
    rate: float
    bad: int
    first: str
    names: str


Cells = Mapping[tuple[int, str], Cell]
"""(number of a row, modality) -> cell; a missing modality has no entry."""


def measure_file(path: Path, sound: str, rate: int) -> Cell:
    """Measures one file.

    Raises:
      UserError: the file cannot be used.
    """
    if frame_files.is_sound(path):
        length, width, file_rate = frame_files.measure_sound(path, sound, rate)
        return Cell(length, width, rate=float(file_rate), bad=0, first="", names="")
    frames = frame_files.read_features(path)
    bad = ~np.isfinite(frames.values)
    first = ""
    if bad.any():
        step, column = np.argwhere(bad)[0].tolist()
        first = f"frame {step} column {frames.names[column] if frames.names else column}" + " (from 0)" * (
            not frames.names
        )
    names = hashlib.sha256("\0".join(frames.names).encode()).hexdigest()[:12] if frames.names else ""
    return Cell(*frames.values.shape, rate=frames.rate, bad=int(bad.sum()), first=first, names=names)


def measure_cells(sheet: Sheet, *, sound: str, rate: int, nonfinite: str, data_dir: Path, problems: Problems) -> Cells:
    """Measures the files of every row.

    Args:
      sheet: the manifest's table.
      sound: what recordings become.
      rate: sampling rate at which they are read, in Hz.
      nonfinite: `config.corpus.nonfinite`.
      data_dir: folder for built corpora.
      problems: collects what is wrong.
    """
    wanted = [(row, m, row.files[m]) for m in sheet.modalities for row in _choose_rows_of_one_kind(sheet, m, problems)]
    key = json.dumps([str(sheet.path.resolve()), sound, rate])
    cache = data_dir / "manifest" / f"{hashlib.sha256(key.encode()).hexdigest()[:12]}.json"
    known = _read_cache(cache)

    def measure_unless_known(path: Path) -> tuple[list, Cell] | str:
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                return f"{path} is not a file; correct the path or empty the cell"
            stamp = [status.st_size, status.st_mtime_ns]
            entry = known.get(str(path))
            return stamp, Cell(*entry[2:]) if entry and entry[:2] == stamp else measure_file(path, sound, rate)
        except UserError as error:
            return str(error)
        except FileNotFoundError:
            return f"{path} is missing; correct the path or empty the cell"
        except (OSError, ValueError) as error:  # ValueError: a zero byte in a path
            reason = error.strerror if isinstance(error, OSError) else str(error)
            return f"{quote_values(str(path), 200)} cannot be read ({reason}); correct the path or empty the cell"

    cells: dict[tuple[int, str], Cell] = {}
    fresh = dict(known)  # with the files of columns that this run does not read
    # A single openSMILE instance serves all files, so only one thread uses it.
    threads = 1 if sound == "egemaps" else len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    with ThreadPoolExecutor(threads) as pool:
        results = pool.map(measure_unless_known, [path for _, _, path in wanted])
        for (row, modality, path), result in zip(wanted, results, strict=True):
            if isinstance(result, str):
                problems.add(row.number, f"column {modality!r}: {result}")
                continue
            stamp, cells[row.number, modality] = result
            fresh[str(path)] = [*stamp, *cells[row.number, modality]]
    if fresh != known:
        with report_write_errors(cache):
            cache.parent.mkdir(parents=True, exist_ok=True)
            files.write_atomic(cache, json.dumps(fresh).encode())
    for modality in sheet.modalities:
        _check_column(sheet, modality, cells, nonfinite, problems)
    return cells


def _read_cache(path: Path) -> dict[str, list]:
    """Reads the kept measurements; a damaged file is ignored and costs only time."""
    try:
        known = json.loads(path.read_bytes())
        is_whole = isinstance(known, dict) and all(len(entry) == 2 + len(Cell._fields) for entry in known.values())
        return known if is_whole else {}
    except (OSError, ValueError, TypeError):
        return {}


def _choose_rows_of_one_kind(sheet: Sheet, modality: str, problems: Problems) -> Iterable[Row]:
    """Rows whose cell has a known suffix, all of them features or all of them recordings; the others are problems."""
    rows = [row for row in sheet.rows if modality in row.files]
    suffixes = {row.number: row.files[modality].suffix.lower() for row in rows}
    features = [row for row in rows if suffixes[row.number] in frame_files.FEATURES]
    sounds = [row for row in rows if suffixes[row.number] in frame_files.SOUNDS]
    expected = f"a path to a {', '.join((*frame_files.FEATURES, *frame_files.SOUNDS))} file"
    if rows and not features and not sounds:
        first = rows[0]
        problems.add(
            first.number,
            f"column {modality!r} has {quote_values(first.files[modality].name)}, expected {expected}; if this is not"
            " a modality, delete or rename it, or name the modalities in config.corpus.modalities",
        )
        return []
    for row in rows:
        if suffixes[row.number] not in (*frame_files.FEATURES, *frame_files.SOUNDS):
            problems.add(
                row.number,
                f"column {modality!r} has {quote_values(row.files[modality].name)}, expected {expected}; correct or"
                " empty it",
            )
    usual, odd, kind = (
        (features, sounds, "features") if len(features) >= len(sounds) else (sounds, features, "recordings")
    )
    for row in odd:
        problems.add(
            row.number,
            f"column {modality!r} has {quote_values(row.files[modality].name)}, but {len(usual)} other rows have"
            f" {kind} there; give each kind a column of its own",
        )
    return usual


def _check_column(sheet: Sheet, modality: str, cells: Cells, nonfinite: str, problems: Problems) -> None:
    """Reports widths and names of columns that differ between files, and values that are not finite."""
    rows = [row for row in sheet.rows if (row.number, modality) in cells]
    if not rows:
        return
    widths = collections.Counter(cells[row.number, modality].width for row in rows)
    usual = widths.most_common(1)[0][0]
    first = next((row for row in rows if cells[row.number, modality].names), rows[0])
    for row in rows:
        cell, path = cells[row.number, modality], row.files[modality]
        if cell.width != usual:
            problems.add(
                row.number,
                f"column {modality!r}: {path} has {cell.width} columns of features, but {widths[usual]} other files"
                f" have {usual}; compute it again",
            )
        elif cell.names and cell.names != cells[first.number, modality].names:
            problems.add(
                row.number,
                f"column {modality!r}: {path} has other names of columns, or another order, than the file in row"
                f" {first.number}; compute it again",
            )
        if cell.bad and nonfinite == "refuse":
            problems.add(
                row.number,
                f"column {modality!r}: {path} has {cell.bad} NaN or infinite values, the first in {cell.first};"
                " correct it, or set config.corpus.nonfinite to 'zero' or 'mean'",
            )
