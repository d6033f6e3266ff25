"""Reads the label columns: a number or a class for each item, or paths to files with one label per step."""

import collections
import functools
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.datasets.feature_frames import PLAIN, ReadingOptions
from affect_jax.datasets.manifest import frame_files, label_remarks
from affect_jax.datasets.manifest.csv_table import Row, Sheet
from affect_jax.datasets.manifest.cut_steps import cut_steps
from affect_jax.datasets.manifest.locations import FileFinder
from affect_jax.datasets.manifest.problems import Problems
from affect_jax.datasets.manifest.spelling import describe_difference, find_misspelt
from affect_jax.datasets.manifest.step_labels import StepLabels, is_missing_label, read_step_labels
from affect_jax.datasets.parse_numbers import describe_disguise, has_decimal_comma, parse_column
from affect_jax.datasets.release_files import convert_to_float32, quote_values
from affect_jax.errors import UserError
from affect_jax.features.segments import hold_last
from affect_jax.runtime import progress

_SET_RATE = "set config.corpus.label_rate to its labels a second"
_MOST = float(np.finfo(np.float32).max)
PROGRESS_STEP = 100
"""Files between two looks at the clock."""
_FEW_LABELS = 20
"""So few labels may all be of different classes."""


class Labels(NamedTuple):
    """One label column.

    Attributes:
      name: of the column, without `label:`.
      kind: 'class' or 'number'.
      classes: names of classes 0, 1, ...; () for numbers.
      per_step: whether its cells are paths.
      values: number of a row -> float32 [T], T = 1 unless `per_step`; classes are their numbers. Empty cells have no
        entry.
      times: number of a row -> float64 [T] in seconds, as the file of labels per step has them; [0] where it has none.
      remarks: (how files or cells were read, how many of them) where that is not the usual way; (what is odd, 0).
    """

    name: str
    kind: str
    classes: tuple[str, ...]
    per_step: bool
    values: dict[int, np.ndarray]
    times: Mapping[int, np.ndarray] = types.MappingProxyType({})
    remarks: tuple[tuple[str, int], ...] = ()


def read_labels(
    sheet: Sheet,
    name: str,
    *,
    is_target: bool,
    as_classes: bool,
    problems: Problems,
    may_miss: bool = False,
    finder: FileFinder | None = None,
    options: ReadingOptions = PLAIN,
) -> Labels:
    """Reads one label column.

    Args:
      sheet: the manifest's table.
      name: of the column.
      is_target: whether it is learned; empty cells, and labels that are all the same, are then problems.
      as_classes: whether numbers are names of classes.
      problems: collects what is wrong.
      may_miss: whether empty cells of the target are right in rows of the split train.
      finder: of the files of labels per step; None makes one.
      options: for reading these files.
    """
    rows = [row for row in sheet.rows if not is_missing_label(row.labels[name])]
    if is_target:
        _check_missing(sheet, name, problems, may_miss=may_miss)
    paths = {row.number for row in rows if Path(row.labels[name]).suffix.lower() in frame_files.FEATURES}
    per_step = 2 * len(paths) > len(rows)
    for row in rows:
        if (row.number in paths) != per_step:
            usual = "paths to labels per step" if per_step else "labels"
            problems.add(
                row.number,
                f"label {name!r} is {quote_values(row.labels[name])}, but most other rows have {usual}; correct it",
            )
    rows = [row for row in rows if (row.number in paths) == per_step]
    remarks: collections.Counter[str] = collections.Counter()
    times: dict[int, np.ndarray] = {}
    if per_step:
        finder = finder or FileFinder(sheet.path.parent)
        read = _read_files(rows, name, finder, options, problems)
        values = {row: labels.values for row, labels in read.items()}
        times = {row: labels.times for row, labels in read.items()}
        remarks.update(remark for labels in read.values() for remark in labels.remarks)
        kind = _drop_other_kind(name, values, problems)
    else:
        kind, values, column_remarks = _read_cells({row.number: row.labels[name] for row in rows}, name, problems)
        remarks.update(column_remarks)
    result = Labels(
        name=name, kind=kind, classes=(), per_step=per_step, values={}, times=times, remarks=tuple(remarks.items())
    )
    if kind == "number" and not as_classes:
        numbers = {row: convert_to_float32(labels) for row, labels in values.items()}
        if is_target and numbers and len(np.unique(np.concatenate(list(numbers.values())))) < 2:
            problems.add(0, f"label {name!r} is the same number in every row; there is nothing to learn")
        return _add_remarks(result._replace(values=numbers), [_describe_codes(numbers)])
    if kind == "number":
        result = _add_remarks(result, [_describe_codes(values)])
        values = {row: [_name_class(number) for number in labels] for row, labels in values.items()}
    return _number_classes(result._replace(kind="class"), values, kind == "number", is_target, problems)


def _number_classes(
    column: Labels, values: dict[int, list[str]], are_numbers: bool, is_target: bool, problems: Problems
) -> Labels:
    """The column with its classes and their numbers, where it has classes and not free text."""
    counts = collections.Counter(label for labels in values.values() for label in labels)
    if is_target and counts.total() >= _FEW_LABELS and 2 * len(counts) > counts.total():
        problems.add(
            0,
            f"label {column.name!r} has {len(counts):,} classes in {counts.total():,}"
            f" {'steps' if column.per_step else 'rows'}, such as {quote_values(next(iter(counts)))}: is this a label?"
            " Name another column in config.corpus.target",
        )
        return column
    classes = tuple(sorted(counts, key=float if are_numbers else str))
    _check_spelling(column.name, values, counts, problems)
    column = _add_remarks(column, [] if are_numbers else label_remarks.describe_classes(counts))
    if is_target and len(classes) == 1:
        problems.add(0, f"label {column.name!r} is {quote_values(classes[0])} in every row; there is nothing to learn")
    number_of = {label: number for number, label in enumerate(classes)}
    numbers = {row: np.array([number_of[label] for label in labels], np.float32) for row, labels in values.items()}
    return column._replace(classes=classes, values=numbers)


