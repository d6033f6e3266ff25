"""Computes the features of many cells, each (file, stretch, extractor) once, and keeps them by their content."""

import collections
import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.errors import MissingPackageError, UserError
from affect_jax.extraction import cells, extracted_files
from affect_jax.extraction.cells import Cell
from affect_jax.extraction.extracted_files import Extraction
from affect_jax.extraction.sources import Numbered, Source
from affect_jax.extraction.steps import Steps
from affect_jax.extraction.wanted import Wanted
from affect_jax.features.segments import Segment
from affect_jax.runtime.progress import format_duration

_WHAT = {"sound": "recordings", "words": "texts", "pictures": "videos or folders of pictures"}
_FIRST, _EVERY = 2.0, 10.0
"""Seconds after which progress is told, and then again."""

_MOST_PLACES = 3
"""Files that are named of those that are odd in the same way."""

Report = Callable[[int, str], None]
"""Gets the number of a row, and what is wrong with it."""


class Row(NamedTuple):
    """A row of a table.

    Attributes:
      number: as a spreadsheet shows it.
      cells: column -> text.
      segment: the stretch of its files.
      half: 'left' or 'right' where that half of its pictures alone is looked at; '' for all of them.
    """

    number: int
    cells: Mapping[str, str]
    segment: Segment
    half: str = ""


class Task(NamedTuple):
    """Features that are not there yet.

    Attributes:
      rows: numbers of the rows that have them.
      cell: what they are made of.
      kept: the file that keeps them.
    """

    rows: list[int]
    cell: Cell
    kept: Path


class Plan(NamedTuple):
    """What is to be done for one modality.

    Attributes:
      wanted: the modality, and its column.
      source: what makes its features.
      rate: pictures a second, of videos.
      made: number of a row -> the file that keeps its features, whether it is there yet or not.
      tasks: what is not there yet.
      remarks: what is odd -> of which files or stretches, in how many rows; '' of words in cells.
    """

    wanted: Wanted
    source: Source
    rate: float
    made: dict[int, Path]
    tasks: tuple[Task, ...]
    remarks: dict[str, collections.Counter]


def plan_features(
    wanted: Wanted, source: Source, rows: Sequence[Row], base: Path, folder: Path, *, rate: float, report: Report
) -> Plan:
    """Finds what of a modality is not computed yet.

    Args:
      wanted: the modality, and its column.
      source: what makes its features.
      rows: of the table, those whose cell of the column is not missing.
      base: folder that paths start from.
      folder: where features are kept.
      rate: pictures a second, of videos.
      report: gets the number of a row, and why its cell cannot be used.
    """
    made: dict[int, Path] = {}
    tasks: dict[Path, Task] = {}
    remarks: dict[str, collections.Counter] = {}
    for row in rows:
        text = row.cells[wanted.column]
        try:
            cell = cells.open_cell(text, base, row.segment, source, rate, row.half)
        except MissingPackageError:
            raise
        except UserError as error:
            report(row.number, f"{wanted.column}: {error}")
            continue
        _add_remarks(remarks, cell.remarks, str(cell.path or ""))
        if cell.transcript is not None and not cell.transcript.words:
            continue
        # What two people say in the same words is no file that they share.
        owner = row.cells.get("group", "") if source.kind == "words" else ""
        kept = folder / f"{_make_key(source, cell, owner)}.npz"
        made[row.number] = kept
        if kept in tasks:
            tasks[kept].rows.append(row.number)
        elif not kept.exists():
            tasks[kept] = Task([row.number], cell, kept)
    return Plan(wanted, source, rate, made, tuple(tasks.values()), remarks)


def describe_plan(plan: Plan) -> str:
    """What will be done, and about how long it takes, as a line."""
    text = f"{plan.wanted.modality:<12} {len(plan.made)} {_WHAT[plan.source.kind]} of the column {plan.wanted.column}"
    text += f" by {plan.wanted.source}, {len(plan.tasks)} to compute"
    seconds = sum(task.cell.seconds for task in plan.tasks)
    if plan.source.kind == "words":
        count = sum(len(task.cell.transcript.words) for task in plan.tasks)
        what = f"{count} words"
    else:
        pictures = sum(len(task.cell.pictures) for task in plan.tasks)
        count = seconds if plan.source.kind == "sound" else seconds * plan.rate + pictures
        what = f"{pictures} pictures" if pictures else f"{seconds:.0f} s of them"
    if not count:
        return text
    took = f", about {format_duration(plan.source.pace * count)} on two cores" if plan.source.pace else ""
    return f"{text}: {what}{took}"


