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

from affect_jax.datasets.release_files import quote_values, read_text
from affect_jax.errors import UserError
from affect_jax.runtime.files import write_atomic

_ATTRIBUTE = re.compile(r"""@attribute\s+('[^']*'|"[^"]*"|\S+)\s+(\S.*)""", re.IGNORECASE)
_NUMERIC = ("numeric", "real", "integer")
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
    lines = read_text(path).splitlines()
    attributes: list[tuple[str, bool]] = []
    start = None
    for number, line in enumerate(lines, start=1):
        word = line.strip()
        if word.lower().startswith("@attribute"):
            attributes.append(_parse_attribute(word, path, number))
        elif word.lower() == "@data":
            start = number
            break
        elif word and not word.startswith("%") and not word.lower().startswith("@relation"):
            raise UserError(
                f"{path}:{number} is {word[:40]!r}, expected an arff header; it may be damaged: copy it again"
            )
    if start is None or not attributes:
        raise UserError(
            f"{path} has no {'@data' if start is None else '@attribute'} line; it may be cut short: copy it again"
        )
    rows = [(n, line) for n, line in enumerate(lines[start:], start=start + 1) if line.strip() and line[0] != "%"]
    for number, line in rows:
        if line.count(",") != len(attributes) - 1:
            raise UserError(
                f"{path}:{number} has {line.count(',') + 1} columns, expected {len(attributes)}; it may be cut short:"
                " copy it again"
            )
    numeric = [i for i, (_, is_numeric) in enumerate(attributes) if is_numeric]
    textual = [i for i, (_, is_numeric) in enumerate(attributes) if not is_numeric]
    strings = {attributes[i][0]: [line.split(",")[i].strip().strip("'\"") for _, line in rows] for i in textual}
    return ArffTable(
        path=path,
        names=tuple(attributes[i][0] for i in numeric),
        values=_parse_numbers(path, rows, numeric),
        strings=strings,
        lines=np.array([number for number, _ in rows], np.int64),
    )


def _parse_attribute(line: str, path: Path, number: int) -> tuple[str, bool]:
    match = _ATTRIBUTE.fullmatch(line)
    kind = match.group(2).strip().lower() if match else ""
    if kind not in (*_NUMERIC, "string"):
        raise UserError(
            f"{path}:{number} is {line[:60]!r}, expected '@attribute NAME numeric' or '@attribute NAME string'; copy"
            " the file again"
        )
    return match.group(1).strip("'\""), kind != "string"


def _parse_numbers(path: Path, rows: list[tuple[int, str]], columns: list[int]) -> np.ndarray:
    """float64 [rows, columns] of these columns of (line number, line)."""
    if not rows or not columns:
        return np.empty((len(rows), len(columns)))
    # numpy's reader is written in C and fast, but does not say what it refused; the loop below looks for that.
    try:
        return np.loadtxt(
            [line.replace("?", "nan") for _, line in rows], delimiter=",", usecols=columns, ndmin=2, comments=None
        )
    except ValueError:
        pass
    for number, line in rows:
        fields = line.split(",")
        for column in columns:
            try:
                float(fields[column].strip().replace("?", "nan"))
            except ValueError:
                raise UserError(
                    f"{path}:{number} column {column + 1} is {quote_values(fields[column].strip())}, not a number or"
                    " '?'; copy it again"
                ) from None
    raise UserError(f"{path} does not hold a table of numbers; copy it again")


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