def _check_missing(sheet: Sheet, name: str, problems: Problems, *, may_miss: bool) -> None:
    if may_miss and (sheet.split_column != "split" or not any(row.split == "validation" for row in sheet.rows)):
        problems.add(
            0,
            "config.corpus.unlabelled is 'train', which needs a column 'split' with train and validation, as such rows"
            " can only train; add it",
        )
    for row in sheet.rows:
        text = row.labels[name]
        if is_missing_label(text) and not (may_miss and row.split == "train" and not text):
            meaning = f" ({quote_values(text)} stands for a missing value; a class needs another name)" if text else ""
            problems.add(
                row.number,
                f"item {quote_values(row.id)} has no label {name!r}{meaning}; fill the cell or delete the row",
            )


def _read_files(
    rows: Sequence[Row], name: str, finder: FileFinder, options: ReadingOptions, problems: Problems
) -> dict[int, StepLabels]:
    result = {}
    read = hold_last(functools.partial(read_step_labels, options=options))
    damaged: set[str] = set()
    with progress.Work() as work:
        # Rows of one file one after another, so that it is read once.
        for count, row in enumerate(sorted(rows, key=lambda row: row.labels[name]), start=1):
            text = row.labels[name]
            if text in damaged:
                continue
            try:
                path = finder.find(text)
                labels = read(path)
            except UserError as error:
                problems.add(row.number, f"label {name!r}: {error}")
                damaged.add(text)
                continue
            try:
                result[row.number] = cut_steps(labels, row.segment, path, _SET_RATE)[0]
            except UserError as error:
                problems.add(row.number, f"label {name!r}: {error}")
            if count % PROGRESS_STEP == 0:
                work.progress(f"labels {name}", count, len(rows))
    return {row.number: result[row.number] for row in rows if row.number in result}


def _read_cells(
    texts: dict[int, str], name: str, problems: Problems
) -> tuple[str, dict[int, list[str] | np.ndarray], list[str]]:
    """The kind of the labels of a column, its values by row, and remarks; rows of the other kind are problems."""
    rows, cells = list(texts), list(texts.values())
    column = parse_column(cells, decimal_comma=has_decimal_comma(cells))
    if column.is_text:
        wrong = set(column.wrong)
        for at in (i for i in range(len(rows)) if i not in wrong):
            problems.add(
                rows[at],
                f"label {name!r} is {quote_values(cells[at])}, a number, but most have classes: use one of the two in"
                " the whole column",
            )
        return "class", {rows[at]: [cells[at]] for at in column.wrong}, []
    if column.fault is not None:
        at, fault = column.fault
        problems.add(rows[at], f"label {name!r}: {quote_values(cells[at])} {fault}")
    values, wrong = {}, set(column.wrong)
    others = ", but most other rows have numbers"
    for at, row in enumerate(rows):
        if at in wrong:
            problems.add(
                row,
                f"label {name!r} is {quote_values(cells[at])}{describe_disguise(cells[at]) or others}; write a plain"
                " number",
            )
        elif column.fault is not None and np.isnan(column.values[at]):
            continue  # thousands separators, which the fault is about
        elif not abs(column.values[at]) < _MOST:
            problems.add(row, f"label {name!r}: {quote_values(cells[at])} is not a finite number; correct it")
        else:
            values[row] = column.values[at : at + 1]
    return "number", values, ["decimal commas"] if column.decimal_comma else []


def _drop_other_kind(name: str, values: dict[int, list[str] | np.ndarray], problems: Problems) -> str:
    """Returns 'number' or 'class', whichever most rows have; reports the other rows and removes them from `values`."""
    numbers = [row for row, labels in values.items() if isinstance(labels, np.ndarray)]
    classes = [row for row, labels in values.items() if not isinstance(labels, np.ndarray)]
    kind = "number" if len(numbers) > len(classes) else "class"
    fault = "of classes, but most other rows have numbers" if kind == "number" else "of numbers, but most have classes"
    for row in classes if kind == "number" else numbers:
        problems.add(row, f"label {name!r} is {fault}: use one of the two in the whole column")
        del values[row]
    return kind


def _name_class(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else repr(float(number))


def _check_spelling(
    name: str, values: dict[int, list[str]], counts: collections.Counter[str], problems: Problems
) -> None:
    """Reports classes that differ only in capitals or spaces: they are one class, misspelt."""
    odd = find_misspelt(counts)
    for row, labels in values.items() if odd else ():
        label = next((label for label in labels if label in odd), None)
        if label is not None:
            problems.add(
                row,
                f"label {name!r} is {quote_values(label)}, elsewhere {quote_values(odd[label])}"
                f"{describe_difference(label, odd[label])}; write it in one way",
            )


def _describe_codes(values: Mapping[int, np.ndarray]) -> str:
    return label_remarks.describe_codes(np.concatenate(list(values.values()))) if values else ""


def _add_remarks(column: Labels, remarks: Sequence[str]) -> Labels:
    """The column with remarks on its labels, whatever file they are in."""
    return column._replace(remarks=(*column.remarks, *((remark, 0) for remark in remarks if remark)))
