"""The files that cells of clips name, also by paths typed on Windows and names in another Unicode form (macOS)."""

import os
from collections.abc import Callable, Sequence

from affect_jax.datasets.manifest.choose_features import is_own
from affect_jax.datasets.manifest.locations import FileFinder
from affect_jax.datasets.parse_numbers import is_missing
from affect_jax.errors import UserError
from affect_jax.extraction.compute import Row
from affect_jax.features import sound_streams, transcripts, video

_SUFFIXES = (*video.SUFFIXES, *sound_streams.SUFFIXES, *transcripts.SUFFIXES)

Hints = dict[tuple[int, str], str]
"""Number of a row, and column -> why the file that its cell names is not there."""


def locate_cells(rows: Sequence[Row], finder: FileFinder) -> tuple[list[Row], Hints]:
    """The rows, whose cells have the paths of the files that are there; words, and what is not found, stay.

    Args:
      rows: of a table.
      finder: of its folder.
    """
    located, hints = [], {}
    for row in rows:
        cells = dict(row.cells)
        for column, text in row.cells.items():
            if is_own(column) or is_missing(text):
                continue
            try:
                path = finder.find(text)
            except UserError as error:
                if text.lower().endswith(_SUFFIXES):  # else these are words
                    hints[row.number, column] = str(error)
                continue
            inside = path.is_relative_to(finder.folder)
            if os.path.exists(path):
                cells[column] = str(path.relative_to(finder.folder) if inside else path)
        located.append(row._replace(cells=cells))
    return located, hints


def report_hints(rows: Sequence[Row], column: str, hints: Hints, report: Callable[[int, str], None]) -> list[Row]:
    """The rows without those whose file of a column is not there, which are reported."""
    for row in rows:
        if text := hints.get((row.number, column)):
            report(row.number, f"{column}: {text}")
    return [row for row in rows if (row.number, column) not in hints]
