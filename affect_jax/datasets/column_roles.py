"""What the columns of a table of frames are: times, bookkeeping of the programs that write such tables, or data."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from affect_jax.datasets.parse_numbers import NumberColumn, parse_times
from affect_jax.datasets.release_files import quote_values
from affect_jax.datasets.tables import Table
from affect_jax.errors import UserError

TIME_COLUMNS = ("frametime", "frame_time", "time", "timestamp")
"""Names of columns of times in seconds, in lower case."""
TIME, START, END, QUALITY, BOOKKEEPING, NAMELESS, DATA = "time start end quality bookkeeping nameless data".split()
_ROLES = {
    "confidence": QUALITY,  # OpenFace
    "success": QUALITY,
}
_TIME_NAME = re.compile(
    r"(?:(?P<time>frame_?times?|times?|time_?stamps?)|(?P<start>start)(?:_?time)?|(?P<end>end)(?:_?time)?)"
    r"[ _]*[\[(]?(?:s|secs?|seconds?|(?P<ms>ms|msecs?|milliseconds?))?[\])]?"
)
"""`time`, `timestamp`, `time_s`, `time (s)`, `timestamp_ms`, `start`, `end_time`, ..."""
_BOOKKEEPING = frozenset(
    "name file filename file_name frame frameindex frame_index frameid frame_id framenumber frame_number frame_idx"
    " face_id faceid index idx row row_id rowid row_number rownumber row_index".split()
)
"""Columns that openSMILE, OpenFace, py-feat, pandas and R write beside the values, in lower case."""
_FRAME_NUMBERS = frozenset("frame frameindex frame_index framenumber frame_number frame_idx frameid frame_id".split())
_FEW, _LEAST_MILLISECONDS = 8, 5.0
CLASSES = frozenset(("class", "emotion", "label"))
"""Columns of openSMILE for the answer: no features, but the labels of a file of labels."""
_UNNAMED = re.compile(r"(unnamed: ?\d+(_level_\d+)?)?")  # as pandas names columns without a name


def find_role(name: str, *, of_labels: bool = False) -> str:
    """The role of a column by its name; those of a file of labels may be called 'class', 'emotion' or 'label'."""
    key = name.strip().strip("'\"").lower()
    if _UNNAMED.fullmatch(key):
        return NAMELESS
    if key in _BOOKKEEPING or (key in CLASSES and not of_labels):
        return BOOKKEEPING
    time = _TIME_NAME.fullmatch(key)
    if time is not None:
        return TIME if time["time"] else START if time["start"] else END
    return _ROLES.get(key, DATA)


def _read_seconds(table: Table, column: int) -> NumberColumn:
    """A column of times, in seconds; in milliseconds where its name says so."""
    times = table.parse(column) if table.matrix is not None else parse_times(table.cells(column))
    name = _TIME_NAME.fullmatch(table.header[column].strip().strip("'\"").lower())
    return times._replace(values=times.values / 1000) if name is not None and name["ms"] else times


class Clock(NamedTuple):
    """Times of frames.

    Attributes:
      times: float64 [T] in seconds, increasing; [0] where the file has no times.
      rate: frames a second; 0 where the file does not say.
    """

    times: np.ndarray
    rate: float


NO_CLOCK = Clock(np.zeros(0), 0.0)


def read_clock(table: Table, roles: Sequence[str]) -> Clock:
    """Reads the column of times; or else the middles between the columns `start` and `end`, or that of starts alone.

    Raises:
      UserError: there are several columns of times, or a time is missing, no time, or not later than the one before.
    """
    columns = [i for i, role in enumerate(roles) if role == TIME]
    if len(columns) > 1:
        raise UserError(f"{table.path} has {len(columns)} columns of times; keep one")
    starts = [i for i, role in enumerate(roles) if role == START]
    if not columns and not starts:
        _check_frame_numbers(table)
        return NO_CLOCK
    chosen = (columns or starts)[0]
    times = _read_seconds(table, chosen)
    refuse_wrong_cells(table, chosen, times, "a time in seconds")
    bad = ~np.isfinite(times.values)
    if bad.any():
        row = table.numbers[int(np.argmax(bad))]
        raise UserError(
            f"{table.path} {table.counts} {row} has no finite time in column {table.header[chosen]!r}; fill it"
        )
    _refuse_several_sources(table)
    steps = np.diff(times.values)
    _refuse_disorder(table, times.values, "time")
    ends = [] if columns else [i for i, role in enumerate(roles) if role == END]
    return Clock(_find_middles(table, times.values, ends), _compute_rate(steps))


def _check_frame_numbers(table: Table) -> None:
    """Without times, the numbers of frames say whether rows are in order."""
    for column, name in enumerate(table.header):
        if name.lower() in _FRAME_NUMBERS:
            numbers = table.parse(column)
            if np.isfinite(numbers.values).all():
                _refuse_several_sources(table)
                _refuse_disorder(table, numbers.values, name)


def describe_frame_numbers(table: Table) -> list[str]:
    """A remark where numbers of frames are left out, so that what follows is not as far away as it seems."""
    for column, name in enumerate(table.header):
        if name.lower() in _FRAME_NUMBERS:
            steps = np.diff(table.parse(column).values)
            if len(steps) and np.isfinite(steps).all() and (steps > 1.5 * np.median(steps)).any():
                return [f"numbers are left out in column {name}, so frames may be missing, and are not filled in"]
    return []


def _refuse_disorder(table: Table, values: np.ndarray, what: str) -> None:
    is_later = np.diff(values) > 0
    if is_later.all():
        return
    first = int(np.argmin(is_later))
    if values[first] == values[first + 1]:
        fault = f"{values[first + 1]:g} of the row before; write one row for each {what}"
    else:
        fault = (
            f"{values[first + 1]:g} after {values[first]:g}, expected increasing ones; sort its rows, or write a"
            " file for each recording"
        )
    raise UserError(f"{table.path} {table.counts} {table.numbers[first + 1]} has the {what} {fault}")


def describe_clock(clock: Clock) -> list[str]:
    """A remark where times are probably milliseconds."""
    steps = np.diff(clock.times)
    usual = float(np.median(steps)) if len(steps) > _FEW else 0.0
    if usual < _LEAST_MILLISECONDS or not float(usual).is_integer():
        return []
    return [f"its times are {usual:g} s apart; if they are milliseconds, divide them by 1000"]


def _find_middles(table: Table, starts: np.ndarray, columns: Sequence[int]) -> np.ndarray:
    """The middles of steps, which a frame shows best; their starts where there is no end, or no later one, of each."""
    if len(columns) != 1:
        return starts
    ends = _read_seconds(table, columns[0])
    middles = (starts + ends.values) / 2
    is_usable = not ends.wrong and np.isfinite(middles).all() and (ends.values >= starts).all()
    return middles if is_usable and (np.diff(middles) > 0).all() else starts


def _compute_rate(steps: np.ndarray) -> float:
    if not len(steps):
        return 0.0
    usual = float(np.median(steps))
    # Times are often rounded to milliseconds, so the mean is better where no frame is missing.
    return float(1 / (steps.mean() if (np.abs(steps - usual) < 0.1 * usual).all() else usual))


def _refuse_several_sources(table: Table) -> None:
    for column, name in enumerate(table.header):
        key = name.lower()
        if key in ("face_id", "file", "filename"):
            values = table.parse(column).values if key == "face_id" else np.array(table.cells(column))
            count = len(np.unique(values))
            if count > 1:
                kind = "faces" if key == "face_id" else "files"
                raise UserError(f"{table.path} has rows of {count} {kind} (column {name!r}); write a file for each")


def refuse_wrong_cells(table: Table, column: int, parsed: NumberColumn, expected: str = "a number") -> None:
    """Raises an error for the first cell of a column that is not what it should be.

    Raises:
      UserError: with the row, the column, the cell and what is expected.
    """
    name, cells = table.header[column], None
    if parsed.fault is not None:
        at, fault = parsed.fault
        cells = table.cells(column)
        raise UserError(
            f"{table.path} {table.counts} {table.numbers[at]} column {quote_values(name)}: {quote_values(cells[at])}"
            f" {fault}"
        )
    if parsed.wrong:
        cells = table.cells(column)
        more = f" (and {len(parsed.wrong) - 1} more cells)" if len(parsed.wrong) > 1 else ""
        raise UserError(
            f"{table.path} {table.counts} {table.numbers[parsed.wrong[0]]} column {quote_values(name)} is"
            f" {quote_values(cells[parsed.wrong[0]])}{more}, not {expected}; correct it"
        )
