"""Rows that are stretches of long files: the columns `start` and `end`, and what follows from them.

start,end are seconds (with a decimal point or comma) or [hh:]mm:ss[.fff], on the clock of the files that the row names.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from affect_jax.datasets.manifest.cells import Cells
from affect_jax.datasets.manifest.csv_table import Row, Sheet, check_groups
from affect_jax.datasets.manifest.problems import Problems
from affect_jax.features.segments import WHOLE, format_seconds

MOST_SHARED = 0.5
"""Stretches of two groups may share this part of the shorter one: a turn may begin before the last has ended."""
_ROUNDING = 1e-6  # seconds


def group_by_recording(sheet: Sheet, problems: Problems) -> Sheet:
    """Where there is no column `group`, puts rows that share a file, as segments of it, into one group.

    Two utterances of a dialog sound alike, and must not be in two splits; this is told, and checked.
    """
    if sheet.grouped or all(row.segment == WHOLE for row in sheet.rows):
        return sheet
    parents: dict[str, str] = {}

    def find(name: str) -> str:
        while parents.setdefault(name, name) != name:
            name = parents[name]
        return name

    for row in sheet.rows:
        first, *others = [str(path) for path in row.files.values()] or [row.id]
        for other in others:
            parents[find(other)] = find(first)
    names: dict[str, str] = {}
    rows = []
    for row in sheet.rows:
        path = next(iter(row.files.values()), Path(row.id))
        name = names.setdefault(find(str(path)), _shorten(path, sheet.path.parent))
        rows.append(row._replace(group=name))
    remark = f"no column 'group': rows of one recording are one group ({len(names)} groups)"
    sheet = sheet._replace(rows=tuple(rows), grouped=True, remarks=(*sheet.remarks, remark))
    check_groups(sheet, problems)
    return sheet


def _shorten(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


def check_overlaps(sheet: Sheet, cells: Cells, problems: Problems) -> list[str]:
    """Reports leaks: stretches of one file that share more than half of the shorter one and are in two groups.

    Returns:
      Remarks on those that overlap so much within their group, and on files of several groups.
    """
    shared: dict[tuple[str, str], list[Row]] = {}
    for row in sheet.rows:
        for modality, path in row.files.items():
            if (row.number, modality) in cells and len(cells[row.number, modality].span) == 2:
                shared.setdefault((modality, str(path)), []).append(row)
    leaks: dict[int, str] = {}
    alike: set[int] = set()
    divided: set[str] = set()
    for (modality, path), rows in shared.items():
        if len(rows) < 2 or all(row.segment == WHOLE for row in rows):
            continue
        if len({row.group for row in rows}) > 1:
            divided.add(path)
        spans = {row.number: cells[row.number, modality].span for row in rows}
        for earlier, later in _find_overlaps(rows, spans):
            if earlier.group == later.group:
                alike.add(later.number)
                continue
            start, end = (format_seconds(x) for x in spans[earlier.number])
            leaks.setdefault(
                later.number,
                f"{modality} {path}: its stretch is mostly that of row {earlier.number} ({start} to"
                f" {end} s), which has another group; correct start and end, or give both one group",
            )
    for number, text in leaks.items():
        problems.add(number, text)
    counts = {
        "rows that share more than half of a stretch with another row of their group": len(alike),
        "files whose segments are in several groups": len(divided),
    }
    return [f"{what}: {count}" for what, count in counts.items() if count]


def _find_overlaps(rows: Sequence[Row], spans: Mapping[int, Sequence[float]]) -> list[tuple[Row, Row]]:
    """Pairs of rows that share more than `MOST_SHARED` of the shorter; one partner a row, of another group if any."""
    pairs: dict[int, tuple[Row, Row]] = {}
    open_rows: list[Row] = []
    for row in sorted(rows, key=lambda row: (spans[row.number][0], row.number)):
        start, end = spans[row.number]
        open_rows = [other for other in open_rows if spans[other.number][1] > start]
        for other in open_rows:
            shortest = min(end - start, spans[other.number][1] - spans[other.number][0])
            if min(end, spans[other.number][1]) - start <= MOST_SHARED * shortest + _ROUNDING:
                continue
            if row.number not in pairs or pairs[row.number][0].group == row.group:
                pairs[row.number] = (other, row)
        open_rows.append(row)
    return list(pairs.values())


def list_disordered(sheet: Sheet) -> list[str]:
    """A remark on groups whose rows, which are their steps in the layout 'group', do not follow each other in time."""
    disordered, last = set(), {}
    for row in sheet.rows:
        for path in row.files.values() if row.segment != WHOLE else ():
            if row.segment.start < last.get((row.group, path), 0.0):
                disordered.add(row.group)
            last[row.group, path] = row.segment.start
    if not disordered:
        return []
    return [f"groups whose rows, and so steps, are not in the order of their starts: {len(disordered)}"]


def count_sources(rows: Sequence[Row], modality: str, kind: str) -> str:
    """`12 recordings`, or `40 segments of 2 recordings`."""
    if all(row.segment == WHOLE for row in rows):
        return f"{len(rows)} {kind}"
    return f"{len(rows)} segments of {len({row.files[modality] for row in rows})} {kind}"
