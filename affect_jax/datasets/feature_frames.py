"""Reads a file of features as frames, float32 [T, D]: csv, arff, npy, npz, HDF5 or MATLAB.

Columns that are no features (times, names, counters, classes, what OpenFace thinks of its own success) are left out of
tables, and `Frames.remarks` says so.
"""

import collections
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.datasets import array_files, column_roles
from affect_jax.datasets.arff_tables import DATE, NOMINAL, NUMERIC, STRING, read_arff_table
from affect_jax.datasets.column_roles import BOOKKEEPING, DATA, END, NAMELESS, QUALITY, START
from affect_jax.datasets.delimiters import name_delimiter
from affect_jax.datasets.parse_numbers import has_decimal_comma, looks_like_number
from affect_jax.datasets.release_files import convert_to_float32, quote_values
from affect_jax.datasets.tables import Table, read_table, require_rows
from affect_jax.errors import UserError
from affect_jax.extraction import extracted_files

TABLES = (".csv", ".tsv", ".txt", ".arff")
SUFFIXES = (*array_files.SUFFIXES, *TABLES)
_MOST_LISTED = 8
_EVEN_STEPS, _UNEVEN = 5, 0.05  # of times that are rounded
_MOST_COUNTED = 1e15


class ReadingOptions(NamedTuple):
    """How files of features and labels are read.

    Attributes:
      array: name of the array in files that have several.
      min_confidence: frames of less confidence (column `confidence`), or without success (`success`), are missing.
      largest_file: MB that a file may take, see `array_files.LARGEST_FILE`.
      rate: frames a second of files of several frames without times, the first at 0 s; None leaves them without.
    """

    array: str | None = None
    min_confidence: float | None = None
    largest_file: float = array_files.LARGEST_FILE
    rate: float | None = None


PLAIN = ReadingOptions()


class Frames(NamedTuple):
    """The frames of a file.

    Attributes:
      values: float32 [T, D], or int16 [T] of a waveform.
      names: of the D columns; () where the file has none.
      rate: samples or frames a second; 0 where the file does not say.
      times: float64 [T] in seconds, increasing; [0] where the file has none.
      remarks: what was done in reading, in the same words for all files alike.
      counters: names of columns that only count the rows (0, 1, 2, ... or 1, 2, 3, ...), as far as this file shows.
      empty: names of columns without any value.
      made: how the file was extracted, see `extracted_files`; '' where it says nothing.
      seconds: length of what it was extracted from; 0 where it says nothing.
    """

    values: np.ndarray
    names: tuple[str, ...] = ()
    rate: float = 0.0
    times: np.ndarray = column_roles.NO_CLOCK.times
    remarks: tuple[str, ...] = ()
    counters: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    made: str = ""
    seconds: float = 0.0


def read_features(path: Path, options: ReadingOptions = PLAIN) -> Frames:
    """Reads the frames of a file of features; NaN and infinite values are kept, and missing cells are NaN.

    A vector is one frame. Columns of times are the clock and no features.

    Raises:
      UserError: the file is missing, too large, damaged, pickled or not of numbers, has no frames or no columns, or its
        times do not increase.
    """
    if path.suffix.lower() in TABLES:
        frames = _read_table_frames(path, options)
    elif options.array is None and _is_extracted(path):
        frames = _read_extracted(path, options)
    else:
        values = array_files.read_array(path, options.array, largest_file=options.largest_file)
        if values.ndim not in (1, 2):
            raise UserError(f"{path} has the shape {list(values.shape)}, expected [frames, columns] or [columns]")
        frames = Frames(values[None, :] if values.ndim == 1 else values)
    if not frames.values.shape[0] or not frames.values.shape[1]:
        raise UserError(
            f"{path} has {frames.values.shape[0]} frames of {frames.values.shape[1]} columns; empty its cell or correct"
            " the file"
        )
    if options.rate is not None and len(frames.values) > 1 and not len(frames.times):
        frames = frames._replace(times=np.arange(len(frames.values)) / options.rate, rate=options.rate)
    return frames._replace(values=np.ascontiguousarray(convert_to_float32(frames.values)))


