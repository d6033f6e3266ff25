"""Columns of a manifest -> features by pretrained encoders, and a manifest of these.

Every (file, stretch, weights, layer) is computed once and kept by content, so a command that was killed goes on, and
files that are renamed are not computed again.
"""

import csv
import hashlib
import io
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.datasets import tables
from affect_jax.datasets.manifest.problems import Problems
from affect_jax.datasets.manifest.start_end import read_segments
from affect_jax.datasets.parse_numbers import is_missing
from affect_jax.encoders import extract
from affect_jax.encoders.extract import Extractor
from affect_jax.errors import UserError, suggest_nearest
from affect_jax.features import sound_files
from affect_jax.features.audio import Sound
from affect_jax.features.segments import WHOLE, Segment, cut_sound, hold_last, name_segment
from affect_jax.runtime import files

RATE = 16_000
_VERSION = 1
"""To be raised whenever extraction gives other numbers: what is kept is then not used."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
_DIGITS = re.compile(r"(\d+)")
_OWN = ("id", "split", "fold", "group", "start", "end")


class Wanted(NamedTuple):
    """One entry of --features: `modality=column:source`."""

    modality: str
    column: str
    source: str


class Row(NamedTuple):
    """A row of the manifest.

    Attributes:
      number: as a spreadsheet shows it.
      cells: column -> text.
      segment: the stretch of its files.
    """

    number: int
    cells: dict[str, str]
    segment: Segment


def parse_features(text: str) -> tuple[Wanted, ...]:
    """Reads `voice=clip:DIR, words=transcript:DIR@8`.

    Raises:
      UserError: it has another form, or names a modality twice.
    """
    wanted = []
    for part in filter(None, map(str.strip, text.split(","))):
        modality, is_equal, rest = part.partition("=")
        column, is_colon, source = rest.partition(":")
        if not (is_equal and is_colon and column and source and _NAME.fullmatch(modality)):
            raise UserError(
                f"--features has {part!r}, expected MODALITY=COLUMN:ENCODER, such as voice=clip:DIR; correct it"
            )
        if modality in {one.modality for one in wanted}:
            raise UserError(f"--features makes {modality!r} twice; give one of them another name")
        wanted.append(Wanted(modality, column, source))
    if not wanted:
        raise UserError("--features is empty; say MODALITY=COLUMN:ENCODER, such as voice=clip:DIR")
    return tuple(wanted)


def extract_features(manifest: Path, features: str, out: Path) -> Iterator[str]:
    """Computes what `features` says and writes the manifest `out`/manifest.csv with the files of features.

    Columns that features are made of are left out of it, others are kept. With `start` and `end`, features are of the
    stretches, so these columns are left out, too, and the recordings become the groups where there is no `group`.

    Args:
      manifest: the csv file.
      features: see `parse_features`.
      out: a folder.

    Yields:
      Lines of what is done.

    Raises:
      UserError: a column is missing, an encoder cannot be loaded, or files cannot be used; all of them are named, and
        what could be computed is kept.
    """
    wanted, problems = parse_features(features), Problems(manifest)
    header, rows = _read_rows(manifest, wanted, problems)
    folder = out / "features"
    folder.mkdir(parents=True, exist_ok=True)
    made: dict[str, dict[int, str]] = {}
    for one in wanted:
        extractor = extract.load_extractor(one.source)
        compute = {"sound": _extract_sound, "words": _extract_words, "images": _extract_images}[extractor.encoder.kind]
        made[one.modality] = {}
        yield from compute(
            one, extractor, rows, manifest.parent, folder=folder, made=made[one.modality], problems=problems
        )
    problems.raise_if_any()
    path = out / "manifest.csv"
    files.write_atomic(path, _write_manifest(header, rows, wanted, made, manifest.parent))
    yield f"written      {path}"


def _read_rows(manifest: Path, wanted: Sequence[Wanted], problems: Problems) -> tuple[list[str], list[Row]]:
    table = tables.require_rows(tables.read_table(manifest))
    for problem in table.problems:
        problems.add(problem.row, problem.text)
    header = list(table.header)
    for one in wanted:
        if one.column not in header:
            raise UserError(
                f"{manifest} has no column {one.column!r}{suggest_nearest(one.column, header)}, of which --features "
                f"makes {one.modality!r}; it has {', '.join(header)}"
            )
        if one.modality in _OWN or (one.modality in header and one.modality not in {w.column for w in wanted}):
            raise UserError(
                f"--features makes {one.modality!r}, but {manifest} has a column of this name; choose another"
            )
    columns = [table.cells(at) for at in range(len(header))]
    cells = [dict(zip(header, row, strict=True)) for row in zip(*columns, strict=True)]
    segments = read_segments(list(zip(table.numbers, cells, strict=True)), problems)
    problems.raise_if_any()
    used = {one.column for one in wanted}
    kept = [name for name in header if not _is_own(name) and name not in used]
    if segments and kept:
        raise UserError(
            f"{manifest} has stretches (start, end), and the columns {', '.join(kept)}, of which --features makes "
            "nothing; leave these columns out, or make features of them"
        )
    rows = [Row(n, row, segments.get(n, WHOLE)) for n, row in zip(table.numbers, cells, strict=True)]
    return header, rows


def _extract_sound(
    wanted: Wanted,
    extractor: Extractor,
    rows: Sequence[Row],
    base: Path,
    *,
    folder: Path,
    made: dict[int, str],
    problems: Problems,
) -> Iterator[str]:
    """Fills `made`, number of a row -> name of its file of features."""
    decode, hashes = hold_last(sound_files.decode_audio), {}
    todo: list[tuple[Path, Row, Path]] = []
    for row in rows:
        cell = row.cells[wanted.column]
        if is_missing(cell):
            continue
        path = base / Path(cell).expanduser()
        try:
            hashes[path] = hashes.get(path) or files.hash_file(path)
        except OSError as error:
            problems.add(row.number, f"{wanted.column}: {path} cannot be read ({error.strerror}); correct the path")
            continue
        kept = folder / f"{_make_key(extractor, hashes[path], row.segment)}.npy"
        made[row.number] = kept.name
        if not kept.exists():
            todo.append((path, row, kept))
    yield _announce(wanted, len(made), len(todo), "recordings")
    lengths, usable = [], []
    for path, row, kept in todo:
        try:
            lengths.append(len(_read_samples(path, row.segment, decode)))
            extract.check_length(lengths[-1], name_segment(str(path), row.segment))
            usable.append((path, row, kept))
        except UserError as error:
            del lengths[len(usable) :]
            problems.add(row.number, f"{wanted.column}: {error}")
    began, done = time.monotonic(), 0.0

    def read(number: int) -> np.ndarray:
        path, row, _ = usable[number]
        return _read_samples(path, row.segment, decode)

    for number, features in extract.extract_sounds(extractor, lengths, read):
        _keep(usable[number][2], features)
        done += lengths[number] / RATE
        if time.monotonic() - began > 10:
            left = (time.monotonic() - began) * (sum(lengths) / RATE / done - 1)
            yield f"{wanted.modality:<12} {done:.0f} of {sum(lengths) / RATE:.0f} s of sound, about {left:.0f} s left"
            began += 10


def _extract_words(
    wanted: Wanted,
    extractor: Extractor,
    rows: Sequence[Row],
    base: Path,
    *,
    folder: Path,
    made: dict[int, str],
    problems: Problems,
) -> Iterator[str]:
    """Fills `made`, number of a row -> name of its file of features."""
    todo: dict[Path, list[str]] = {}
    for row in rows:
        try:
            words = _read_words(row.cells[wanted.column], base)
        except UserError as error:
            problems.add(row.number, f"{wanted.column}: {error}")
            continue
        if not words:
            continue
        kept = folder / f"{_make_key(extractor, ' '.join(words), WHOLE)}.npy"
        made[row.number] = kept.name
        if not kept.exists():
            todo[kept] = words
    yield _announce(wanted, len(made), len(todo), "texts")
    paths = list(todo)
    for number, features in extract.extract_words(extractor, [todo[path] for path in paths]):
        _keep(paths[number], features)


def _extract_images(
    wanted: Wanted,
    extractor: Extractor,
    rows: Sequence[Row],
    base: Path,
    *,
    folder: Path,
    made: dict[int, str],
    problems: Problems,
) -> Iterator[str]:
    """Fills `made`, number of a row -> name of its file of features."""
    todo: list[tuple[Row, list[Path], Path]] = []
    for row in rows:
        if is_missing(row.cells[wanted.column]):
            continue
        try:
            if row.segment != WHOLE:
                raise UserError("pictures have no times, so start and end say nothing of them; leave these out")
            frames = _list_frames(base / Path(row.cells[wanted.column]).expanduser())
            content = " ".join(map(files.hash_file, frames))
        except (OSError, UserError) as error:
            problems.add(row.number, f"{wanted.column}: {error}")
            continue
        kept = folder / f"{_make_key(extractor, content, WHOLE)}.npy"
        made[row.number] = kept.name
        if not kept.exists():
            todo.append((row, frames, kept))
    yield _announce(wanted, len(made), len(todo), "folders of frames")
    for row, frames, kept in todo:
        try:
            _keep(kept, extract.extract_images(extractor, frames))
        except UserError as error:
            problems.add(row.number, f"{wanted.column}: {error}")


def _list_frames(path: Path) -> list[Path]:
    """The pictures of a folder in the order of their names, numbers by value; or the one that is named."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UserError(f"{path} is neither a folder of pictures nor a picture; correct the path")
    frames = [file for file in path.iterdir() if file.suffix.lower() in _PICTURES]
    if not frames:
        raise UserError(f"{path} has no pictures ({', '.join(_PICTURES)}); correct the path")
    return sorted(frames, key=_order_by_numbers)


