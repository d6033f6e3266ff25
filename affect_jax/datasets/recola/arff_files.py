"""Reads and writes what AVEC's files use of ARFF: named string and numeric columns, `,` between them, `?` for missing.

Layout of the gold standard as AVEC 2016 shipped it (nine lines, then rows such as `dev_1,0,-0.022925`): `@relation
GOLDSTANDARD`, a blank, the three attributes, two blanks, `@data`, a blank. The
organisers' own script for the gold standard also expects the data from line 10 on.
"""

import os
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.datasets.arff_tables import NUMERIC, STRING, read_arff_table
from affect_jax.datasets.column_roles import refuse_wrong_cells
from affect_jax.datasets.release_files import quote_values
from affect_jax.datasets.tables import require_rows
from affect_jax.errors import UserError
from affect_jax.runtime.files import write_atomic

_HEADER = """@relation GOLDSTANDARD

@attribute Instance_name string
@attribute frameTime numeric
@attribute GoldStandard numeric


@data

"""


class ArffTable(NamedTuple):
    """An arff file of N rows.

    Attributes:
      path: of the file.
      names: names of the numeric columns.
      values: float64 [N, len(names)], NaN for `?`.
      strings: name of a string column -> its N values.
      lines: int [N], the line of the file that each row is on, from 1.
    """

    path: Path
    names: tuple[str, ...]
    values: np.ndarray
    strings: dict[str, list[str]]
    lines: np.ndarray


def read_arff(path: Path) -> ArffTable:
    """Reads an arff file.

    Raises:
      UserError: the file is missing or not text, has no `@data` (it is cut short), an attribute that is neither numeric
        nor string, a row of another width, or text that is not a number. The message names the file and the line.
    """
    table = require_rows(read_arff_table(path))
    other = next((i for i, kind in enumerate(table.kinds) if kind not in (NUMERIC, STRING)), None)
    if other is not None:
        raise UserError(
            f"{path} has the attribute {quote_values(table.header[other])} of type {table.kinds[other]}, expected"
            " '@attribute NAME numeric' or '@attribute NAME string'; copy the file again"
        )
    numeric = [i for i, kind in enumerate(table.kinds) if kind == NUMERIC]
    columns = [table.parse(i) for i in numeric]
    for i, column in zip(numeric, columns, strict=True):
        refuse_wrong_cells(table, i, column, "a number or '?'")
    return ArffTable(
        path=path,
        names=tuple(table.header[i] for i in numeric),
        values=np.stack([c.values for c in columns], axis=1) if columns else np.empty((len(table.numbers), 0)),
        strings={table.header[i]: table.cells(i) for i, kind in enumerate(table.kinds) if kind == STRING},
        lines=np.array(table.numbers, np.int64),
    )


def write_gold(path: Path, instance_name: str, frame_times: np.ndarray, predictions: np.ndarray) -> None:
    """Writes predictions in the form of AVEC 2016's gold standard, in which its owners score test predictions.

    Args:
      path: the file; it is written whole or not at all.
      instance_name: the recording, `test_1`.
      frame_times: [T] seconds, increasing.
      predictions: [T], finite; written with six decimals like the shipped gold standard.

    Raises:
      ValueError: the shapes differ, times do not increase, values are not finite, or arff would split the name.
      UserError: the folder cannot be written.
    """
    times, values = np.asarray(frame_times, np.float64), np.asarray(predictions, np.float64)
    if times.ndim != 1 or times.shape != values.shape:
        raise ValueError(f"frame_times {times.shape} and predictions {values.shape} must be two vectors of one length")
    if not np.isfinite(values).all() or not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise ValueError(f"the predictions of {instance_name} must be finite, at times that increase")
    if not re.fullmatch(r"[\w.-]+", instance_name):
        raise ValueError(f"instance name {instance_name!r} is not one word")
    rows = [
        f"{instance_name},{_format_seconds(t)},{v:.6f}\n" for t, v in zip(times.tolist(), values.tolist(), strict=True)
    ]
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, (_HEADER + "".join(rows)).encode())
    except OSError as error:
        raise UserError(f"cannot write {path}: {os.strerror(error.errno)}; name a writable folder") from error


def _format_seconds(time: float) -> str:
    """Formats seconds as the shipped files do, with at most two decimals: `0`, `0.04`, `300`."""
    return f"{time:.2f}".rstrip("0").rstrip(".")
