"""Reads and measures every file that a manifest names, and reports what does not fit by file and row.

Measurements are kept in `<data_dir>/manifest/`, so that a file is measured again only when it has changed.
"""

import collections
import contextlib
import hashlib
import json
import stat
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from affect_jax.datasets import feature_frames
from affect_jax.datasets.feature_frames import Frames
from affect_jax.datasets.manifest import frame_files, recording_pool
from affect_jax.datasets.manifest.cells import Cell, Reading, Survey
from affect_jax.datasets.manifest.clocks import summarize_times
from affect_jax.datasets.manifest.column_checks import check_column, choose_files
from affect_jax.datasets.manifest.csv_table import Sheet, join_names
from affect_jax.datasets.manifest.cut_steps import cut_frames, find_span
from affect_jax.datasets.manifest.labels import PROGRESS_STEP
from affect_jax.datasets.manifest.problems import Problems
from affect_jax.datasets.release_files import quote_values
from affect_jax.datasets.whole_folder import report_write_errors
from affect_jax.errors import UserError
from affect_jax.features.recordings import Measured, measure_step
from affect_jax.features.segments import WHOLE, Segment
from affect_jax.runtime import files, progress

READER = 6
"""To be raised whenever files are read differently: they are then measured again."""
_ANY = ("*",)
_LARGE = 50_000_000
"""Bytes of a file that is read while no other large one is, so that several do not add up."""
_MOST_PACKED = 100
"""How much larger than its file an array that is packed may well be."""
_BLOCK = 1000
"""Files whose measurements wait for their turn."""


def measure_file(
    path: Path, segments: Sequence[Segment], reading: Reading, measure_sound: recording_pool.MeasureSound
) -> list[Cell | str]:
    """Measures stretches of one file, which is read once.

    Args:
      path: of features, or a recording.
      segments: the stretches.
      reading: how it is read.
      measure_sound: measures recordings, see `recording_pool`.

    Returns:
      The measurements of each, or what is wrong with it.

    Raises:
      UserError: the file cannot be used.
    """
    if frame_files.is_sound(path):
        sizes = zip(measure_sound(path, segments), segments, strict=True)
        return [size if isinstance(size, str) else _measure_sound(size, segment, reading) for size, segment in sizes]
    frames, cells = feature_frames.read_features(path, reading.options), []
    for segment in segments:
        try:
            cells.append(_measure_frames(frames, segment, path))
        except UserError as error:
            cells.append(str(error))
    return cells


def _measure_sound(size: Measured, segment: Segment, reading: Reading) -> Cell:
    span = (segment.start, segment.start + size.seconds)
    times = np.arange(size.frames if size.width else 0) * measure_step(reading.sound, reading.rate)
    cell = Cell(size.frames, size.width, float(size.rate), bad=0, first="", remarks=size.remarks)
    return cell._replace(span=span, clock=summarize_times(times))


def _measure_frames(frames: Frames, segment: Segment, path: Path) -> Cell:
    """Columns that count rows or are empty are those of the whole file."""
    stretch, start = cut_frames(frames, segment, path)
    bad = ~np.isfinite(stretch.values)
    return Cell(
        *stretch.values.shape,
        rate=frames.rate,
        bad=int(bad.sum()),
        first=_locate_first(stretch, bad, start) if bad.any() else "",
        names=feature_frames.hash_names(frames),
        counters=_ANY if len(frames.values) < 3 else frames.counters,
        empty=_ANY if len(frames.empty) == len(frames.names) else frames.empty,
        remarks=stretch.remarks,
        span=find_span(stretch, segment),
        clock=summarize_times(stretch.times),
        made=frames.made,
        seconds=frames.seconds,
    )


def _locate_first(frames: Frames, bad: np.ndarray, start: int) -> str:
    """The first value that is not finite; one in a column without any value only where there is no other."""
    empty = set(frames.empty)
    partly = np.array([name not in empty for name in frames.names] or [True] * bad.shape[1])
    step, column = np.argwhere(bad & partly if (bad & partly).any() else bad)[0].tolist()
    return f"frame {start + step} column {frames.names[column] if frames.names else f'{column} (from 0)'}"


def measure_cells(sheet: Sheet, reading: Reading, nonfinite: str, data_dir: Path, problems: Problems) -> Survey:
    """Measures the files of every row.

    Args:
      sheet: the manifest's table.
      reading: how its files are read.
      nonfinite: `config.corpus.nonfinite`.
      data_dir: folder for built corpora.
      problems: collects what is wrong.
    """
    wanted = choose_files(sheet, problems)
    key = json.dumps([str(sheet.path.resolve()), READER, reading.sound, reading.rate, *reading.options])
    cache = data_dir / "manifest" / f"{hashlib.sha256(key.encode()).hexdigest()[:12]}.json"
    known = _read_cache(cache)
    cells: dict[tuple[int, str], Cell] = {}
    unusable: dict[tuple[int, str], str] = {}
    fresh = dict(known)  # with the files of columns that this run does not read
    jobs: dict[Path, dict[Segment, list[tuple[int, str]]]] = {}
    for row, modality, path in wanted:
        jobs.setdefault(path, {}).setdefault(row.segment, []).append((row.number, modality))
    is_known = {path: all(_find_known(path, segment, known) for segment in job) for path, job in jobs.items()}
    new = [path for path in jobs if frame_files.is_sound(path) and not is_known[path]]
    with progress.Work() as work, recording_pool.open_pool(new, reading, data_dir, work.say) as measure_sound:
        results = measure_files({path: list(job) for path, job in jobs.items()}, known, reading, measure_sound)
        for count, ((path, job), result) in enumerate(zip(jobs.items(), results, strict=True), start=1):
            if isinstance(result, str):
                unusable |= {key: result for keys in job.values() for key in keys}
                continue
            stamp, measured = result
            for (segment, keys), cell in zip(job.items(), measured, strict=True):
                if isinstance(cell, str):
                    unusable |= dict.fromkeys(keys, cell)
                    continue
                cells.update(dict.fromkeys(keys, cell))
                fresh[_make_key(path, segment)] = [*stamp, *cell]
            if count % PROGRESS_STEP == 0:
                work.progress("checking files", count, len(jobs))
    if fresh != known:
        with report_write_errors(cache):
            cache.parent.mkdir(parents=True, exist_ok=True)
            files.write_atomic(cache, json.dumps(fresh).encode())
    return _summarize(sheet, cells, nonfinite, problems)._replace(unusable=unusable)


