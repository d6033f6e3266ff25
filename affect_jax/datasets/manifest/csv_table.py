"""The csv file itself: its columns and what they are for, ids, groups and parts. Nothing that it names is read here."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from affect_jax.datasets.manifest.problems import Problems
from affect_jax.datasets.release_files import quote_values
from affect_jax.errors import UserError, suggest_nearest

SPLITS = ("train", "validation", "test")
_OWN = ("id", "split", "fold", "group")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_MOST_LISTED = 8


class Row(NamedTuple):
    """One item of the corpus.

    Attributes:
      number: of its row, as a spreadsheet shows it.
      id: unique.
      part: what is in the column `split` or `fold`; '' where there is neither.
      group: who or what must not be on two sides; the id where there is no such column.
      labels: name -> text; '' where the cell is empty.
      files: modality -> path; a missing modality has no entry.
    """

    number: int
    id: str
    part: str
    group: str
    labels: dict[str, str]
    files: dict[str, Path]


class Sheet(NamedTuple):
    """A manifest whose table is in order.

    Attributes:
      path: of the csv file.
      rows: in its order.
      labels: names of the label columns.
      modalities: names of the modalities' columns, those that are read.
      unread: names of the columns that are not.
      parts: 'split', 'fold' or ''.
      grouped: whether there is a column `group`.
    """

    path: Path
    rows: tuple[Row, ...]
    labels: tuple[str, ...]
    modalities: tuple[str, ...]
    unread: tuple[str, ...]
    parts: str
    grouped: bool


def read_table(path: Path, modalities: Sequence[str], problems: Problems) -> Sheet:
    """The manifest's table.

    Args:
      path: a csv file with `,` `;` or tabs between its columns.
      modalities: which to read; () for all.
      problems: gets what is wrong with single rows.

    Raises:
      UserError: no such file, no text, no rows, or columns that cannot be told apart: then nothing else can be checked.
    """
    header, rows = _read_rows(path, problems)
    before = len(problems)
    _check_header(header, problems)
    if len(problems) > before:
        problems.stop()
    labels = {name: name.partition(":")[2] or name for name in header if _is_label(name)}
    there = [name for name in header if name not in _OWN and name not in labels]
    for name in modalities:
        if name not in there:
            raise UserError(
                f"config.corpus.modalities names {name!r}{suggest_nearest(name, there)}, which is no column of {path}; its"
                f" modalities are {', '.join(there)}"
            )
    wanted = tuple(name for name in there if name in modalities) if modalities else tuple(there)
    found = [
        Row(
            number=number,
            id=row["id"],
            part=row.get("split", row.get("fold", "")),
            group=row.get("group", row["id"]),
            labels={labels[name]: row[name] for name in labels},
            files={name: path.parent / row[name] for name in wanted if row[name]},
        )
        for number, row in rows
    ]
    sheet = Sheet(
        path=path,
        rows=tuple(found),
        labels=tuple(labels.values()),
        modalities=wanted,
        unread=tuple(name for name in there if name not in wanted),
        parts=next((name for name in ("split", "fold") if name in header), ""),
        grouped="group" in header,
    )
    _check_rows(sheet, problems)
    return sheet


def _is_label(name: str) -> bool:
    return name == "label" or name.startswith("label:")


def _read_rows(path: Path, problems: Problems) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """The header, and (number, column -> cell) of every row that is not blank; rows of another width are problems."""
    if not path.is_file():
        raise UserError(f"{path} is not a file; set config.corpus.manifest to a csv file (docs/own_data.md)")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text (byte {error.start}); save it as csv in UTF-8") from error
    first = text.partition("\n")[0]
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True))
    except csv.Error as error:
        raise UserError(f"{path} is not a csv file ({error}); save it again") from error
    rows = [[cell.strip() for cell in row] for row in rows]
    if not rows or not any(rows[0]):
        raise UserError(f"{path} has no header in row 1; expected columns id, label and one a modality")
    header, found = rows[0], []
    while header and not header[-1]:  # spreadsheets leave empty columns behind the last one
        header.pop()
    for number, row in enumerate(rows[1:], start=2):
        if not any(row):
            continue
        if len(row) < len(header) or any(row[len(header) :]):
            problems.add(number, f"has {len(row)} cells, expected {len(header)}; quote cells with commas in them")
            continue
        found.append((number, dict(zip(header, row, strict=False))))
    if not found and not problems:
        raise UserError(f"{path} has a header but no rows; expected one an item")
    return header, found


def _check_header(header: Sequence[str], problems: Problems) -> None:
    for name in dict.fromkeys(header):
        if header.count(name) > 1:
            problems.add(
                1, f"has {header.count(name)} columns called {quote_values(name)}; every column needs its own name"
            )
        plain = name.partition(":")[2] if name.startswith("label:") else name
        if not _NAME.fullmatch(plain):
            problems.add(
                1, f"has a column called {quote_values(name)}; use letters, digits and _, beginning with a letter"
            )
        similar = [own for own in (*_OWN, "label") if name != own and name.lower() == own]
        if similar:
            problems.add(1, f"has a column called {name!r}; write {similar[0]!r}")
    if "id" not in header:
        problems.add(1, f"has no column 'id'{suggest_nearest('id', header)}; every item needs a name of its own")
    if not any(_is_label(name) for name in header):
        problems.add(
            1, f"has no column 'label' or 'label:NAME'{suggest_nearest('label', header)}; there is nothing to learn"
        )
    names = [name.partition(":")[2] or name for name in header if _is_label(name)]
    if len(set(names)) < len(names) and len(set(header)) == len(header):
        problems.add(1, "has the columns 'label' and 'label:label', which are the same; rename one")
    if {"split", "fold"} <= set(header):
        problems.add(1, "has both a column 'split' and a column 'fold'; keep one")
    if not any(name not in _OWN and not _is_label(name) for name in header):
        problems.add(1, "has no modality; add a column of paths to .npy, .npz, .csv, .arff, .wav or .flac files")


def _check_rows(sheet: Sheet, problems: Problems) -> None:
    seen: dict[str, int] = {}
    for row in sheet.rows:
        if not row.id:
            problems.add(row.number, "has no id; give the item a name of its own")
        elif row.id in seen:
            problems.add(
                row.number, f"has the id {quote_values(row.id)} of row {seen[row.id]}; every item needs its own"
            )
        seen.setdefault(row.id, row.number)
        if sheet.grouped and not row.group:
            problems.add(row.number, f"item {quote_values(row.id)} has no group; name its speaker, dialog or video")
        if sheet.parts and not row.part:
            problems.add(
                row.number, f"item {quote_values(row.id)} has an empty cell in column {sheet.parts!r}; fill it"
            )
        elif sheet.parts == "split" and row.part not in SPLITS:
            guess = suggest_nearest(row.part, SPLITS)
            problems.add(row.number, f"has the split {quote_values(row.part)}{guess}, expected {', '.join(SPLITS)}")
        if not row.files:
            what = f"none of the modalities {join_names(sheet.modalities)}"
            problems.add(row.number, f"item {quote_values(row.id)} has {what}; fill a cell or delete the row")
    for name in sheet.modalities:
        if not any(name in row.files for row in sheet.rows):
            problems.add(1, f"column {name!r} is empty in every row; delete it or fill it")
    _check_groups(sheet, problems)


def _check_groups(sheet: Sheet, problems: Problems) -> None:
    """A group on two sides, and a file that two groups share, are leaks."""
    sides: dict[str, Row] = {}
    told = set()
    for row in sheet.rows:
        first = sides.setdefault(row.group, row)
        if row.part != first.part and row.part and first.part and row.group not in told:
            told.add(row.group)
            problems.add(
                row.number,
                f"group {quote_values(row.group)} is in {sheet.parts} {quote_values(row.part)} here and in {quote_values(first.part)} in row"
                f" {first.number}; put it on one side",
            )
    owners: dict[tuple[str, Path], Row] = {}
    for row in sheet.rows:
        for modality, file in row.files.items():
            first = owners.setdefault((modality, file), row)
            if sheet.grouped and first.group != row.group:
                problems.add(
                    row.number,
                    f"{modality} {quote_values(str(file))} is also that of row {first.number}, of another group; one of the"
                    " two is wrong",
                )


def join_names(names: Sequence[str] | Mapping[str, object]) -> str:
    """The names with commas between, cut after some."""
    names = list(names)
    return ", ".join(names[:_MOST_LISTED]) + (f", ... ({len(names)})" if len(names) > _MOST_LISTED else "")
