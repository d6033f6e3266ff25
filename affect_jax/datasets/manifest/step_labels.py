"""Reads a file of labels per step: an array [T], or a table with one column beside the times."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.datasets import array_files, column_roles
from affect_jax.datasets.arff_tables import NOMINAL, NUMERIC, STRING, UNKNOWN
from affect_jax.datasets.column_roles import DATA
from affect_jax.datasets.feature_frames import (
    TABLES,
    ReadingOptions,
    counts_rows,
    join_columns,
    list_format_remarks,
    open_table,
)
from affect_jax.datasets.parse_numbers import has_decimal_comma, is_missing, looks_like_number
from affect_jax.datasets.release_files import quote_values
from affect_jax.datasets.tables import Table
from affect_jax.errors import UserError

_MOST = float(np.finfo(np.float32).max)


class StepLabels(NamedTuple):
    """Labels of T steps.

    Attributes:
      values: T names of classes, or float64 [T].
      times: float64 [T] in seconds, increasing; [0] where the file has none.
      remarks: how the file was read, in the same words for all files alike.
    """

    values: list[str] | np.ndarray
    times: np.ndarray
    remarks: tuple[str, ...] = ()


def read_step_labels(path: Path, options: ReadingOptions) -> StepLabels:
    """Reads the labels of a file; those without times have the rate of the options, if there is one.

    Raises:
      UserError: the file is missing or damaged, has no label or several columns of labels, or a label is missing, not
        finite, or a number among classes.
    """
    labels = _read_labels(path, options)
    if options.rate is not None and not len(labels.times):
        labels = labels._replace(times=np.arange(len(labels.values)) / options.rate)
    return labels


def _read_labels(path: Path, options: ReadingOptions) -> StepLabels:
    if not path.is_file():
        raise UserError(f"{path} is missing; correct the path")
    if path.suffix.lower() not in TABLES:
        values = array_files.read_array(path, options.array, largest_file=options.largest_file)
        if values.ndim not in (1, 2) or max(values.shape, default=0) != values.size:
            raise UserError(f"{path} has the shape {list(values.shape)}, expected [steps]")
        return StepLabels(_require_finite(values.astype(np.float64).ravel(), path), np.zeros(0))
    table = open_table(path, options.largest_file, as_numbers=False)
    roles = [column_roles.find_role(name, of_labels=True) for name in table.header]
    clock = column_roles.read_clock(table, roles)
    column = _find_label_column(table, roles)
    cells = table.cells(column)
    if not cells:
        raise UserError(f"{path} has no labels (zero length); correct it or delete the row")
    gap = next((i for i, cell in enumerate(cells) if is_missing_label(cell)), None)
    if gap is not None and table.matrix is None:
        raise UserError(
            f"{path} {table.counts} {table.numbers[gap]} has no label ({quote_values(cells[gap])} stands for a missing"
            " value); labels cannot be imputed: correct the file"
        )
    decimal_comma = has_decimal_comma(cells)
    remarks = (*list_format_remarks(table, decimal_comma), *column_roles.describe_clock(clock))
    parsed = table.parse(column, decimal_comma=decimal_comma)
    if not parsed.is_text and not (table.kinds and table.kinds[column] in (NOMINAL, STRING)):
        column_roles.refuse_wrong_cells(table, column, parsed)
        return StepLabels(_require_finite(parsed.values, path), clock.times, remarks)
    number = next((i for i, cell in enumerate(cells) if looks_like_number(cell)), None)
    if number is not None and not table.kinds:
        raise UserError(
            f"{path} row {table.numbers[number]} is {quote_values(cells[number])}, expected the name of a class"
        )
    if not table.kinds and table.header[column] in cells:
        raise UserError(
            f"{path} row 1 is the class {quote_values(table.header[column])}, expected the name of the column there"
        )
    return StepLabels(list(cells), clock.times, remarks)


def is_missing_label(text: str) -> bool:
    """Whether a cell says that there is no label; `none` in lower case may be the name of a class."""
    return text != "none" and is_missing(text)


def _find_label_column(table: Table, roles: Sequence[str]) -> int:
    data = [i for i, role in enumerate(roles) if role == DATA]
    # An arff file declares its types, and names of instances are strings.
    for kinds in ((NUMERIC, UNKNOWN), (NOMINAL,), (STRING,)):
        declared = [i for i in data if table.kinds and table.kinds[i] in kinds]
        if declared:
            data = declared
            break
    if len(data) > 1 and len(table.numbers) > 2:
        data = [i for i in data if not counts_rows(table.parse(i).values)] or data
    if len(data) != 1:
        names = f" ({join_columns(table.header, data)})" if data else ""
        raise UserError(
            f"{table.path} has {len(data)} columns of labels{names}, expected one beside that of the times; keep one,"
            " or write their mean"
        )
    return data[0]


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
