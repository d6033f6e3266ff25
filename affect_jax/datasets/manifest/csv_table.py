"""The csv file of a manifest: its columns and their meaning, ids, groups and splits. No file that it names is read."""

import collections
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from affect_jax.datasets import column_roles, delimiters, tables
from affect_jax.datasets.array_files import LARGEST_FILE
from affect_jax.datasets.manifest.problems import Problems
from affect_jax.datasets.manifest.spelling import describe_difference, find_misspelt
from affect_jax.datasets.manifest.start_end import read_segments
from affect_jax.datasets.parse_numbers import is_missing
from affect_jax.datasets.release_files import quote_values
from affect_jax.errors import UserError, suggest_nearest
from affect_jax.features.segments import WHOLE, Segment

SPLITS = ("train", "validation", "test")
_SPLITS = dict.fromkeys(("dev", "devel", "development", "val", "valid"), "validation")
_SPLITS |= dict.fromkeys(("eval", "evaluation", "testing"), "test") | {"training": "train"}
_SPLITS |= {name: name for name in SPLITS}
"""What others call the splits, in lower case."""
_OWN = ("id", "split", "fold", "group", "start", "end")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_MOST_LISTED = 8


class Row(NamedTuple):
    """One item of the corpus.

    Attributes:
      number: of its row, as a spreadsheet shows it.
      id: unique.
      split: text of the column `split` or `fold`; '' where there is neither.
      group: who or what must not be in two splits; where there is no column `group`, the id, or of segments the
        recording.
      labels: name -> text; '' where the cell is empty.
      files: modality -> path; a missing modality (an empty cell, 'nan', 'NA', ...) has no entry.
      segment: the stretch of its files that it is.
    """

    number: int
    id: str
    split: str
    group: str
    labels: dict[str, str]
    files: dict[str, Path]
    segment: Segment = WHOLE


class Sheet(NamedTuple):
    """The table of a manifest.

    Attributes:
      path: of the csv file.
      rows: in the order of the file.
      labels: names of the label columns.
      modalities: names of the columns of modalities that are read.
      unread: names of the columns that are not read.
      split_column: 'split', 'fold', or '' where there is neither.
      grouped: whether rows have groups: of a column `group`, or because they are segments of a recording.
      remarks: how the file was read, where that is not the usual way.
    """

    path: Path
    rows: tuple[Row, ...]
    labels: tuple[str, ...]
    modalities: tuple[str, ...]
    unread: tuple[str, ...]
    split_column: str
    grouped: bool
    remarks: tuple[str, ...] = ()


def read_table(
    path: Path,
    modalities: Sequence[str],
    problems: Problems,
    largest_file: float = LARGEST_FILE,
    *,
    is_labelled: bool = True,
) -> Sheet:
    """Reads the table of a manifest.

    Args:
      path: a csv file with `,` `;` or tabs between its columns.
      modalities: which to read; () for all.
      problems: collects what is wrong with single rows.
      largest_file: MB that may be taken, see `text_lines`.
      is_labelled: False for a list of items to predict, which needs no labels, and whose splits and groups may mix.

    Raises:
      UserError: there is no such file, or it is not text, has no rows, or has columns that cannot be told apart, so
        that nothing else can be checked.
    """
    table = _read_rows(path, problems, largest_file)
    named = [i for i, name in enumerate(table.header) if column_roles.find_role(name) != column_roles.NAMELESS]
    header = [table.header[i] for i in named]
    before = len(problems)
    _check_header(header, problems, is_labelled)
    if len(problems) > before:
        problems.raise_if_any()
    labels = {name: name.partition(":")[2] or name for name in header if _is_label(name)}
    columns = [name for name in header if name not in _OWN and name not in labels]
    for name in modalities:
        if name not in columns:
            raise UserError(
                f"{path} has no column {name!r}{suggest_nearest(name, columns)}, which was asked for as a modality; it "
                f"has {', '.join(columns)}"
            )
    chosen = set(modalities or columns)
    wanted = tuple(name for name in columns if name in chosen)
    rows = _name_cells(table, named, problems)
    unread = tuple(name for name in columns if name not in chosen)
    rows, left_out = _leave_out_others(rows, wanted, unread) if is_labelled else (rows, ())
    items = _make_items(rows, labels, wanted, path.parent, problems)
    sheet = Sheet(
        path=path,
        rows=items,
        labels=tuple(labels.values()),
        modalities=wanted,
        unread=unread,
        split_column=next((name for name in ("split", "fold") if name in header), ""),
        grouped="group" in header,
        remarks=(*_list_remarks(table, len(named)), *_list_missing_groups(rows), *left_out),
    )
    _check_line_breaks(rows, {*_OWN, *labels, *wanted}, problems)
    _check_ids(sheet, problems)
    if is_labelled:
        _check_rows(sheet, problems)
    return sheet


