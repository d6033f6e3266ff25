"""Items to predict: files, or a csv in the manifest's form without labels, made into features as a corpus' were.

The same functions read them as in training: `csv_table`, `frame_files`, `clocks` and `layouts`. What does not fit the
form that the model was trained with is refused, in one sentence, and the other items go on.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.datasets import feature_frames, tables
from affect_jax.datasets.feature_frames import Frames
from affect_jax.datasets.input_form import InputForm, ModalityForm
from affect_jax.datasets.manifest import frame_files, layouts, segments
from affect_jax.datasets.manifest.clocks import sample_at_times
from affect_jax.datasets.manifest.csv_table import Row, join_names, read_table
from affect_jax.datasets.manifest.locations import FileFinder
from affect_jax.datasets.manifest.problems import Problems
from affect_jax.datasets.missing_values import replace_missing_values
from affect_jax.datasets.parse_numbers import looks_like_number
from affect_jax.datasets.recordings import Recording
from affect_jax.datasets.release_files import quote_values
from affect_jax.errors import UserError, suggest_nearest
from affect_jax.features.recordings import CENTRED, measure_step
from affect_jax.features.segments import name_segment

LISTS = (".csv", ".tsv", ".txt")
_ROUNDING = 0.01  # of a step
_PEEKED = 20_000  # bytes


class Listing(NamedTuple):
    """What a csv of items to predict asks for.

    Attributes:
      path: of the csv.
      requests: the rows of each recording: one row, or in the layout 'group' those of a group.
      remarks: what is not read, or was read in an unusual way.
      finder: of the files that its rows name.
    """

    path: Path
    requests: tuple[tuple[Row, ...], ...]
    remarks: tuple[str, ...]
    finder: FileFinder


def is_listing(path: Path, form: InputForm) -> bool:
    """Whether a file lists items to predict: a table with a column `id` and paths in that of a modality."""
    if path.suffix.lower() not in LISTS or not path.is_file() or not _has_names(path, form):
        return False
    try:
        table = tables.read_table(path, largest_file=form.options.largest_file)
    except UserError:
        return False  # read as features, whose errors say more
    named = [table.header.index(name) for name in form.modalities if name in table.header]
    cells = [row[column] for row in table.rows for column in named]
    is_features = any(looks_like_number(cell) for cell in cells)
    return "id" in table.header and bool(named) and not is_features


def _has_names(path: Path, form: InputForm) -> bool:
    """Whether the first lines of a file have the names of a list: a file of features may be large."""
    with path.open("rb") as file:
        words = set(re.split(r"[^\w]+", file.read(_PEEKED).decode("utf-8", errors="replace").replace("\0", "")))
    return "id" in words and not words.isdisjoint(form.modalities)


def read_listing(path: Path, form: InputForm) -> Listing:
    """Reads a csv of items to predict.

    Raises:
      UserError: all that is wrong with the table itself, one line a problem.
    """
    problems, finder = Problems(path), FileFinder(path.parent)
    sheet = read_table(path, (), problems, form.options.largest_file, is_labelled=False)
    present = tuple(name for name in form.modalities if name in sheet.modalities)
    unread = [*sheet.labels, *(name for name in sheet.modalities if name not in present)]
    rows = tuple(
        # Neither the split nor a group of a list means anything to a model that reads each item by itself.
        row._replace(split="", files={name: row.files[name] for name in present if name in row.files})
        for row in sheet.rows
    )
    problems.raise_if_any()
    sheet = sheet._replace(rows=rows, modalities=present)
    requests = [(row,) for row in rows]
    if form.layout == "group":
        groups: dict[str, list[Row]] = {}
        for row in segments.group_by_recording(sheet, problems).rows:
            groups.setdefault(row.group, []).append(row)
        requests = [tuple(members) for members in groups.values()]
    absent = [name for name in form.modalities if name not in present]
    remarks = [*sheet.remarks]
    remarks += [f"columns that are not read: {', '.join(unread)}"] if unread else []
    near = next(filter(None, (suggest_nearest(name, unread) for name in absent)), "")
    remarks += [f"no column {', '.join(map(repr, absent))}{near}, so it is missing in every item"] if absent else []
    return Listing(path, tuple(requests), tuple(remarks), finder)


def refuse_table(path: Path, form: InputForm) -> UserError:
    """The error of a table that is no list, where only a list will do: it says what a list has.

    Raises:
      UserError: the table cannot be read at all.
    """
    header = tables.read_table(path, largest_file=form.options.largest_file).header
    lacking = [] if "id" in header else [f"no column 'id'{suggest_nearest('id', header)}"]
    if not set(header) & set(form.modalities):
        hint = next(filter(None, (suggest_nearest(name, header) for name in form.modalities)), "")
        lacking.append(f"no column {' or '.join(map(repr, form.modalities))}{hint}")
    fault = " and ".join(lacking) or "numbers in its columns of paths"
    return UserError(
        f"{path} has {fault}; its columns are {join_names(header)}, and a list of items has 'id' and, with paths in"
        f" them, {', '.join(map(repr, form.modalities))}"
    )


def request_file(path: Path, modality: str) -> tuple[Row, ...]:
    """What a list would say of a single file: an item of its own, named as the file."""
    return (Row(0, path.stem, "", path.stem, {}, {modality: path}),)


def make_recording(
    rows: Sequence[Row], form: InputForm, readers: frame_files.Readers, finder: FileFinder | None = None
) -> Recording:
    """The recording of one request, as the corpus of a training run would have it, without its label.

    Args:
      rows: one; or in the layout 'group' all of a group.
      form: how the model's inputs were made.
      readers: of whole files, with the options of `form`.
      finder: of the files of a list; None takes paths as they are.

    Raises:
      UserError: a file cannot be read, or does not fit what the model was trained on; or a modality is missing where
        none may be.
    """
    rows = [_locate(row, finder) if finder else row for row in rows]
    frames = {row.number: _read_row(row, form, readers) for row in rows}
    first = rows[0]
    if form.layout == "group":
        features = {row.number: _replace(row, _take_values(frames[row.number]), form) for row in rows}
        pooled = {
            name: np.stack([layouts.summarize_over_time(features[row.number][name], of.varies) for row in rows])
            for name, of in form.modalities.items()
        }
        return Recording(first.group, first.group, tuple(row.id for row in rows), pooled, {})
    features, steps = _replace(first, _take_values(frames[first.number]), form), (first.id,)
    if form.layout == "steps":
        features = _sample_steps(features, frames[first.number], form)
        features = _replace(first, features, form)  # steps in gaps of a clock have no frame
        steps = tuple(f"{first.id}@{t}" for t in range(len(next(iter(features.values())))))
    return Recording(first.id, first.group, steps, features, {})


def _locate(row: Row, finder: FileFinder) -> Row:
    """The row with the paths of the files that are there."""
    files = {name: finder.find(str(path).removeprefix(f"{finder.folder}/")) for name, path in row.files.items()}
    return row._replace(files=files)


def _take_values(frames: dict[str, Frames]) -> dict[str, np.ndarray]:
    return {name: of_file.values for name, of_file in frames.items()}


def _read_row(row: Row, form: InputForm, readers: frame_files.Readers) -> dict[str, Frames]:
    if not row.files:
        raise UserError(f"it has none of {', '.join(map(repr, form.modalities))}; name a file in one of these columns")
    absent = [name for name in form.modalities if name not in row.files]
    if absent and form.layout != "item":
        raise UserError(f"item {quote_values(row.id)} has no {absent[0]!r}, and this model needs each step's; add it")
    return {name: _read_cell(row, name, form, readers) for name in form.modalities if name in row.files}


def _read_cell(row: Row, modality: str, form: InputForm, readers: frame_files.Readers) -> Frames:
    """The frames of one file, or of a stretch of it, refused where they are not what the model was trained on."""
    path, expected = row.files[modality], form.modalities[modality]
    known = frame_files.SOUNDS if expected.is_sound else frame_files.FEATURES
    if path.suffix.lower() not in known:
        raise UserError(
            f"{path} cannot be {modality!r}, which the model was trained on as {expected.source}; name a file that"
            f" ends in {', '.join(known)}"
        )
    if not path.is_file():
        raise UserError(f"{path} is missing; correct its path")
    frames = frame_files.read_frames(path, form.sound, form.rate, readers, segment=row.segment)
    if expected.is_sound:
        frames = frames._replace(times=np.arange(len(frames.values)) * _measure_step(form))
    _check_names(frames, expected, path)
    frames = feature_frames.drop_columns(frames, expected.left_out)
    width = frames.values.shape[1] if frames.values.ndim > 1 else 0
    if width != expected.width:
        raise UserError(
            f"{modality!r} in {name_segment(str(path), row.segment)} has {width} columns, the model takes"
            f" {expected.width}; give what it was trained on"
        )
    return frames


def _measure_step(form: InputForm) -> float:
    return 1 / form.rate if form.sound == "waveform" else measure_step(form.sound, form.rate)


def _check_names(frames: Frames, expected: ModalityForm, path: Path) -> None:
    names = feature_frames.hash_names(frames)
    if names and expected.names and names != expected.names:
        raise UserError(
            f"{path} has other names of columns, or another order, than the files that the model was trained on;"
            " compute it again in the same way"
        )


def _replace(row: Row, features: dict[str, np.ndarray], form: InputForm) -> dict[str, np.ndarray]:
    """The features with what is missing or infinite in them replaced as in training, or refused."""

    def locate(_: Recording, modality: str, step: int, column: int) -> str:
        return f"{row.files[modality]} step {step} column {column} (from 0)"

    item = Recording(row.id, row.group, (), features, {})
    return replace_missing_values({"items": [item]}, form.nonfinite, locate)[0]["items"][0].features


def _sample_steps(features: dict[str, np.ndarray], frames: dict[str, Frames], form: InputForm) -> dict[str, np.ndarray]:
    """Modality -> [S, D] at the steps that labels would have: by times where both have them, else by their usual
    share."""
    clocks = {name: of.times for name, of in frames.items() if len(of.times) > 1 and form.step_seconds}
    # The first and the last frame of MFCC and log-mels are centred on the ends of a recording; other frames begin at
    # their times.
    centred = form.heard if form.sound in CENTRED else ()
    counts = [_count_timed(times, name in centred, form.step_seconds) for name, times in clocks.items()]
    counts += [
        round(len(values) / form.modalities[name].frames_per_step)
        for name, values in features.items()
        if name not in clocks
    ]
    count = max(min(counts), 1)
    at = form.first_step + form.step_seconds * np.arange(count)
    return {
        name: sample_at_times(values, clocks[name], at) if name in clocks else layouts.sample_at_steps(values, count)
        for name, values in features.items()
    }


def _count_timed(times: np.ndarray, is_centred: bool, seconds: float) -> int:
    """How many labels, one every so many seconds, frames at these times have room for."""
    step = float(np.median(np.diff(times)))
    span = float(times[-1] - times[0]) + (0.0 if is_centred else step)
    return int(span / seconds + _ROUNDING)
