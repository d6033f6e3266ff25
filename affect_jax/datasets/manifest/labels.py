"""The label columns: a number or a class an item, or paths to files with one a step."""

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
"""Classes' names, or float64 [T]."""


class Labels(NamedTuple):
    """One label column.

    Attributes:
      name: of the column, without `label:`.
      kind: 'class' or 'number'.
      classes: the names of classes 0, 1, ...; () of numbers.
      per_step: whether its cells are paths.
      values: number of a row -> float32 [T], T = 1 unless `per_step`; classes are their numbers. Empty cells have none.
    """

    name: str
    kind: str
    classes: tuple[str, ...]
    per_step: bool
    values: dict[int, np.ndarray]


def read_labels(sheet: Sheet, name: str, *, needed: bool, classes: bool, problems: Problems) -> Labels:
    """One label column.

    Args:
      sheet: the manifest's table.
      name: of the column.
      needed: it is the target: an empty cell, and labels that are all the same, are problems.
      classes: numbers are the names of classes.
      problems: gets what is wrong.
    """
    rows = [row for row in sheet.rows if row.labels[name]]
    if needed:
        for row in sheet.rows:
            if not row.labels[name]:
                problems.add(
                    row.number, f"item {quote_values(row.id)} has no label {name!r}; fill the cell or delete the row"
                )
    paths = {row.number for row in rows if Path(row.labels[name]).suffix.lower() in frame_files.FEATURES}
    per_step = 2 * len(paths) > len(rows)
    found: dict[int, Values] = {}
    for row in rows:
        text = row.labels[name]
        if (row.number in paths) != per_step:
            usual = "paths to labels per step" if per_step else "labels"
            problems.add(
                row.number, f"label {name!r} is {quote_values(text)}, but most other rows have {usual}; mend it"
            )
            continue
        try:
            found[row.number] = _read_step_labels(sheet.path.parent / text) if per_step else _parse_label(text)
        except UserError as error:
            problems.add(row.number, f"label {name!r}: {error}")
    return _make_labels(sheet, name, found, per_step, needed, classes, problems)


def is_number(text: str) -> bool:
    """Whether the text is a number in plain digits that float32 can hold."""
    return text.isascii() and "_" not in text and frame_files.is_number(text) and abs(float(text)) < _MOST


def _parse_label(text: str) -> Values:
    if is_number(text):
        return np.array([float(text)])
    if frame_files.is_number(text):
        raise UserError(f"{quote_values(text)} is not a finite number in plain digits; mend it")
    return [text]


def _read_step_labels(path: Path) -> Values:
    """One label a step from an array [T] or [T, 1], or from a table with one column beside that of the times."""
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
        at = _find_value_column(header, path)
        return _require_finite(table[:, at], path)
    header, rows = frame_files.read_text_table(path)
    at = _find_value_column(header, path)
    words = [row[at].strip() for row in rows]
    if all(is_number(word) for word in words):
        return _require_finite(np.array([float(word) for word in words]), path)
    numbers = [n for n, word in enumerate(words, start=2) if frame_files.is_number(word) or not word]
    if numbers:
        raise UserError(
            f"{path} row {numbers[0]} is {quote_values(words[numbers[0] - 2])}, expected the name of a class"
        )
    return words


def _find_value_column(header: tuple[str, ...], path: Path) -> int:
    at = [i for i, name in enumerate(header) if name.lower() not in TIME_COLUMNS]
    if len(at) != 1:
        raise UserError(f"{path} has {len(at)} columns of labels, expected one beside that of the times")
    return at[0]


def _require_finite(values: np.ndarray, path: Path) -> np.ndarray:
    if not len(values):
        raise UserError(f"{path} has no labels (zero length); mend it or delete the row")
    finite = np.abs(values) < _MOST
    if not finite.all():
        step = int(np.argmin(finite))
        raise UserError(f"{path} has no finite label at step {step} (from 0); a label cannot be made up: mend it")
    return values


def _make_labels(
    sheet: Sheet,
    name: str,
    found: dict[int, Values],
    per_step: bool,
    needed: bool,
    classes: bool,
    problems: Problems,
) -> Labels:
    numbers = [row for row, values in found.items() if isinstance(values, np.ndarray)]
    named = [row for row, values in found.items() if not isinstance(values, np.ndarray)]
    kind = "number" if len(numbers) > len(named) else "class"
    for row in named if kind == "number" else numbers:
        what = "a class, but most other rows have numbers" if kind == "number" else "a number, but most have classes"
        problems.add(row, f"label {name!r} is {what}: use one of the two in the whole column")
        del found[row]
    if kind == "number" and not classes:
        values = {row: convert_to_float32(numbers) for row, numbers in found.items()}
        if needed and found and len(np.unique(np.concatenate(list(values.values())))) < 2:
            problems.add(0, f"label {name!r} is the same number in every row; there is nothing to learn")
        return Labels(name, kind, (), per_step, values)
    words = {row: [_name_class(v) for v in found_T] if kind == "number" else found_T for row, found_T in found.items()}
    there = {word for row in words.values() for word in row}
    order = tuple(sorted(there, key=float if kind == "number" else str))
    _check_spelling(sheet, name, words, problems)
    if needed and len(there) == 1:
        problems.add(0, f"label {name!r} is {quote_values(order[0])} in every row; there is nothing to learn")
    at = {word: number for number, word in enumerate(order)}
    values = {row: np.array([at[word] for word in found_T], np.float32) for row, found_T in words.items()}
    return Labels(name, "class", order, per_step, values)


def _name_class(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else repr(float(number))


def _check_spelling(sheet: Sheet, name: str, words: dict[int, list[str]], problems: Problems) -> None:
    """Classes that differ in capitals or spaces only are one class, misspelt."""
    counts = collections.Counter(word for found in words.values() for word in found)
    usual: dict[str, str] = {}
    for word, _ in counts.most_common():
        usual.setdefault("".join(word.lower().split()), word)
    for row, found in words.items():
        odd = next((word for word in found if usual["".join(word.lower().split())] != word), None)
        if odd is not None:
            right = usual["".join(odd.lower().split())]
            problems.add(
                row, f"label {name!r} is {quote_values(odd)}, elsewhere {quote_values(right)}; write it in one way"
            )
