"""A column of words of a manifest -> files of numbers of word pieces, and a manifest of these.

Encoders of words that are trained read numbers. The folder is named by its content, so nothing is written twice.
"""

import csv
import hashlib
import io
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.datasets import release_files, tables
from affect_jax.datasets.manifest.problems import Problems
from affect_jax.datasets.parse_numbers import is_missing
from affect_jax.errors import UserError, join_words, suggest_nearest
from affect_jax.runtime import files

_USUAL = ("words", "text", "transcript", "sentence", "utterance")
_OWN = ("id", "split", "fold", "group", "start", "end")

Numbering = Callable[[Sequence[str]], np.ndarray]
"""Words -> float32 [T, 1], see `encoders.numbers`."""


class Numbered(NamedTuple):
    """A manifest of numbers of pieces.

    Attributes:
      manifest: the csv file.
      column: which its words were in, and their numbers are.
    """

    manifest: Path
    column: str


def number_manifest(manifest: Path, column: str | None, numbering: Numbering, out: Path) -> Numbered:
    """Writes a manifest whose column of words names files of numbers.

    Args:
      manifest: with a column of words, or of paths of `.txt` files of them. Other columns of files are left out.
      column: its name; None where it has a usual name, or is the only one that is neither a label nor a name.
      numbering: makes the numbers.
      out: a folder, in which each manifest and numbering gets its own.

    Raises:
      UserError: there is no such column, or a text cannot be read; all of these are told at once.
    """
    problems = Problems(manifest)
    table = tables.require_rows(tables.read_table(manifest))
    for problem in table.problems:
        problems.add(problem.row, problem.text)
    header = list(table.header)
    chosen = _choose_column(manifest, header, column)
    columns = {name: table.cells(at) for at, name in enumerate(header)}
    made = []
    for number, cell in zip(table.numbers, columns[chosen], strict=True):
        try:
            words = read_words(cell, manifest.parent)
            made.append(numbering(words) if words else None)
        except UserError as error:
            problems.add(number, f"{chosen}: {error}")
    problems.raise_if_any()
    kept = {name: columns[name] for name in header if _is_own(name) and name not in ("start", "end")}
    content = hashlib.sha256(repr((str(manifest.resolve()), kept)).encode())
    for values in made:
        content.update(b"-" if values is None else repr(values.shape).encode() + values.tobytes())
    folder = out / content.hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    # A file a row, as rows of a manifest may not share one.
    names = [
        "" if values is None else write_numbers(values, folder / f"{number}.npy").name
        for number, values in zip(table.numbers, made, strict=True)
    ]
    files.write_atomic(folder / "manifest.csv", _write_table({**kept, chosen: names}))
    marker = manifest.parent / release_files.MARKER
    if marker.is_file():
        shutil.copyfile(marker, folder / marker.name)
    return Numbered(folder / "manifest.csv", chosen)


def read_words(cell: str, base: Path) -> list[str]:
    """The words of a cell, or of the text file that it names; [] where it is empty.

    Raises:
      UserError: the file cannot be read.
    """
    if is_missing(cell):
        return []
    if not cell.lower().endswith(".txt"):
        return cell.split()
    path = base / files.expand_home(cell)
    try:
        return path.read_text(encoding="utf-8-sig").split()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); correct the path") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 (perhaps Latin-1); save it as UTF-8") from None


def write_numbers(values: np.ndarray, path: Path) -> Path:
    """Writes numbers where they are not there, and returns the path."""
    if not path.exists():
        buffer = io.BytesIO()
        np.save(buffer, values)
        files.write_atomic(path, buffer.getvalue())
    return path


def _choose_column(manifest: Path, header: Sequence[str], column: str | None) -> str:
    possible = [name for name in header if name and not _is_own(name)]
    if column is not None:
        if column not in possible:
            raise UserError(
                f"{manifest} has no column {column!r}{suggest_nearest(column, possible)} of words; it has "
                f"{join_words(possible)}"
            )
        return column
    usual = [name for name in possible if name.lower() in _USUAL] or possible
    if len(usual) != 1:
        raise UserError(
            f"{manifest} does not show which column has the words (there are: {join_words(possible)}); name it "
            "by --config.corpus.modalities=COLUMN"
        )
    return usual[0]


def _is_own(name: str) -> bool:
    return name in _OWN or name == "label" or name.startswith("label:")


def _write_table(columns: Mapping[str, Sequence[str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue().encode()