def _make_key(path: Path, segment: Segment) -> str:
    return str(path) if segment == WHOLE else json.dumps([str(path), *segment])


def _find_known(path: Path, segment: Segment, known: Mapping[str, list]) -> Cell | None:
    """What is known of a stretch of the file as it is now."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    entry = known.get(_make_key(path, segment))
    if not entry or entry[:2] != [status.st_size, status.st_mtime_ns]:
        return None
    return Cell(*(tuple(x) if isinstance(x, list) else x for x in entry[2:]))


def measure_files(
    jobs: Mapping[Path, Sequence[Segment]],
    known: Mapping[str, list],
    reading: Reading,
    measure_sound: recording_pool.MeasureSound,
) -> Iterator[tuple[list, list[Cell | str]] | str]:
    """Measures the stretches of files in their order, a bounded number ahead; large files one after another.

    Yields:
      What tells whether a file has changed, and the measurements of its stretches; or what is wrong with it.
    """
    alone = threading.Lock()

    def measure(path: Path) -> tuple[list, list[Cell | str]] | str:
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                return f"{path} is not a file; correct the path or empty the cell"
            stamp = [status.st_size, status.st_mtime_ns]
            cells = {segment: _find_known(path, segment, known) for segment in jobs[path]}
            new = [segment for segment, cell in cells.items() if cell is None]
            if new:
                growth = _MOST_PACKED if path.suffix.lower() in (".npz", ".h5", ".hdf5", ".mat") else 1
                is_large = growth * status.st_size > _LARGE and not frame_files.is_sound(path)
                with alone if is_large else contextlib.nullcontext():
                    cells.update(zip(new, measure_file(path, new, reading, measure_sound), strict=True))
            return stamp, list(cells.values())
        except UserError as error:
            return str(error)
        except FileNotFoundError:
            return f"{path} is missing; correct the path or empty the cell"
        except (OSError, ValueError) as error:  # ValueError: a zero byte in a path
            reason = error.strerror if isinstance(error, OSError) else str(error)
            return f"{quote_values(str(path), 200)} cannot be read ({reason}); correct the path or empty the cell"

    paths = list(jobs)
    with ThreadPoolExecutor(recording_pool.count_cores()) as pool:
        for start in range(0, len(paths), _BLOCK):
            yield from pool.map(measure, paths[start : start + _BLOCK])


def _summarize(sheet: Sheet, cells: dict[tuple[int, str], Cell], nonfinite: str, problems: Problems) -> Survey:
    left_out, remarks = {}, collections.Counter()
    for modality in sheet.modalities:
        keys = [(row.number, modality) for row in sheet.rows if (row.number, modality) in cells]
        counters = _intersect([cells[key].counters for key in keys])
        empty = _intersect([cells[key].empty for key in keys])
        paths = {row.number: row.files[modality] for row in sheet.rows if modality in row.files}
        for kind, names in (("as it counts rows", counters), ("as it is empty in every file", empty)):
            if names:
                remarks[modality, f"left out {kind}: {join_names(sorted(names))}"] = len(
                    {paths[key[0]] for key in keys}
                )
        left_out[modality] = tuple(sorted(counters | empty))
        told = dict.fromkeys((paths[key[0]], remark) for key in keys for remark in cells[key].remarks)
        remarks.update((modality, remark) for _, remark in told)
        for key in keys:
            cell = cells[key]
            missing = cell.frames * len(empty)
            cells[key] = cell._replace(width=cell.width - len(left_out[modality]), bad=cell.bad - missing)
        check_column(sheet, modality, cells, nonfinite, problems)
    return Survey(cells, left_out, remarks, {})


def _intersect(groups: Sequence[tuple[str, ...]]) -> set[str]:
    """Names that are in all groups, of which those of `_ANY` do not say which they have."""
    telling = [set(group) for group in groups if group != _ANY]
    return set.intersection(*telling) if telling else set()


def _read_cache(path: Path) -> dict[str, list]:
    """Reads the kept measurements; a damaged file is ignored and costs only time."""
    try:
        known = json.loads(path.read_bytes())
        is_whole = isinstance(known, dict) and all(len(entry) == 2 + len(Cell._fields) for entry in known.values())
        return known if is_whole else {}
    except (OSError, ValueError, TypeError, RecursionError):
        return {}
