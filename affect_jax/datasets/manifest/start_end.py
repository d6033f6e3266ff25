"""Reads the columns `start` and `end` of a manifest."""

from collections.abc import Mapping, Sequence

import numpy as np

from affect_jax.datasets.manifest.problems import Problems
from affect_jax.datasets.parse_numbers import has_decimal_comma, parse_times
from affect_jax.datasets.release_files import quote_values
from affect_jax.features.segments import WHOLE, Segment, format_seconds

_COLUMNS = ("start", "end")


def read_segments(rows: Sequence[tuple[int, Mapping[str, str]]], problems: Problems) -> dict[int, Segment]:
    """Reads the stretch of every row; without `start` it begins with the file, without `end` it ends with it.

    Args:
      rows: (number, column -> cell), all with the same columns.
      problems: collects cells that are no times, and ends that do not come after their starts.

    Returns:
      Number of a row -> its stretch; rows of whole files, and those with a problem, have no entry.
    """
    numbers = [number for number, _ in rows]
    cells = {name: [row[name] for _, row in rows] for name in _COLUMNS if name in rows[0][1]}
    decimal_comma = any(has_decimal_comma(column) for column in cells.values())
    times = {name: np.full(len(rows), np.nan) for name in _COLUMNS}
    wrong: set[int] = set()
    for name, column in cells.items():
        parsed = parse_times(column, decimal_comma=decimal_comma)
        times[name] = parsed.values
        faults = dict.fromkeys(parsed.wrong, "is no time; write seconds (62.5) or [hh:]mm:ss (1:02.5)")
        if parsed.fault is not None:
            faults[parsed.fault[0]] = parsed.fault[1]
        for at in np.flatnonzero((parsed.values < 0) | np.isinf(parsed.values)).tolist():
            faults[at] = "is no time in a file; write seconds from its beginning, 0 or more"
        for at, fault in faults.items():
            problems.add(numbers[at], f"column {name!r}: {quote_values(column[at])} {fault}")
            wrong.add(at)
    segments = {}
    for at, (start, end) in enumerate(zip(times["start"].tolist(), times["end"].tolist(), strict=True)):
        if at in wrong:
            continue
        start, end = 0.0 if np.isnan(start) else start, None if np.isnan(end) else end
        if end is not None and end <= start:
            problems.add(
                numbers[at],
                f"ends at {format_seconds(end)} s, not after its start at {format_seconds(start)} s; correct start or"
                " end",
            )
        elif (start, end) != WHOLE:
            segments[numbers[at]] = Segment(start, end)
    return segments
