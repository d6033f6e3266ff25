"""Reads the files of a release: where they are, strict csv, and a cheap signature of all of them."""

import csv
import hashlib
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from affect_jax.datasets.parse_numbers import convert_plain
from affect_jax.errors import UserError

MARKER = "synthetic.json"
"""A generator writes this file into its folder: the corpus' name, its parameters and its sizes."""


def find_default_data_dir() -> Path:
    """`$XDG_CACHE_HOME/affect_jax/corpora`, or `~/.cache/affect_jax/corpora`."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "affect_jax" / "corpora"


def resolve_data_dir(data_dir: str | None) -> Path:
    """`config.corpus.data_dir` as an absolute path; None is `find_default_data_dir`."""
    return Path(data_dir or find_default_data_dir()).expanduser().resolve()


def find_release_folder(manual_dir: str, content: str) -> Path:
    """The release's folder as an absolute path.

    Raises:
      UserError: there is no such folder; `content` says what it should hold.
    """
    folder = Path(manual_dir).expanduser().resolve()
    if not folder.is_dir():
        raise UserError(f"config.corpus.manual_dir {manual_dir} is not a folder; give the folder that holds {content}")
    return folder


def require_file(path: Path, content: str) -> Path:
    """Returns `path`, which must be a file.

    Raises:
      UserError: it is missing; `content` says what it holds.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing ({content}); complete the folder or correct config.corpus.manual_dir")
    return path


def sign_files(folder: Path, suffixes: Sequence[str]) -> str:
    """sha256 over the relative name, size and modification time of the folder's files with these suffixes.

    It changes when the release's files do, and reads none of them.
    """
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.suffix in suffixes and p.is_file()):
        status = path.stat()
        digest.update(os.fsencode(f"{path.relative_to(folder).as_posix()}\0{status.st_size}\0{status.st_mtime_ns}\n"))
    return digest.hexdigest()


def read_text(path: Path) -> str:
    """Reads a text file in UTF-8; drops a byte order mark and keeps line ends.

    Raises:
      UserError: the file is missing or not UTF-8.
    """
    try:
        return require_file(path, "a file of the release").read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text (byte {error.start}); it may be damaged: copy it again") from error


def write_marker(folder: Path, corpus: str, parameters: Mapping[str, Any], sizes: Mapping[str, Any]) -> None:
    """Marks a folder as the work of a generator, see `read_marker`."""
    content = {"corpus": corpus, "synthetic": True, "parameters": parameters, "sizes": sizes}
    (folder / MARKER).write_text(json.dumps(content, indent=1) + "\n")


def read_marker(folder: Path, corpus: str, like: Mapping[str, Any]) -> dict[str, Any] | None:
    """Reads what a generator wrote about its folder; None for a real release.

    Args:
      folder: of the corpus.
      corpus: its name.
      like: sizes with the names and types of those that the generator writes, such as the real release's.

    Returns:
      'sizes' and 'parameters'.

    Raises:
      UserError: the marker is damaged, belongs to another corpus, or its sizes do not have the form of `like`.
    """
    path = folder / MARKER
    if not path.is_file():
        return None
    try:
        content = json.loads(read_text(path))
        sizes, name = content["sizes"], content["corpus"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(
            f"{path} is not what a generator writes ({error!r}); make the synthetic corpus again"
        ) from error
    if name != corpus:
        raise UserError(
            f"{folder} is a synthetic {name!r} corpus, not {corpus!r}; correct config.corpus.name or manual_dir"
        )
    if not _has_form_of(sizes, like):
        raise make_sizes_error(folder, ", ".join(like))
    return {"sizes": sizes, "parameters": content.get("parameters", {})}


def make_sizes_error(folder: Path, expected: str) -> UserError:
    """The error for a marker with impossible sizes; `expected` says which they should be."""
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
    # More than a million of anything would not be a small corpus, but hours of work.
    kinds = (int, float) if isinstance(like, float) else (int,)
    return type(value) in kinds and 0 <= value < 1_000_000


def quote_values(text: str, most: int = 60) -> str:
    """Quotes text for a message, and cuts it after `most` characters."""
    return repr(text if len(text) <= most else f"{text[:most]}...")


def read_rows(path: Path, *, delimiter: str = ",", columns: int | None = None) -> list[list[str]]:
    """Reads all rows of a csv file as text; every row has the same number of columns.

    Args:
      path: the file.
      delimiter: between columns.
      columns: how many columns to expect; None takes the number in the first row.

    Raises:
      UserError: a missing or empty file, broken quotes, or a row of another width, with its number.
    """
    try:
        rows = list(csv.reader(io.StringIO(read_text(path), newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise UserError(f"{path} is not a csv file ({error}); it may be cut short: copy it again") from error
    while rows and not rows[-1]:  # blank lines at the end are not rows; elsewhere they are an error
        rows.pop()
    if not rows:
        raise UserError(f"{path} is empty; copy it again")
    width = columns or len(rows[0])
    for number, row in enumerate(rows, start=1):
        if len(row) != width:
            raise UserError(f"{path} row {number} has {len(row)} columns, expected {width}; it may be cut short")
    return rows


def parse_floats(rows: Sequence[Sequence[str]], path: Path, *, first_row: int = 1, first_column: int = 1) -> np.ndarray:
    """float64 [rows, columns]; `nan` and `inf` count as numbers here, empty and other text does not.

    Args:
      rows: equally long rows of text.
      path: the file, for messages.
      first_row: number of rows[0] in the file, from 1.
      first_column: number of the first column in the file, from 1.

    Raises:
      UserError: text that is not a number, with its row and column.
    """
    values = [convert_plain(row) for row in rows]
    if all(row is not None for row in values) and len({len(row) for row in rows}) < 2:
        return np.array(values, dtype=np.float64)
    for r, row in enumerate(rows, start=first_row):
        for c, field in enumerate(row, start=first_column):
            if convert_plain([field]) is None:
                raise UserError(
                    f"{path} row {r} column {c} is {quote_values(field)}, not a number; correct it or copy it again"
                )
    raise UserError(f"{path} does not hold a table of numbers; copy it again")


def convert_to_float32(values: np.ndarray) -> np.ndarray:
    """float32; too large values become infinite without a warning, and `missing_values` then reports them."""
    with np.errstate(over="ignore"):
        return np.asarray(values, np.float32)
