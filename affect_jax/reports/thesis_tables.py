"""The thesis' tables with our figures beside its own, and what it prints of a variant of a run.

A figure of ours stands as mean ± sample standard deviation over n trials (fold x seed), with the score of a constant
answer in the same cell. Whatever a synthetic corpus made says so in its own cell and in its row's label.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

from affect_jax.errors import UserError, suggest_nearest
from affect_jax.reports import classical, read, sources, tables
from affect_jax.reports.read import Run, Runs
from affect_jax.reports.sources import Source
from affect_jax.reports.tables import Grid, make_grid
from affect_jax.reports.thesis import NOTES, TABLES, Column, Published, Row, Spread, Table
from affect_jax.runtime.run_folder import name_run_folder

EXPECTED = ("thesis",)
"""What published figures there are."""
NOT_RUN = "not run"
_READING = (
    "ours: mean ± sample standard deviation over n trials (fold x seed); then the score of a constant answer "
    "(majority: the most frequent class; constant: one number for every step)."
)
_SYNTHETIC = "ours (synthetic) comes from a generated corpus: it shows that the code runs, nothing about the thesis."
_OWNERS = (
    "Split: the held-out test split, whose labels the corpus' owners keep: they score the predictions that are sent to "
    "them, so no figure of ours can stand here."
)


class Cell(NamedTuple):
    """A cell of a printed table: what it prints, and the run of ours that belongs there."""

    row: Row  # its row
    column: Column  # its column
    published: Published  # as printed
    swapped: bool  # the thesis printed it under another head
    source: Source | None  # None where no run of ours belongs there
    run: Run | None  # that has the figure; None where there is none


def list_needed(tables: Iterable[Table]) -> tuple[str, ...]:
    """Config arguments of the runs that fill these tables, each once, in order."""
    used = (source for table in tables for row in table.rows for source in row.sources if source is not None)
    return tuple(dict.fromkeys(source.config for source in used))


def _list_cells(row: Row, table: Table, runs: Runs) -> list[Cell]:
    swapped = table.swap.columns if table.swap is not None and row.label in table.swap.rows else ()
    cells = []
    for at, (column, value) in enumerate(zip(table.columns, table.figures(row), strict=True)):
        source = row.sources[at] if row.sources else None
        run = None if source is None else runs.get(source.config)
        if run is not None and read.find_figure(run, source, table.split, column.metric) is None:
            run = None
        cells.append(Cell(row, column, value, at in swapped, source, run))
    return cells


def _format_published(cell: Cell, fractions: bool) -> str:
    """What is printed, in the unit that it was printed in."""
    if cell.published is None:
        return "–"
    form, mark = ".1f" if tables.is_percent(cell.column.metric, fractions) else ".3f", " †" if cell.swapped else ""
    if isinstance(cell.published, Spread):
        return f"{cell.published.mean:{form}} ± {cell.published.std:{form}}{mark}"
    return f"{cell.published:{form}}{mark}"


def _format_ours(cell: Cell, table: Table) -> str:
    """'63.4 ± 0.8 (n=10; majority 62.1; synthetic)'."""
    if cell.run is None:
        return "" if cell.source is None else NOT_RUN
    metric, fractions = cell.column.metric, table.fractions
    figure = read.find_figure(cell.run, cell.source, table.split, metric)
    facts = [f"n={figure.n}"]
    recording = read.find_figure(cell.run, cell.source, table.split, f"{metric}_per_recording")
    if recording is not None:
        facts.append(f"per recording {tables.format_figure(recording, metric, fractions)}")
    constant = read.find_baseline(cell.run, table.split, metric)
    score = "unknown" if constant is None else tables.format_score(constant, metric, fractions)
    facts += [f"{read.name_baseline(cell.run)} {score}", *(["synthetic"] if cell.run.synthetic else [])]
    return f"{tables.format_figure(figure, metric, fractions)} ({'; '.join(facts)})"


def _write_notes(table: Table, runs: Runs, rows: list[list[Cell]]) -> tuple[str, ...]:
    used = {config: runs.get(config) for config in list_needed([table])}
    known = [run for run in used.values() if run is not None]
    notes = [_SYNTHETIC] if any(run.synthetic for run in known) else []
    if table.scored_by_owners:
        notes.append(_OWNERS)
    else:
        unit = (
            "Scores are fractions, as the thesis prints them here."
            if table.fractions
            else "Accuracy and F1 in percent."
        )
        notes += [f"{_READING} {unit}", *NOTES[table.corpus]]
    if table.swap is not None:
        notes.append(f"† {table.swap.why}")
    missing = [f"{name_run_folder(config)} ({config})" for config, run in used.items() if run is None]
    notes += [f"Not run: {', '.join(missing)}."] if missing else []
    notes += [read.describe_run(run) for run in known] + list(classical.write_notes(used))
    for cell in (cell for cells in rows for cell in cells if cell.source is not None and cell.run is None):
        if used[cell.source.config] is not None:
            name = used[cell.source.config].path.name
            of = f"study {cell.source.study}, variant {cell.source.variant}"
            notes.append(f"{name} has no {cell.column.metric} on {table.split} of {of}.")
    return tuple(dict.fromkeys(notes))


def make_table(table: Table, runs: Runs) -> Grid:
    """The table as the thesis lays it out, its figure and ours side by side.

    The csv has a line a figure: units as printed, nothing rounded off.
    """
    kinds = ("thesis",) if table.scored_by_owners else ("thesis", "ours")
    header: list[Any] = [""]
    for column in table.columns:
        name = f"{column.label} %" if tables.is_percent(column.metric, table.fractions) else column.label
        header += [(name, kind) for kind in kinds]
    rows, cells = [], [_list_cells(row, table, runs) for row in table.rows]
    for row, of_row in zip(table.rows, cells, strict=True):
        texts = [_label_row(row.label, of_row)]
        for cell in of_row:
            texts += [_format_published(cell, table.fractions), _format_ours(cell, table)][: len(kinds)]
        rows.append(texts)
    title, notes = f"Table {table.number}. {table.caption}", _write_notes(table, runs, cells)
    tidy = [_list_tidy(cell, table) for of_row in cells for cell in of_row if cell.published or cell.source]
    return make_grid(title, header, rows, notes, tidy)


def _label_row(label: str, cells: list[Cell]) -> str:
    return f"{label} (synthetic)" if any(cell.run is not None and cell.run.synthetic for cell in cells) else label


def _list_tidy(cell: Cell, table: Table) -> dict[str, Any]:
    run, source, metric = cell.run, cell.source, cell.column.metric
    scale = 100 if tables.is_percent(metric, table.fractions) else 1
    figure = run and read.find_figure(run, source, table.split, metric)
    recording = run and read.find_figure(run, source, table.split, f"{metric}_per_recording")
    constant = run and read.find_baseline(run, table.split, metric)
    mean, std = _split_published(cell.published)
    if run is None:
        status, name = ("published", "") if source is None else (NOT_RUN, name_run_folder(source.config))
    else:
        status, name = "run (synthetic)" if run.synthetic else "run", run.path.name
    row = {"table": table.number, "row": _label_row(cell.row.label, [cell]), "column": cell.column.label}
    row |= {"metric": metric, "split": table.split, "status": status, "thesis": mean, "thesis_std": std}
    row |= {
        "ours": figure and scale * figure.mean,
        "std": figure and _scale(figure.std, scale),
        "n": figure and figure.n,
    }
    row |= {"per_recording": recording and scale * recording.mean}
    row |= {"per_recording_std": recording and _scale(recording.std, scale)}
    row |= {"baseline": _scale(constant, scale), "baseline_kind": run and read.name_baseline(run)}
    return row | {"run": name}


def _scale(value: float | None, scale: float) -> float | None:
    return None if value is None else scale * value


def _split_published(published: Published) -> tuple[float | None, float | None]:
    """Mean and standard deviation of what is printed."""
    return published if isinstance(published, Spread) else (published, None)


class Expected(NamedTuple):
    """A published figure, in the unit of ours (all scores as fractions), and the table that prints it."""

    mean: float
    std: float | None
    table: str


_Key = tuple[str, str, str, str, str, str]  # corpus, name of the run folder, study, variant, split, metric


def check_expected(name: str) -> None:
    """Raises UserError for published figures that nobody has."""
    if name and name not in EXPECTED:
        raise UserError(
            f"--expect={name}: no such published figures{suggest_nearest(name, EXPECTED)}; choose {', '.join(EXPECTED)}"
        )


@cache
def _map_expected() -> dict[_Key, Expected]:
    """Of a variant that several tables print, the first."""
    figures: dict[_Key, Expected] = {}
    for table in TABLES.values():
        for cell in (cell for row in table.rows for cell in _list_cells(row, table, {})):
            if cell.source is None or cell.published is None:
                continue
            metric, source = cell.column.metric, cell.source
            scale = 100 if tables.is_percent(metric, table.fractions) else 1
            mean, std = _split_published(cell.published)
            figure = Expected(mean / scale, None if std is None else std / scale, table.number)
            for folder in map(name_run_folder, sources.list_candidates(source.config, False)):
                key = (table.corpus, folder, source.study, source.variant, table.split, metric)
                figures.setdefault(key, figure)
    return figures


def find_expected(run: Run, source: Source, split: str, metric: str) -> Expected | None:
    """The thesis' figure of a variant; None where it prints none, and for any run of a synthetic corpus."""
    if run.synthetic:
        return None
    folder = name_run_folder(run.results.config_arg)
    return _map_expected().get((run.results.corpus.name, folder, source.study, source.variant, split, metric))
