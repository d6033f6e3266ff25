"""The recordings that a manifest's rows name, to be listened to."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from affect_jax.datasets.manifest import csv_table, frame_files, locations
from affect_jax.datasets.manifest.problems import Problems
from affect_jax.datasets.manifest.reader import check_settings
from affect_jax.features import sound_files
from affect_jax.features.audio import Sound
from affect_jax.features.segments import Segment, cut_sound


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


def read_recorded_row(row: RecordedRow) -> Sound:
    """The sound of a row, at the rate of its file.

    Raises:
      UserError: the file cannot be read, or the stretch is not inside of it.
    """
    return cut_sound(sound_files.decode_audio(row.path), row.segment, str(row.path))
