"""Columns of a manifest -> features, and a manifest of these.

Every (file, stretch, extractor with its weights) is computed once and kept by content, so a command that was killed
goes on, and files that are renamed are not computed again.
"""

import csv
import functools
import io
import os
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from affect_jax.datasets import tables
from affect_jax.datasets.feature_frames import PLAIN
from affect_jax.datasets.manifest import recorded_rows
from affect_jax.datasets.manifest.choose_features import OWN, choose_features, is_own, list_clips
from affect_jax.datasets.manifest.clip_cells import Hints, locate_cells, report_hints
from affect_jax.datasets.manifest.cut_steps import cut_steps
from affect_jax.datasets.manifest.locations import FileFinder
from affect_jax.datasets.manifest.problems import Problems
from affect_jax.datasets.manifest.start_end import read_segments
from affect_jax.datasets.manifest.step_labels import read_step_labels
from affect_jax.datasets.parse_numbers import is_missing
from affect_jax.errors import UserError, format_count, suggest_nearest
from affect_jax.extraction import extracted_files
from affect_jax.extraction.compute import Row, carry_out, describe_plan, plan_features
from affect_jax.extraction.sources import load_source
from affect_jax.extraction.wanted import AUTO, Wanted, parse_features, spell_features
from affect_jax.features.segments import WHOLE, hold_last
from affect_jax.runtime import files

_MOST_ROWS = 20
RATE = 3.0
"""Pictures a second of videos, as in the thesis."""


def extract_features(
    manifest: Path,
    features: str,
    out: Path,
    rate: float = RATE,
    min_confidence: float | None = None,
    *,
    leaves_out: bool = False,
) -> Iterator[str]:
    """Computes what `features` says and writes the manifest `out`/manifest.csv with the files of features.

    Columns that features are made of are left out of it, and so are others of clips or words; the rest is kept. With
    `start` and `end`, features are of the stretches, so these columns are left out, too, and the recordings become the
    groups where there is no `group`; files of labels per step are cut by their times. Rows of which nothing could be
    made are left out and told.

    Args:
      manifest: the csv file.
      features: see `parse_features`; or 'auto'.
      out: a folder.
      rate: pictures a second, of videos.
      min_confidence: a clip without a face that is at least so certain has none.
      leaves_out: goes on without what cannot be used, as if its cells were empty, and without rows that then have no
        modality; else nothing is written.

    Yields:
      Lines of what is done.

    Raises:
      UserError: a column is missing, an extractor cannot be loaded, or files cannot be used; all of them are named, and
        what could be computed is kept.
    """
    if not 0.01 <= rate <= 200:
        raise UserError(f"--frame_rate is {rate:g}, expected pictures a second, such as {RATE:g}")
    problems = Problems(manifest)
    table = tables.require_rows(tables.read_table(manifest))
    header, rows = read_rows(table, problems)
    finder = FileFinder(manifest.parent)
    rows, hints = locate_cells(rows, finder)
    yield from (f"note         {what}: {count}" for what, count in finder.remarks.items())
    if features.strip() == AUTO:
        wanted = choose_features(header, [row.cells for row in rows], manifest.parent)
        yield f'features     chosen by kind of file: --features="{spell_features(wanted)}"'
    else:
        wanted = parse_features(features)
    clips = list_clips(header, [row.cells for row in rows], manifest.parent)
    unused = [name for name in clips if name not in {one.column for one in wanted}]
    _check_columns(manifest, header, rows, wanted, unused)
    header = [name for name in header if name not in unused]
    if unused:
        yield f"left out     {', '.join(unused)}, of which --features makes nothing"
    made, media = yield from _compute(
        manifest, rows, wanted, out / "features", _Choices(rate, min_confidence, leaves_out, hints)
    )
    rows = yield from _drop_empty(header, rows, wanted, made)
    rows = _cut_labels(rows, manifest.parent, out, Problems(manifest))
    path = out / "manifest.csv"
    files.write_atomic(path, _write_manifest(header, rows, wanted, made, manifest.parent))
    recorded_rows.write_clips(out, [(row.cells, row.segment) for row in rows], media, manifest.parent)
    yield f"written      {path}"