def carry_out(plan: Plan, report: Report) -> Iterator[str]:
    """Computes and keeps what a plan lacks.

    Yields:
      Lines on how far it is, and what is odd about files.
    """
    record = Extraction(
        plan.wanted.column,
        plan.source.name,
        plan.source.identity,
        plan.source.kind,
        plan.rate if plan.source.kind == "pictures" else 0.0,
    )
    weights = [task.cell.seconds or 1.0 for task in plan.tasks]
    began, told, done, before = time.monotonic(), _FIRST, 0.0, 0.0
    extract = {"sound": _extract_sound, "words": _extract_words, "pictures": _extract_pictures}[plan.source.kind]
    for number, steps in extract(plan, report):
        task = plan.tasks[number]
        extracted_files.write_features(
            task.kept, steps.values, steps.times, record, task.cell.seconds, confidence=steps.confidence
        )
        done += weights[number]
        if not before:  # what is loaded and compiled first says nothing of the others
            began, before = time.monotonic(), done
        passed = time.monotonic() - began
        if passed > told and done < sum(weights):
            left = passed * (sum(weights) - done) / (done - before)
            yield f"{plan.wanted.modality:<12} {done / sum(weights):.0%} done, about {left:.0f} s left"
            told = passed + _EVERY
    for text, places in plan.remarks.items():
        yield f"note         {plan.wanted.modality}: {_word_remark(text, places)}"


def _add_remarks(remarks: dict[str, collections.Counter], texts: Iterable[str], place: str) -> None:
    for text in texts:
        remarks.setdefault(text, collections.Counter())[place] += 1


def _word_remark(text: str, places: collections.Counter) -> str:
    """What is odd, and of which files: the first of them, where they are many."""
    named = [place for place in places if place]
    if not named:
        return f"{text}, {places.total()} times" if places.total() > 1 else text
    more = f" and {len(named) - _MOST_PLACES} more" if len(named) > _MOST_PLACES else ""
    return f"{text} ({', '.join(named[:_MOST_PLACES])}{more})"


def _extract_sound(plan: Plan, report: Report) -> Iterator[tuple[int, Steps]]:
    decode, lengths, usable, starts = cells.make_decoder(), [], [], []
    for number, task in enumerate(plan.tasks):
        try:
            samples, start = cells.read_samples(task.cell, decode)
            plan.source.check(len(samples), task.cell.name)
        except MissingPackageError:
            raise
        except UserError as error:
            _add_problem(plan, task, error, report)
            continue
        lengths.append(len(samples))
        starts.append(start)
        usable.append(number)
        _add_remarks(plan.remarks, decode(task.cell.path).sound.remarks, str(task.cell.path))
        if not plan.source.batches:
            for _, steps in plan.source.compute([len(samples)], lambda _, samples=samples: samples):
                yield number, steps._replace(times=steps.times + start)

    def read(number: int) -> np.ndarray:
        return cells.read_samples(plan.tasks[usable[number]].cell, decode)[0]

    for number, steps in plan.source.compute(lengths, read) if plan.source.batches else ():
        yield usable[number], steps._replace(times=steps.times + starts[number])


def _extract_words(plan: Plan, report: Report) -> Iterator[tuple[int, Steps]]:
    yield from plan.source.compute([task.cell.transcript.words for task in plan.tasks])


def _extract_pictures(plan: Plan, report: Report) -> Iterator[tuple[int, Steps]]:
    """Clips in which no face is found have features of no step."""
    failed: set[int] = set()
    empty = set(range(len(plan.tasks)))

    def stream() -> Iterator[Numbered]:
        for number, task in enumerate(plan.tasks):
            remarks: list[str] = []
            try:
                for picture in cells.read_pictures(task.cell, plan.rate, remarks):
                    yield number, picture
            except UserError as error:
                failed.add(number)
                _add_problem(plan, task, error, report)
            _add_remarks(plan.remarks, remarks, str(task.cell.path))

    for number, steps in plan.source.compute(stream()):
        empty.discard(number)
        if number not in failed:
            yield number, steps
    for number in sorted(empty - failed):
        _add_remarks(plan.remarks, ["no face is found, so it is missing"], plan.tasks[number].cell.name)
        yield number, Steps(np.zeros((0, 1), np.float32))


def _add_problem(plan: Plan, task: Task, error: UserError, report: Report) -> None:
    for row in task.rows:
        report(row, f"{plan.wanted.column}: {error}")


def _make_key(source: Source, cell: Cell, owner: str) -> str:
    text = f"{source.identity} {cell.content} {cell.segment.start} {cell.segment.end} {owner}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]
