"""Every file that a manifest names, read once and measured: what does not fit is told by file and row.

What was measured is kept in `<data_dir>/manifest/`, so that a file is measured again only when it changed.
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

from affect_jax.datasets import build
from affect_jax.datasets.manifest import frame_files
from affect_jax.datasets.manifest.csv_table import Row, Sheet
from affect_jax.datasets.manifest.problems import Problems
from affect_jax.datasets.release_files import quote_values
from affect_jax.errors import UserError
from affect_jax.runtime import files


class Cell(NamedTuple):
    """What is in the file of one cell.

    Attributes:
      frames: T, of what is made of it.
      width: D; 0 for a waveform.
      rate: the file's own samples or frames a second; 0 where it does not tell.
      bad: how many values are NaN or infinite.
      first: where the first of them is, in words.
      names: a hash of its columns' names; '' where it tells none.
    """

    frames: int
    width: int
    rate: float
    bad: int
    first: str
    names: str


Cells = Mapping[tuple[int, str], Cell]
"""(number of a row, modality) -> what is there; a missing modality has no entry."""


def measure_file(path: Path, sound: str, rate: int) -> Cell:
    """One file.

    Raises:
      UserError: it cannot be used.
    """
    if frame_files.is_sound(path):
        length, width, own = frame_files.measure_sound(path, sound, rate)
        return Cell(length, width, float(own), 0, "", "")
    found = frame_files.read_features(path)
    bad = ~np.isfinite(found.values)
    first = ""
    if bad.any():
        step, column = np.argwhere(bad)[0].tolist()
        first = f"frame {step} column {found.names[column] if found.names else column}" + " (from 0)" * (
            not found.names
        )
    names = hashlib.sha256("\0".join(found.names).encode()).hexdigest()[:12] if found.names else ""
    return Cell(*found.values.shape, found.rate, int(bad.sum()), first, names)


def measure_cells(sheet: Sheet, *, sound: str, rate: int, nonfinite: str, data_dir: Path, problems: Problems) -> Cells:
    """What is in the files of every row.

    Args:
      sheet: the manifest's table.
      sound: what recordings become.
      rate: at which they are read, Hz.
      nonfinite: `config.corpus.nonfinite`.
      data_dir: where built corpora go.
      problems: gets what is wrong.
    """
    wanted = [(row, m, row.files[m]) for m in sheet.modalities for row in _choose_rows_of_one_kind(sheet, m, problems)]
    key = json.dumps([str(sheet.path.resolve()), sound, rate])
    cache = data_dir / "manifest" / f"{hashlib.sha256(key.encode()).hexdigest()[:12]}.json"
    known = _read_cache(cache)

    def look(path: Path) -> tuple[list, Cell] | str:
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                return f"{path} is no file; correct the path or empty the cell"
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

    found: dict[tuple[int, str], Cell] = {}
    fresh = dict(known)  # other columns' files among them, which are read at another time
    threads = 1 if sound == "egemaps" else len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    with ThreadPoolExecutor(threads) as pool:
        looked = pool.map(look, [path for _, _, path in wanted])
        for (row, modality, path), seen in zip(wanted, looked, strict=True):
            if isinstance(seen, str):
                problems.add(row.number, f"column {modality!r}: {seen}")
                continue
            stamp, found[row.number, modality] = seen
            fresh[str(path)] = [*stamp, *found[row.number, modality]]
    if fresh != known:
        with build.report_write_errors(cache):
            cache.parent.mkdir(parents=True, exist_ok=True)
            files.write_atomic(cache, json.dumps(fresh).encode())
    for modality in sheet.modalities:
        _check_column(sheet, modality, found, nonfinite, problems)
    return found


def _read_cache(path: Path) -> dict[str, list]:
    """What was measured; a damaged file costs time and no more."""
    try:
        known = json.loads(path.read_bytes())
        whole = isinstance(known, dict) and all(len(entry) == 2 + len(Cell._fields) for entry in known.values())
        return known if whole else {}
    except (OSError, ValueError, TypeError):
        return {}


def _choose_rows_of_one_kind(sheet: Sheet, modality: str, problems: Problems) -> Iterable[Row]:
    """The rows whose cell has a known suffix, all of them features or all of them recordings."""
    rows = [row for row in sheet.rows if modality in row.files]
    suffixes = {row.number: row.files[modality].suffix.lower() for row in rows}
    features = [row for row in rows if suffixes[row.number] in frame_files.FEATURES]
    sounds = [row for row in rows if suffixes[row.number] in frame_files.SOUNDS]
    expected = f"a path to a {', '.join((*frame_files.FEATURES, *frame_files.SOUNDS))} file"
    if rows and not features and not sounds:
        first = rows[0]
        problems.add(
            first.number,
            f"column {modality!r} has {quote_values(first.files[modality].name)}, expected {expected}; if it is no modality,"
            " delete or rename it, or name the modalities in config.corpus.modalities",
        )
        return []
    for row in rows:
        if suffixes[row.number] not in (*frame_files.FEATURES, *frame_files.SOUNDS):
            problems.add(
                row.number,
                f"column {modality!r} has {quote_values(row.files[modality].name)}, expected {expected}; correct or empty it",
            )
    kept, odd, kind = (
        (features, sounds, "features") if len(features) >= len(sounds) else (sounds, features, "recordings")
    )
    for row in odd:
        problems.add(
            row.number,
            f"column {modality!r} has {quote_values(row.files[modality].name)}, but {len(kept)} other rows have {kind} there;"
            " give each kind a column of its own",
        )
    return kept


def _check_column(sheet: Sheet, modality: str, found: Cells, nonfinite: str, problems: Problems) -> None:
    """Widths and names of columns that differ between files, and values that are not finite."""
    rows = [row for row in sheet.rows if (row.number, modality) in found]
    if not rows:
        return
    widths = collections.Counter(found[row.number, modality].width for row in rows)
    usual = widths.most_common(1)[0][0]
    first = next((row for row in rows if found[row.number, modality].names), rows[0])
    for row in rows:
        cell, path = found[row.number, modality], row.files[modality]
        if cell.width != usual:
            problems.add(
                row.number,
                f"column {modality!r}: {path} has {cell.width} columns of features, but {widths[usual]} other files"
                f" have {usual}; compute it again",
            )
        elif cell.names and cell.names != found[first.number, modality].names:
            problems.add(
                row.number,
                f"column {modality!r}: {path} has other names of columns, or another order, than the file in row"
                f" {first.number}; compute it again",
            )
        if cell.bad and nonfinite == "refuse":
            problems.add(
                row.number,
                f"column {modality!r}: {path} has {cell.bad} NaN or infinite values, the first in {cell.first}; mend"
                " it, or set config.corpus.nonfinite to 'zero' or 'mean'",
            )