class _Choices(NamedTuple):
    """Of `extract_features`."""

    rate: float
    min_confidence: float | None
    leaves_out: bool
    hints: Hints


def _compute(
    manifest: Path, rows: Sequence[Row], wanted: Sequence[Wanted], folder: Path, choices: _Choices
) -> Generator[str, None, tuple[dict[str, dict[int, str]], list[str]]]:
    """Computes all features and yields lines of what is done.

    Returns:
      Modality -> number of a row -> name of its file, and the columns that name clips.

    Raises:
      UserError: what cannot be used, unless it is left out; or a modality of which nothing could be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    problems = Problems(manifest)
    plans, unusable = [], {one.modality: _Unusable(problems, choices.leaves_out) for one in wanted}
    for one in wanted:
        source, report = load_source(one.source), unusable[one.modality].add
        there = [row for row in rows if not is_missing(row.cells[one.column])]
        there = report_hints(there, one.column, choices.hints, report)
        plans.append(plan_features(one, source, there, manifest.parent, folder, rate=choices.rate, report=report))
        yield describe_plan(plans[-1])
    for plan in plans:
        yield from carry_out(plan, unusable[plan.wanted.modality].add)
    if not choices.leaves_out:
        problems.raise_if_any()
    yield from (f"left out     {line}" for line in problems.list_lines())
    made = {}
    for plan in plans:
        modality = plan.wanted.modality
        made[modality] = _name_files(plan.made, unusable[modality].rows, choices.min_confidence)
        if not any(made[modality].values()):
            raise UserError(f"{manifest}: no row has any {modality!r}; leave it out of --features")
    return made, [plan.wanted.column for plan in plans if plan.source.kind != "words"]


class _Unusable:
    """The rows in which a modality cannot be made."""

    def __init__(self, problems: Problems, leaves_out: bool) -> None:
        self.rows: set[int] = set()
        self._problems, self._advice = problems, "" if leaves_out else "; --unusable=leave_out goes on without it"

    def add(self, number: int, text: str) -> None:
        """Notes what is wrong with a row."""
        self.rows.add(number)
        self._problems.add(number, f"{text}{self._advice}")


def _drop_empty(
    header: Sequence[str], rows: Sequence[Row], wanted: Sequence[Wanted], made: Mapping[str, Mapping[int, str]]
) -> Generator[str, None, list[Row]]:
    """Returns the rows without those of which nothing could be made, which have no other modality, and tells these."""
    used = {one.column for one in wanted}
    kept = [name for name in header if name and not is_own(name) and name not in used]
    gone = {
        row.number
        for row in rows
        if any(not is_missing(row.cells[name]) for name in used)
        and not any(names.get(row.number) for names in made.values())
        and all(is_missing(row.cells[name]) for name in kept)
    }
    if gone:
        numbers = ", ".join(map(str, sorted(gone)[:_MOST_ROWS])) + (", ..." if len(gone) > _MOST_ROWS else "")
        yield f"left out     {format_count(len(gone), 'row')} without any modality: {numbers}"
    return [row for row in rows if row.number not in gone]


def read_rows(table: tables.Table, problems: Problems) -> tuple[list[str], list[Row]]:
    """The header and the rows of a table, with their stretches; all that is wrong with it is raised at once."""
    for problem in table.problems:
        problems.add(problem.row, problem.text)
    header = list(table.header)
    columns = [table.cells(at) for at in range(len(header))]
    cells = [dict(zip(header, row, strict=True)) for row in zip(*columns, strict=True)]
    segments = read_segments(list(zip(table.numbers, cells, strict=True)), problems)
    problems.raise_if_any()
    return header, [Row(n, row, segments.get(n, WHOLE)) for n, row in zip(table.numbers, cells, strict=True)]


def _check_columns(
    manifest: Path, header: Sequence[str], rows: Sequence[Row], wanted: Sequence[Wanted], unused: Sequence[str]
) -> None:
    """`unused` are left out."""
    used = {one.column for one in wanted}
    for one in wanted:
        if one.column not in header:
            raise UserError(
                f"{manifest} has no column {one.column!r}{suggest_nearest(one.column, header)}, of which --features "
                f"makes {one.modality!r}; it has {', '.join(header)}"
            )
        if one.modality in OWN or (one.modality in header and one.modality not in used):
            raise UserError(
                f"--features makes {one.modality!r}, but {manifest} has a column of this name; choose another"
            )
    kept = [name for name in header if name and not is_own(name) and name not in (*used, *unused)]
    if kept and any(row.segment != WHOLE for row in rows):
        raise UserError(
            f"{manifest} has stretches (start, end), and --features makes nothing of {', '.join(kept)}; leave what it "
            "makes nothing of out, or make features of it"
        )


def _name_files(made: Mapping[int, Path], failed: set[int], min_confidence: float | None) -> dict[int, str]:
    """Number of a row -> name of its file of features; '' of one without any step."""
    return {
        number: path.name if extracted_files.has_steps(path, min_confidence) else ""
        for number, path in made.items()
        if number not in failed
    }


def _cut_labels(rows: Sequence[Row], base: Path, out: Path, problems: Problems) -> list[Row]:
    """The rows; those of stretches whose labels are per step have files of their stretch's labels.

    Raises:
      UserError: labels have no times, or a stretch has none; all of them are named.
    """
    read = hold_last(functools.partial(read_step_labels, options=PLAIN))
    cut = []
    for row in rows:
        cells = dict(row.cells)
        for name, text in row.cells.items():
            path = base / files.expand_home(text)
            is_label = name == "label" or name.startswith("label:")
            if row.segment == WHOLE or not is_label or is_missing(text) or not os.path.isfile(path):
                continue
            try:
                labels, _ = cut_steps(read(path), row.segment, path, "write them with times")
            except UserError as error:
                problems.add(row.number, f"{name}: {error}")
                continue
            lines = [f"{time:.6f},{value}" for time, value in zip(labels.times, labels.values, strict=True)]
            kept = out / "labels" / f"{row.number}_{name.replace(':', '_')}.csv"
            kept.parent.mkdir(exist_ok=True)
            files.write_atomic(kept, "\n".join(["time,label", *lines, ""]).encode())
            cells[name] = str(kept.resolve())
        cut.append(row._replace(cells=cells))
    problems.raise_if_any()
    return cut


def _write_manifest(
    header: Sequence[str],
    rows: Sequence[Row],
    wanted: Sequence[Wanted],
    made: Mapping[str, Mapping[int, str]],
    base: Path,
) -> bytes:
    """The new csv: paths are absolute or, of features, relative to it."""
    used = dict.fromkeys(one.column for one in wanted)
    cut = any(row.segment != WHOLE for row in rows)
    kept = [name for name in header if name and name not in used and not (cut and name in ("start", "end"))]
    grouped = cut and "group" not in header
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*kept, *(["group"] if grouped else []), *made])
    for row in rows:
        cells = [_spell_cell(name, row.cells[name], base) for name in kept]
        group = [next((row.cells[name] for name in used if not is_missing(row.cells[name])), "")] if grouped else []
        writer.writerow([*cells, *group, *(_name_file(files_of.get(row.number)) for files_of in made.values())])
    return text.getvalue().encode()


def _name_file(name: str | None) -> str:
    return f"features{os.sep}{name}" if name else ""


def _spell_cell(column: str, cell: str, base: Path) -> str:
    """A cell of a kept column; a path to a file becomes absolute, as the new csv is elsewhere."""
    if column in OWN or is_missing(cell):
        return cell
    path = base / files.expand_home(cell)
    return str(path.resolve()) if os.path.isfile(path) else cell