def _leave_out_others(
    rows: list[tuple[int, dict[str, str]]], wanted: Sequence[str], unread: Sequence[str]
) -> tuple[list[tuple[int, dict[str, str]]], tuple[str, ...]]:
    """The rows without those that only have modalities that are not read, and what is said of these."""
    kept = [
        (number, row)
        for number, row in rows
        if any(not is_missing(row[name]) for name in wanted) or all(is_missing(row[name]) for name in unread)
    ]
    if not kept or len(kept) == len(rows):
        return rows, ()
    return kept, (f"left out: {len(rows) - len(kept)} of {len(rows)} items, which have no {' or '.join(wanted)}",)


def _make_items(
    rows: Sequence[tuple[int, dict[str, str]]],
    labels: Mapping[str, str],
    modalities: Sequence[str],
    folder: Path,
    problems: Problems,
) -> tuple[Row, ...]:
    """The rows by what their cells mean; `labels` has columns and the names of their labels."""
    segments = read_segments(rows, problems)
    return tuple(
        Row(
            number=number,
            id=row["id"],
            split=row.get("split", row.get("fold", "")),
            group=row.get("group", row["id"]),
            labels={labels[name]: row[name] for name in labels},
            files={name: folder / row[name] for name in modalities if not is_missing(row[name])},
            segment=segments.get(number, WHOLE),
        )
        for number, row in rows
    )


def _is_label(name: str) -> bool:
    return name == "label" or name.startswith("label:")


def _read_rows(path: Path, problems: Problems, largest_file: float) -> tables.Table:
    """Reads the table; rows of other widths and with broken quotes are problems."""
    if not path.is_file():
        raise UserError(f"{path} is not a file; set config.corpus.manifest to a csv file (docs/own_data.md)")
    table = tables.read_table(path, largest_file=largest_file)
    for problem in table.problems:
        problems.add(problem.row, problem.text)
    return table


def _name_cells(table: tables.Table, named: Sequence[int], problems: Problems) -> list[tuple[int, dict[str, str]]]:
    """(number, column -> cell) of the rows with content."""
    rows = [
        (number, {table.header[i]: cells[i] for i in named})
        for number, cells in zip(table.numbers, table.rows, strict=True)
        if any(cells)
    ]
    if not rows:
        problems.raise_if_any()
        raise UserError(f"{table.path} has a header but no rows; add one row for each item")
    return rows


def _list_remarks(table: tables.Table, named: int) -> Iterator[str]:
    if table.delimiter != ",":
        yield f"{delimiters.name_delimiter(table.delimiter)} between the cells"
    if named < len(table.header):
        yield "left out: a column without a name (an index)"


def _list_missing_groups(rows: Sequence[tuple[int, dict[str, str]]]) -> Iterator[str]:
    names = collections.Counter(row["group"] for _, row in rows if row.get("group") and is_missing(row["group"]))
    for name, count in names.items():
        yield f"group {quote_values(name)} of {count} rows is taken for a name; if it is missing there, name each group"


def _check_line_breaks(rows: Sequence[tuple[int, dict[str, str]]], columns: set[str], problems: Problems) -> None:
    """A line break in a cell that is read comes from a quote that is closed too late, and hides rows."""
    for number, row in rows:
        broken = next((name for name, cell in row.items() if name in columns and "\n" in cell), None)
        if broken is not None:
            problems.add(
                number, f"has a line break in column {broken!r}: {quote_values(row[broken])}; correct its quotes"
            )


