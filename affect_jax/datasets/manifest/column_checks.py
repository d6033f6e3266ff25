"""What a column of paths must be: files of one kind, of one width, with the same columns, and finite."""

import collections
from collections.abc import Sequence
from pathlib import Path

from affect_jax.datasets.manifest import frame_files
from affect_jax.datasets.manifest.cells import Cell, Cells
from affect_jax.datasets.manifest.csv_table import Row, Sheet, join_names
from affect_jax.datasets.manifest.problems import Problems
from affect_jax.datasets.release_files import quote_values
from affect_jax.extraction import extracted_files

_RECOMPUTE = "compute it again"


_EXPECTED = "a path to a file of features (.npy, .csv, ...) or to a recording (.wav, ...)"


def choose_files(sheet: Sheet, problems: Problems) -> list[tuple[Row, str, Path]]:
    """(row, modality, path) of all cells to read: those of a column are all features or all recordings."""
    known = (*frame_files.FEATURES, *frame_files.SOUNDS)
    pathless = [
        modality
        for modality in sheet.modalities
        if not any(row.files[modality].suffix.lower() in known for row in sheet.rows if modality in row.files)
    ]
    samples = {m: next((row for row in sheet.rows if m in row.files), None) for m in pathless}
    pathless = [m for m in pathless if samples[m] is not None]
    if pathless:
        first = samples[pathless[0]]
        columns = f"column {pathless[0]!r} has" if len(pathless) == 1 else f"the columns {join_names(pathless)} have"
        problems.add(
            first.number,
            f"{columns} {quote_values(first.files[pathless[0]].name)}{'' if len(pathless) == 1 else ' and the like'},"
            f" expected {_EXPECTED}; if this is not a modality, delete or rename it, or name the modalities in"
            " config.corpus.modalities (features stand in files of their own)",
        )
    others = set(pathless)
    modalities = [m for m in sheet.modalities if m not in others]
    return [(row, m, row.files[m]) for m in modalities for row in _choose_rows_of_one_kind(sheet, m, problems)]


def _choose_rows_of_one_kind(sheet: Sheet, modality: str, problems: Problems) -> Sequence[Row]:
    """Rows whose cell has a known suffix, all of them features or all of them recordings; the others are problems."""
    rows = [row for row in sheet.rows if modality in row.files]
    suffixes = {row.number: row.files[modality].suffix.lower() for row in rows}
    features = [row for row in rows if suffixes[row.number] in frame_files.FEATURES]
    sounds = [row for row in rows if suffixes[row.number] in frame_files.SOUNDS]
    for row in rows:
        if suffixes[row.number] not in (*frame_files.FEATURES, *frame_files.SOUNDS):
            problems.add(
                row.number,
                f"column {modality!r} has {quote_values(row.files[modality].name)}, expected {_EXPECTED};"
                " correct or empty it",
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


def check_column(sheet: Sheet, modality: str, cells: Cells, nonfinite: str, problems: Problems) -> None:
    """Reports widths and names of columns that differ between files, and values that are not finite."""
    rows = [row for row in sheet.rows if (row.number, modality) in cells]
    if not rows:
        return
    makers = {row.number: extracted_files.identify(cells[row.number, modality].made) for row in rows}
    made = collections.Counter(makers.values())
    if len(made) > 1:
        odd = next(row for row in rows if makers[row.number] != made.most_common(1)[0][0])
        problems.add(
            odd.number,
            f"column {modality!r}: {odd.files[modality]} was made by another extractor, or another version of it, than"
            f" {max(made.values())} other files; make them anew by launch.prepare --features",
        )
    widths = collections.Counter(cells[row.number, modality].width for row in rows)
    usual = widths.most_common(1)[0][0]
    if _lie_on_their_sides([cells[row.number, modality] for row in rows]):
        cell = cells[rows[0].number, modality]
        problems.add(
            0,
            f"column {modality!r}: all arrays have {cell.frames} rows but different numbers of columns (the first"
            f" {cell.width}), so they lie on their sides; write them transposed, [frames, columns]",
        )
        return
    first = next((row for row in rows if cells[row.number, modality].names), rows[0])
    for row in rows:
        cell, path = cells[row.number, modality], row.files[modality]
        if cell.width != usual:
            problems.add(
                row.number,
                f"column {modality!r}: {path} has {cell.width} columns of features, but {widths[usual]} other files"
                f" have {usual}; {'transpose it, as it may lie on its side' if cell.frames == usual else _RECOMPUTE}",
            )
        elif cell.names and cell.names != cells[first.number, modality].names:
            problems.add(
                row.number,
                f"column {modality!r}: {path} has other names of columns, or another order, than the file in row"
                f" {first.number}; {_RECOMPUTE}",
            )
        if cell.bad and nonfinite == "refuse":
            problems.add(
                row.number,
                f"column {modality!r}: {path} has {cell.bad} missing, NaN or infinite values, the first in"
                f" {cell.first}; correct it, or set config.corpus.nonfinite to 'zero' or 'mean'",
            )


def _lie_on_their_sides(cells: Sequence[Cell]) -> bool:
    """Whether arrays share their first axis and not their second, as it should be the other way round."""
    widths = collections.Counter(cell.width for cell in cells)
    lengths = {cell.frames for cell in cells}
    are_arrays = not any(cell.names for cell in cells)
    differ = 2 * widths.most_common(1)[0][1] <= len(cells)
    return are_arrays and len(cells) > 2 and differ and len(lengths) == 1 and lengths != {1}