def _is_extracted(path: Path) -> bool:
    """Whether a file is one that `launch.prepare --features` wrote."""
    if path.suffix.lower() != ".npz":
        return False
    return array_files.list_arrays(path).keys() - {extracted_files.CONFIDENCE} == extracted_files.NAMES


def _read_extracted(path: Path, options: ReadingOptions) -> Frames:
    arrays = array_files.read_arrays(path, largest_file=options.largest_file)
    extracted = extracted_files.parse_features(arrays, path)
    values, times, remarks = extracted.values, extracted.times, ()
    rate = float(1 / np.median(np.diff(times))) if len(times) > 1 else 0.0
    if options.min_confidence is not None and len(extracted.confidence):
        is_sure = extracted.confidence >= options.min_confidence
        if not is_sure.any() and len(values):
            raise UserError(
                f"{path} has no face of a confidence of {options.min_confidence:g} or more; make the manifest by "
                "launch.prepare --features with this --min_confidence, which leaves its cell empty, or lower it"
            )
        values, times = values[is_sure], times[is_sure] if len(times) else times
        remarks = (f"frames without success or with a confidence below {options.min_confidence:g} are missing",)
    return Frames(values, rate=rate, times=times, remarks=remarks, made=extracted.made, seconds=extracted.seconds)


def hash_names(frames: Frames) -> str:
    """A short hash of the names of the columns; '' where the file has none."""
    return hashlib.sha256("\0".join(frames.names).encode()).hexdigest()[:12] if frames.names else ""


def drop_columns(frames: Frames, names: Sequence[str]) -> Frames:
    """The frames without the columns of these names."""
    dropped = set(names)
    kept = [i for i, name in enumerate(frames.names) if name not in dropped]
    if len(kept) == len(frames.names):
        return frames
    return frames._replace(
        values=np.ascontiguousarray(frames.values[:, kept]), names=tuple(frames.names[i] for i in kept)
    )


def open_table(path: Path, largest_file: float, *, as_numbers: bool) -> Table:
    """Reads a csv or arff file of frames, none of whose rows is damaged and whose header has names.

    Raises:
      UserError: as `tables.read_table` and `arff_tables.read_arff_table`; or numbers, or twice a name, in the header.
    """
    if path.suffix.lower() == ".arff":
        table = read_arff_table(path, largest_file=largest_file)
    else:
        table = read_table(path, largest_file=largest_file, as_numbers=as_numbers)
        # numpy.savetxt makes its header a comment.
        table = table._replace(header=(table.header[0].lstrip("# "), *table.header[1:]))
        _check_header(table)
    name, count = next(iter(collections.Counter(n for n in table.header if n).most_common(1)), ("", 0))
    if count > 1:
        # pandas writes the names of columns of two levels into two rows.
        two = table.matrix is None and table.rows and not any(looks_like_number(cell) for cell in table.rows[0])
        remedy = "its names seem to be in two rows: write one name for each column" if two else "give each its own name"
        raise UserError(f"{path} has {count} columns called {quote_values(name)}; {remedy}")
    return require_rows(table)


def list_format_remarks(table: Table, decimal_comma: bool) -> Iterator[str]:
    """What a person should know about how a table was read."""
    if table.delimiter != "," and len(table.header) > 1:
        yield f"{name_delimiter(table.delimiter)} between the cells"
    if decimal_comma:
        yield "decimal commas"


def _check_header(table: Table) -> None:
    """A header of names; pandas numbers columns that have none, 0 to D - 1."""
    names = [name for name in table.header if name]
    is_counted = names == [str(i) for i in range(len(names))] and len(table.header) > 1
    number = next((name for name in names if looks_like_number(name)), None)
    if number is not None and not is_counted:
        raise UserError(
            f"{table.path} has the number {quote_values(number)} in row 1, expected the names of the columns there"
        )


