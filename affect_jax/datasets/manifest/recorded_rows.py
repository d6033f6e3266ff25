"""The recordings that a manifest's rows name, to be listened to."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from affect_jax.datasets.manifest import csv_table, frame_files, locations
from affect_jax.datasets.manifest.problems import Problems
from affect_jax.datasets.manifest.reader import check_settings
from affect_jax.datasets.manifest.start_end import read_segments
from affect_jax.datasets.parse_numbers import is_missing
from affect_jax.datasets.tables import read_table
from affect_jax.features.segments import WHOLE, Segment
from affect_jax.runtime import files

CLIPS = "extracted_clips.csv"
_HEADER = ("id", "clip", "start", "end")


class RecordedRow(NamedTuple):
    """The recording of a row, and the stretch of it that the row is."""

    path: Path
    segment: Segment


def find_recordings(corpus: Mapping[str, Any], modalities: Sequence[str]) -> dict[str, RecordedRow]:
    """Id -> its recording, of the rows that name one.

    Args:
      corpus: `config.corpus`.
      modalities: columns; the first that has a recording in a row is taken.

    Raises:
      UserError: the csv file cannot be read.
    """
    settings = check_settings(corpus)
    path = Path(settings.manifest).expanduser()
    sheet = csv_table.read_table(path, (), Problems(path), settings.largest_file)
    sheet = locations.locate_files(sheet, locations.FileFinder(path.parent), Problems(path))
    rows = {}
    for row in sheet.rows:
        heard = [row.files[m] for m in modalities if m in row.files and frame_files.is_sound(row.files[m])]
        if heard:
            rows[row.id] = RecordedRow(heard[0], row.segment)
    return rows


def write_clips(
    folder: Path, rows: Sequence[tuple[Mapping[str, str], Segment]], media: Sequence[str], base: Path
) -> None:
    """Writes `CLIPS` beside a manifest of extracted features: which file, and which stretch of it, a row is of.

    Args:
      folder: of that manifest.
      rows: column -> cell, and the stretch, of the table that names clips.
      media: columns of recordings and videos; the first that has one in a row is taken.
      base: folder that their paths start from.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEADER)
    for cells, segment in rows:
        path = next((base / files.expand_home(cells[name]) for name in media if not is_missing(cells[name])), None)
        if path is not None and path.is_file() and "id" in cells:
            end = "" if segment.end is None else segment.end
            writer.writerow([cells["id"], path.resolve(), segment.start, end])
    files.write_atomic(folder / CLIPS, text.getvalue().encode())


def find_clips(manifest: Path) -> dict[str, RecordedRow]:
    """Id -> the recording or video that its features were extracted from, as `write_clips` wrote it beside them.

    Returns:
      {} where a manifest's features were not extracted; without files that are no longer there.
    """
    path = manifest.expanduser().parent / CLIPS
    if not path.is_file():
        return {}
    problems = Problems(path)
    table = read_table(path)
    if tuple(table.header) != _HEADER:
        return {}
    cells = [dict(zip(table.header, row, strict=True)) for row in table.rows]
    segments = read_segments(list(zip(table.numbers, cells, strict=True)), problems) if cells else {}
    problems.raise_if_any()
    rows = {
        row["id"]: RecordedRow(Path(row["clip"]), segments.get(number, WHOLE))
        for number, row in zip(table.numbers, cells, strict=True)
    }
    return {name: row for name, row in rows.items() if row.path.is_file()}
