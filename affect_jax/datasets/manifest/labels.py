"""Reads the label columns: a number or a class for each item, or paths to files with one label per step."""

import collections
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.datasets.manifest import frame_files
from affect_jax.datasets.manifest.csv_table import Sheet
from affect_jax.datasets.manifest.problems import Problems
from affect_jax.datasets.recola.avec_release import TIME_COLUMNS
from affect_jax.datasets.release_files import convert_to_float32, quote_values
from affect_jax.errors import UserError

_MOST = float(np.finfo(np.float32).max)
Values = list[str] | np.ndarray
"""Names of classes, or float64 [T]."""


class Labels(NamedTuple):
    """One label column.

    Attributes:
      name: of the column, without `label:`.
      kind: 'class' or 'number'.
      classes: names of classes 0, 1, ...; () for numbers.
      per_step: whether its cells are paths.
      values: number of a row -> float32 [T], T = 1 unless `per_step`; classes are their numbers. Empty cells have no
        entry.
    """

    name: str
    kind: str
    classes: tuple[str, ...]
    per_step: bool
    values: dict[int, np.ndarray]


def read_labels(sheet: Sheet, name: str, *, is_target: bool, as_classes: bool, problems: Problems) -> Labels:
    """Reads one label column.

    Args:
      sheet: the manifest's table.
      name: of the column.
      is_target: whether it is learned; empty cells, and labels that are all the same, are then problems.
      as_classes: whether numbers are names of classes.
      problems: collects what is wrong.
    """
    rows = [row for row in sheet.rows if row.labels[name]]
    if is_target:
        for row in sheet.rows:
            if not row.labels[name]:
                problems.add(
                    row.number, f"item {quote_values(row.id)} has no label {name!r}; fill the cell or delete the row"
                )
    paths = {row.number for row in rows if Path(row.labels[name]).suffix.lower() in frame_files.FEATURES}
    per_step = 2 * len(paths) > len(rows)
    values: dict[int, Values] = {}
    for row in rows:
        text = row.labels[name]
        if (row.number in paths) != per_step:
            usual = "paths to labels per step" if per_step else "labels"
            problems.add(
                row.number, f"label {name!r} is {quote_values(text)}, but most other rows have {usual}; correct it"
            )
            continue
        try:
            values[row.number] = _read_step_labels(sheet.path.parent / text) if per_step else _parse_label(text)
        except UserError as error:
            problems.add(row.number, f"label {name!r}: {error}")
    kind = _drop_other_kind(name, values, problems)
    if kind == "number" and not as_classes:
        numbers = {row: convert_to_float32(labels) for row, labels in values.items()}
        if is_target and numbers and len(np.unique(np.concatenate(list(numbers.values())))) < 2:
            problems.add(0, f"label {name!r} is the same number in every row; there is nothing to learn")
        return Labels(name, kind, (), per_step, numbers)
    if kind == "number":
        values = {row: [_name_class(number) for number in labels] for row, labels in values.items()}
    classes = tuple(
        sorted({label for labels in values.values() for label in labels}, key=float if kind == "number" else str)
    )
    _check_spelling(name, values, problems)
    if is_target and len(classes) == 1:
        problems.add(0, f"label {name!r} is {quote_values(classes[0])} in every row; there is nothing to learn")
    number_of = {label: number for number, label in enumerate(classes)}
    numbers = {row: np.array([number_of[label] for label in labels], np.float32) for row, labels in values.items()}
    return Labels(name, "class", classes, per_step, numbers)


def is_number(text: str) -> bool:
    """Whether the text is a number in plain digits that float32 can hold."""
    return text.isascii() and "_" not in text and frame_files.is_number(text) and abs(float(text)) < _MOST


def _parse_label(text: str) -> Values:
    if is_number(text):
        return np.array([float(text)])
    if frame_files.is_number(text):
        raise UserError(f"{quote_values(text)} is not a finite number in plain digits; correct it")
    return [text]


def _read_step_labels(path: Path) -> Values:
    """Reads one label per step from an array [T] or [T, 1], or from a table with one column beside the times."""
    if not path.is_file():
        raise UserError(f"{path} is missing; correct the path")
    if path.suffix.lower() in (".npy", ".npz"):
        values = frame_files.read_array(path)
        if values.ndim == 2 and values.shape[1] == 1:
            values = values[:, 0]
        if values.ndim != 1:
            raise UserError(f"{path} has the shape {list(values.shape)}, expected [steps]")
        return _require_finite(np.asarray(values, np.float64), path)
    if path.suffix.lower() == ".arff":
        table, header = frame_files.read_number_table(path)
        return _require_finite(table[:, _find_value_column(header, path)], path)
    header, rows = frame_files.read_text_table(path)
    column = _find_value_column(header, path)
    words = [row[column].strip() for row in rows]
    if all(is_number(word) for word in words):
        return _require_finite(np.array([float(word) for word in words]), path)
    wrong_rows = [n for n, word in enumerate(words, start=2) if frame_files.is_number(word) or not word]
    if wrong_rows:
        raise UserError(
            f"{path} row {wrong_rows[0]} is {quote_values(words[wrong_rows[0] - 2])}, expected the name of a class"
        )
    return words


def _find_value_column(header: tuple[str, ...], path: Path) -> int:
    columns = [i for i, name in enumerate(header) if name.lower() not in TIME_COLUMNS]
    if len(columns) != 1:
        raise UserError(f"{path} has {len(columns)} columns of labels, expected one beside that of the times")
    return columns[0]


def _require_finite(values: np.ndarray, path: Path) -> np.ndarray:
    if not len(values):
        raise UserError(f"{path} has no labels (zero length); correct it or delete the row")
    is_finite = np.abs(values) < _MOST
    if not is_finite.all():
        step = int(np.argmin(is_finite))
        raise UserError(
            f"{path} has no finite label at step {step} (from 0); labels cannot be imputed: correct the file"
        )
    return values


def _drop_other_kind(name: str, values: dict[int, Values], problems: Problems) -> str:
    """Returns 'number' or 'class', whichever most rows have; reports the other rows and removes them from `values`."""
    numbers = [row for row, labels in values.items() if isinstance(labels, np.ndarray)]
    classes = [row for row, labels in values.items() if not isinstance(labels, np.ndarray)]
    kind = "number" if len(numbers) > len(classes) else "class"
    fault = "a class, but most other rows have numbers" if kind == "number" else "a number, but most have classes"
    for row in classes if kind == "number" else numbers:
        problems.add(row, f"label {name!r} is {fault}: use one of the two in the whole column")
        del values[row]
    return kind


def _name_class(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else repr(float(number))


def _check_spelling(name: str, values: dict[int, list[str]], problems: Problems) -> None:
    """Reports classes that differ only in capitals or spaces: they are one class, misspelt."""

    def simplify(label: str) -> str:
        return "".join(label.lower().split())

    counts = collections.Counter(label for labels in values.values() for label in labels)
    usual: dict[str, str] = {}
    for label, _ in counts.most_common():
        usual.setdefault(simplify(label), label)
    for row, labels in values.items():
        odd = next((label for label in labels if usual[simplify(label)] != label), None)
        if odd is not None:
            spelling = usual[simplify(odd)]
            problems.add(
                row, f"label {name!r} is {quote_values(odd)}, elsewhere {quote_values(spelling)}; write it in one way"
            )