def _read_table_frames(path: Path, options: ReadingOptions) -> Frames:
    table = open_table(path, options.largest_file, as_numbers=True)
    roles = [column_roles.find_role(name) for name in table.header]
    clock = column_roles.read_clock(table, roles)
    data = [i for i, role in enumerate(roles) if role == DATA]
    texts = [i for i in data if table.kinds and table.kinds[i] in (STRING, NOMINAL, DATE)]
    declared = set(texts)
    data = [i for i in data if i not in declared]
    decimal_comma = table.matrix is None and any(has_decimal_comma(table.cells(i)) for i in data)
    columns, kept = [], []
    for i in data:
        parsed = table.parse(i, decimal_comma=decimal_comma)
        if parsed.is_text and not (table.kinds and table.kinds[i] == NUMERIC):
            texts.append(i)
            continue
        column_roles.refuse_wrong_cells(table, i, parsed)
        columns.append(parsed.values)
        kept.append(i)
    if not kept:
        names = ", ".join(quote_values(name) for name in table.header[:_MOST_LISTED])
        raise UserError(
            f"{path} has no feature among its columns ({names}); expected a row of names, then numbers, with commas,"
            " semicolons or tabs between"
        )
    values = np.stack(columns, axis=1)
    names = tuple(table.header[i] for i in kept)
    quality = [i for i, role in enumerate(roles) if role == QUALITY]
    remarks = [*list_format_remarks(table, decimal_comma), *column_roles.describe_clock(clock)]
    remarks += column_roles.describe_frame_numbers(table) if not len(clock.times) else []
    remarks += [*_list_left_out(table, roles, texts, options)]
    if options.min_confidence is not None and quality:
        values[_find_unsure_frames(table, quality, options.min_confidence)] = np.nan
        remarks.append(f"frames without success or with a confidence below {options.min_confidence:g} are missing")
    return Frames(
        values,
        names,
        clock.rate,
        clock.times,
        tuple(remarks),
        counters=tuple(name for name, column in zip(names, columns, strict=True) if counts_rows(column)),
        empty=tuple(name for name, column in zip(names, columns, strict=True) if np.isnan(column).all()),
    )


def _list_left_out(table: Table, roles: Sequence[str], texts: Sequence[int], options: ReadingOptions) -> Iterator[str]:
    unused = (BOOKKEEPING, END, START) if options.min_confidence is not None else (BOOKKEEPING, END, START, QUALITY)
    groups = {
        "a column without a name (an index)": [i for i, role in enumerate(roles) if role == NAMELESS],
        "bookkeeping": [i for i, role in enumerate(roles) if role in unused],
        "text": sorted(texts),
    }
    for kind, columns in groups.items():
        if columns:
            names = join_columns(table.header, columns)
            yield f"left out as {kind}" + (f": {names}" if names else "")


def join_columns(header: Sequence[str], columns: Sequence[int]) -> str:
    """Joins the names of columns, and cuts long lists."""
    names = ", ".join(header[i] for i in columns[:_MOST_LISTED] if header[i])
    return names + (f", ... ({len(columns)})" if len(columns) > _MOST_LISTED else "")


def _find_unsure_frames(table: Table, quality: Sequence[int], least: float) -> np.ndarray:
    """bool [T]: frames whose confidence is missing or below `least`, or whose success is missing or 0."""
    unsure = np.zeros(len(table.numbers), bool)
    for i in quality:
        parsed = table.parse(i)
        column_roles.refuse_wrong_cells(table, i, parsed)
        is_confidence = table.header[i].lower() == "confidence"
        unsure |= ~(parsed.values >= least if is_confidence else parsed.values > 0)
    return unsure


def counts_rows(column: np.ndarray) -> bool:
    """Whether a column is 0, 1, 2, ... or 1, 2, 3, ..., or rises evenly, as unnamed times and numbers of frames do."""
    if not np.isfinite(column).all() or len(column) == 0 or abs(column).max() > _MOST_COUNTED:
        return False
    steps = np.diff(column)
    if column[0] in (0, 1) and (steps == 1).all():
        return True
    is_rising = len(steps) >= _EVEN_STEPS and steps[0] > 0
    return is_rising and bool((np.abs(steps - steps.mean()) <= _UNEVEN * steps.mean()).all())