def _check_header(header: Sequence[str], problems: Problems, is_labelled: bool) -> None:
    for name, count in collections.Counter(header).items():
        if count > 1:
            problems.add(1, f"has {count} columns called {quote_values(name)}; every column needs its own name")
        bare = name.partition(":")[2] if name.startswith("label:") else name
        if is_labelled and not _NAME.fullmatch(bare):  # a list may have columns of any name beside those it is read by
            problems.add(
                1, f"has a column called {quote_values(name)}; use letters, digits and _, beginning with a letter"
            )
        similar = [own for own in (*_OWN, "label") if name != own and name.lower() == own]
        if similar:
            problems.add(1, f"has a column called {name!r}; write {similar[0]!r}")
    lower = {name.lower() for name in header}
    if "id" not in lower:
        problems.add(1, f"has no column 'id'{suggest_nearest('id', header)}; every item needs a name of its own")
    if is_labelled and not any(_is_label(name) for name in lower):
        problems.add(
            1,
            f"has no column 'label' or 'label:NAME'{suggest_nearest('label', header)}, so there is nothing to learn; "
            f"its columns are {join_names(header)}: rename the one with the labels",
        )
    names = [name.partition(":")[2] or name for name in header if _is_label(name)]
    if len(set(names)) < len(names) and len(set(header)) == len(header):
        problems.add(1, "has the columns 'label' and 'label:label', which are the same; rename one")
    if {"split", "fold"} <= set(header):
        problems.add(1, "has both a column 'split' and a column 'fold'; keep one")
    if not any(name not in _OWN and not _is_label(name) for name in header):
        problems.add(1, "has no modality; add a column of paths to .npy, .npz, .csv, .arff, .wav or .flac files")


def _check_ids(sheet: Sheet, problems: Problems) -> None:
    seen: dict[str, int] = {}
    for row in sheet.rows:
        if not row.id:
            problems.add(row.number, "has no id; give the item a name of its own")
        elif row.id in seen:
            problems.add(
                row.number, f"has the id {quote_values(row.id)} of row {seen[row.id]}; every item needs its own"
            )
        seen.setdefault(row.id, row.number)


def _check_rows(sheet: Sheet, problems: Problems) -> None:
    for row in sheet.rows:
        if sheet.grouped and not row.group:
            problems.add(row.number, f"item {quote_values(row.id)} has no group; name its speaker, dialog or video")
        if sheet.split_column and is_missing(row.split):
            problems.add(
                row.number, f"item {quote_values(row.id)} has an empty cell in column {sheet.split_column!r}; fill it"
            )
        elif sheet.split_column == "split" and row.split not in SPLITS:
            known = _SPLITS.get(row.split.lower())
            guess = f" (did you mean {known!r}?)" if known else suggest_nearest(row.split, SPLITS)
            problems.add(row.number, f"has the split {quote_values(row.split)}{guess}, expected {', '.join(SPLITS)}")
        if not row.files:
            lack = f"none of the modalities {join_names(sheet.modalities)}"
            problems.add(row.number, f"item {quote_values(row.id)} has {lack}; fill a cell or delete the row")
    for name in sheet.modalities:
        if not any(name in row.files for row in sheet.rows):
            problems.add(1, f"column {name!r} is empty in every row; delete it or fill it")
    if sheet.grouped:
        _check_spelling("group", {row.number: row.group for row in sheet.rows}, problems)
    if sheet.split_column == "fold":
        _check_spelling("fold", {row.number: row.split for row in sheet.rows}, problems)
    check_groups(sheet, problems)


def _check_spelling(column: str, names: Mapping[int, str], problems: Problems) -> None:
    """Reports groups or folds that are one, spelt in several ways: they would come into several splits."""
    odd = find_misspelt(collections.Counter(names.values()), numbers=True)
    for number, name in names.items():
        if name in odd:
            problems.add(
                number,
                f"{column} {quote_values(name)} is elsewhere {quote_values(odd[name])}"
                f"{describe_difference(name, odd[name])}; write it in one way, or name them apart",
            )


def check_groups(sheet: Sheet, problems: Problems) -> None:
    """Reports groups in two splits."""
    first_rows: dict[str, Row] = {}
    reported = set()
    for row in sheet.rows:
        first = first_rows.setdefault(row.group, row)
        # One problem a group: more would bury the others.
        if row.split != first.split and row.split and first.split and row.group not in reported:
            reported.add(row.group)
            problems.add(
                row.number,
                f"group {quote_values(row.group)} is in {sheet.split_column} {quote_values(row.split)} here and in"
                f" {quote_values(first.split)} in row {first.number}; keep a group in one {sheet.split_column}",
            )


def join_names(names: Sequence[str] | Mapping[str, object]) -> str:
    """Joins names by commas and cuts long lists."""
    names = list(names)
    return ", ".join(names[:_MOST_LISTED]) + (f", ... ({len(names)})" if len(names) > _MOST_LISTED else "")