def _order_by_numbers(file: Path) -> list[tuple[int, int, str]]:
    """A key that sorts 2.png before 10.png."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in _DIGITS.split(file.name)]


def _announce(wanted: Wanted, count: int, todo: int, what: str) -> str:
    return f"{wanted.modality:<12} {count} {what} of the column {wanted.column} by {wanted.source}, {todo} to compute"


def _read_samples(path: Path, segment: Segment, decode: Callable[[Path], Sound]) -> np.ndarray:
    sound = cut_sound(decode(path), segment, str(path))
    name = name_segment(str(path), segment)
    samples = sound_files.resample_sound(sound, RATE, name)
    sound_files.check_sounding(samples, sound, RATE, name)
    return samples


def _read_words(cell: str, base: Path) -> list[str]:
    """The words of a cell, or of the text file that it names."""
    if is_missing(cell):
        return []
    if not cell.lower().endswith(".txt"):
        return cell.split()
    path = base / Path(cell).expanduser()
    try:
        return path.read_text(encoding="utf-8-sig").split()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); correct the path") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 (perhaps Latin-1); save it as UTF-8") from None


def _make_key(extractor: Extractor, content: str, segment: Segment) -> str:
    text = f"{_VERSION} {extractor.identity} {content} {segment.start} {segment.end}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _keep(path: Path, features: np.ndarray) -> None:
    buffer = io.BytesIO()
    np.save(buffer, features.astype(np.float32))
    files.write_atomic(path, buffer.getvalue())


def _is_own(name: str) -> bool:
    return name in _OWN or name == "label" or name.startswith("label:")


def _write_manifest(
    header: Sequence[str],
    rows: Sequence[Row],
    wanted: Sequence[Wanted],
    made: Mapping[str, Mapping[int, str]],
    base: Path,
) -> bytes:
    """The new csv: paths are absolute or, of features, relative to it."""
    used = dict.fromkeys(one.column for one in wanted)
    cut = any(row.segment != WHOLE for row in rows)
    kept = [name for name in header if name and name not in used and not (cut and name in ("start", "end"))]
    grouped = cut and "group" not in header
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*kept, *(["group"] if grouped else []), *made])
    for row in rows:
        cells = [_spell_cell(name, row.cells[name], base) for name in kept]
        group = [next((row.cells[name] for name in used if not is_missing(row.cells[name])), "")] if grouped else []
        writer.writerow([*cells, *group, *(_name_file(files_of.get(row.number)) for files_of in made.values())])
    return text.getvalue().encode()


def _name_file(name: str | None) -> str:
    return f"features{os.sep}{name}" if name else ""


def _spell_cell(column: str, cell: str, base: Path) -> str:
    """A cell of a kept column; a path to a file becomes absolute, as the new csv is elsewhere."""
    if column in _OWN or is_missing(cell) or len(cell) > 4096:
        return cell
    path = base / Path(cell).expanduser()
    return str(path.resolve()) if path.is_file() else cell
