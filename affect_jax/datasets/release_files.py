"""Reading a release's folder: where things are, strict csv, and a cheap signature of what is there."""

import csv
import hashlib
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from affect_jax.errors import UserError

MARKER = "synthetic.json"
"""A folder with this file was made by a generator: it holds the corpus' name, its parameters and its sizes."""


def find_default_data_dir() -> Path:
    """`$XDG_CACHE_HOME/affect_jax/corpora`, or `~/.cache/affect_jax/corpora`."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "affect_jax" / "corpora"


def find_release_folder(manual_dir: str, what: str) -> Path:
    """The release's folder, absolute.

    Raises:
      UserError: it is not there; `what` says what it should hold.
    """
    folder = Path(manual_dir).expanduser().resolve()
    if not folder.is_dir():
        raise UserError(f"config.corpus.manual_dir {manual_dir} is not a folder; give the folder that holds {what}")
    return folder


def require_file(path: Path, what: str) -> Path:
    """`path`, which must be a file.

    Raises:
      UserError: it is missing; `what` says what it is.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing ({what}); complete the folder or correct config.corpus.manual_dir")
    return path


def sign_files(folder: Path, suffixes: Sequence[str]) -> str:
    """sha256 over the relative name, size and modification time of the folder's files with these suffixes.

    It changes when the release's files do, and costs no reading.
    """
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.suffix in suffixes and p.is_file()):
        status = path.stat()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def read_text(path: Path) -> str:
    """A text file in UTF-8 (a byte order mark is dropped), line ends as they are.

    Raises:
      UserError: it is missing or not UTF-8.
    """
    try:
        return require_file(path, "a file of the release").read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text (byte {error.start}); it may be damaged: copy it again") from error


def read_marker(folder: Path, corpus: str, like: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a generator wrote about its folder; None for a real release.

    Args:
      folder: the corpus'.
      corpus: its name.
      like: sizes of the same names and kinds as those that the generator writes: the real release's.

    Raises:
      UserError: it is not readable, or of another corpus, or its sizes are not `like` that.
    """
    path = folder / MARKER
    if not path.is_file():
        return None
    try:
        found = json.loads(read_text(path))
        sizes, name = found["sizes"], found["corpus"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path} is not what a generator writes ({error!r}); make the synthetic corpus again"
        ) from error
    if name != corpus:
        raise UserError(
            f"{folder} is a synthetic {name!r} corpus, not {corpus!r}; correct config.corpus.name or manual_dir"
        )
    if not _has_form_of(sizes, like):
        raise make_sizes_error(folder, ", ".join(like))
    return {"sizes": sizes, "parameters": found.get("parameters", {})}


def make_sizes_error(folder: Path, expected: str) -> UserError:
    """The error of a marker whose sizes cannot be; `expected` says which they should be."""
    return UserError(
        f"the sizes in {folder / MARKER} are not what the generator writes ({expected}); make the synthetic corpus"
        " again"
    )


def _has_form_of(value: Any, like: Any) -> bool:
    if isinstance(like, Mapping):
        return (
            isinstance(value, dict)
            and value.keys() == like.keys()
            and all(_has_form_of(value[k], like[k]) for k in like)
        )
    if isinstance(like, tuple):
        return isinstance(value, list) and all(_has_form_of(v, like[0]) for v in value)
    if isinstance(like, str):
        return isinstance(value, str)
    # More than a million would be no small corpus, but hours of work.
    kinds = (int, float) if isinstance(like, float) else (int,)
    return type(value) in kinds and 0 <= value < 1_000_000


def quote_values(text: str, most: int = 60) -> str:
    """The text in quotes for a message, cut where it is longer than `most` characters."""
    return repr(text if len(text) <= most else f"{text[:most]}...")


def read_rows(path: Path, *, delimiter: str = ",", columns: int | None = None) -> list[list[str]]:
    """All rows of a csv file as text, every one with the same number of columns.

    Args:
      path: the file.
      delimiter: between columns.
      columns: how many there must be; None takes the first row's number.

    Raises:
      UserError: missing or empty file, broken quotes, or a row of another width, named by its row.
    """
    try:
        rows = list(csv.reader(io.StringIO(read_text(path), newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise UserError(f"{path} is not a csv file ({error}); it may be cut short: copy it again") from error
    while rows and not rows[-1]:  # blank lines at the end are no rows; elsewhere they are an error
        rows.pop()
    if not rows:
        raise UserError(f"{path} is empty; copy it again")
    width = columns or len(rows[0])
    for number, row in enumerate(rows, start=1):
        if len(row) != width:
            raise UserError(f"{path} row {number} has {len(row)} columns, expected {width}; it may be cut short")
    return rows


def parse_floats(rows: Sequence[Sequence[str]], path: Path, *, first_row: int = 1, first_column: int = 1) -> np.ndarray:
    """float64 [rows, columns]; `nan` and `inf` are numbers here, empty or other text is not.

    Args:
      rows: equally long rows of text.
      path: named in errors.
      first_row: the number that rows[0] has in the file, from 1.
      first_column: the number that the first column has in the file, from 1.

    Raises:
      UserError: text that is not a number, with its row and column.
    """
    try:
        return np.array(rows, dtype=np.float64)
    except ValueError:
        pass
    for r, row in enumerate(rows, start=first_row):
        for c, field in enumerate(row, start=first_column):
            try:
                float(field)
            except ValueError:
                raise UserError(
                    f"{path} row {r} column {c} is {quote_values(field)}, not a number; mend or copy it again"
                ) from None
    raise UserError(f"{path} does not hold a table of numbers")


def convert_to_float32(values: np.ndarray) -> np.ndarray:
    """float32, where what is too large becomes infinite (and is then met by `nonfinite`) without a warning."""
    with np.errstate(over="ignore"):
        return np.asarray(values, np.float32)
