"""The thesis' tables with our figures beside its own, and what it prints of a variant of a run.

A figure of ours stands as mean ± sample standard deviation over n trials (fold x seed), with the score of a constant
answer in the same cell. Whatever a synthetic corpus made says so in its own cell and in its row's label.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

from affect_jax.errors import UserError, suggest_nearest
from affect_jax.evaluation import read
from affect_jax.evaluation.read import Figure, Run, Runs, Source
from affect_jax.reports import naming, sources, tables
from affect_jax.reports.render import write_notes
from affect_jax.reports.tables import Grid, Head, make_grid
from affect_jax.reports.thesis import NOTES, PRINTED, Column, Published, Row, Spread, Table
from affect_jax.runtime.run_folder import name_run_folder

EXPECTED = ("thesis",)
"""What published figures there are."""
NOT_RUN = "not run"


class Cell(NamedTuple):
    """A cell of a printed table: what it prints, and what ours belongs there."""

    column: Column  # its column
    published: Published  # as printed
    swapped: bool = False  # the thesis printed it under another head
    source: Source | None = None  # None where no run of ours belongs there
    run: Run | None = None  # that has the figure; None where there is none
    figure: Figure | None = None  # of the run
    recording: Figure | None = None  # the same as a mean per recording, where there is one
    constant: float | None = None  # the score of a constant answer, where it is known


def list_needed(tables: Iterable[Table]) -> tuple[str, ...]:
    """Config arguments of the runs that fill these tables, each once, in order."""
    used = (source for table in tables for row in table.rows for source in row.sources if source is not None)
    return tuple(dict.fromkeys(source.config for source in used))


def _list_cells(row: Row, table: Table, runs: Runs) -> list[Cell]:
    swapped = table.swap.columns if table.swap is not None and row.label in table.swap.rows else ()
    cells = []
    for at, (column, value) in enumerate(zip(table.columns, table.figures(row), strict=True)):
        source = row.sources[at] if row.sources else None
        cell, run = Cell(column, value, at in swapped, source), source and runs.get(source.config)
        figure = run and read.find_figure(run, source, table.split, column.metric)
        if figure is not None:
            recording = read.find_figure(run, source, table.split, f"{column.metric}_per_recording")
            constant = read.find_baseline(run, table.split, column.metric)
            cell = cell._replace(run=run, figure=figure, recording=recording, constant=constant)
        cells.append(cell)
    return cells


def _format_published(cell: Cell, fractions: bool) -> str:
    """What is printed, in the unit that it was printed in."""
    if cell.published is None:
        return "–"
    form, mark = ".1f" if tables.is_percent(cell.column.metric, fractions) else ".3f", " †" if cell.swapped else ""
    return " ± ".join(f"{value:{form}}" for value in _split_published(cell.published) if value is not None) + mark


def _format_ours(cell: Cell, fractions: bool) -> str:
    """'63.4 ± 0.8 (n=10; majority 62.1; synthetic)'."""
    if cell.run is None:
        return "" if cell.source is None else NOT_RUN
    metric, facts = cell.column.metric, [f"n={cell.figure.n}"]
    if cell.recording is not None:
        facts.append(f"per recording {tables.format_figure(cell.recording, metric, fractions)}")
    constant = tables.format_score(cell.constant, metric, fractions) or "unknown"
    facts += [f"{naming.name_baseline(cell.run)} {constant}", *(["synthetic"] if cell.run.synthetic else [])]
    return f"{tables.format_figure(cell.figure, metric, fractions)} ({'; '.join(facts)})"


def make_table(table: Table, runs: Runs) -> Grid:
    """The table as the thesis lays it out, its figure and ours side by side.

    The csv has a line a figure: units as printed, nothing rounded off.
    """
    rows, records, cells = [], [], []
    for row in table.rows:
        mine = _list_cells(row, table, runs)
        texts: dict[Head, Any] = {"": _label_row(row.label, mine)}
        for cell in mine:
            name, metric = cell.column
            head = f"{name} %" if tables.is_percent(metric, table.fractions) else name
            texts[head, "thesis"] = _format_published(cell, table.fractions)
            if not table.scored_by_owners:
                texts[head, "ours"] = _format_ours(cell, table.fractions)
        rows.append(texts)
        records += [_list_tidy(row, cell, table) for cell in mine if cell.published or cell.source]
        cells += mine
    notes = write_notes(
        "thesis_table",
        table=table,
        runs={config: runs.get(config) for config in list_needed([table])},
        fills=_list_fills(table, runs),
        cells=cells,
        corpus_notes=NOTES[table.corpus],
        sources=sources,
        name_run_folder=name_run_folder,
    )
    return make_grid(f"Table {table.number}. {table.caption}", rows, notes, records)


def _list_fills(table: Table, runs: Runs) -> list[tuple[str, tuple[str, ...]]]:
    """Rows that lack a run of ours, those that lack the same ones together, and the commands that make them."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for row in table.rows:
        lacking = dict.fromkeys(s.config for s in row.sources if s is not None and runs.get(s.config) is None)
        if lacking:
            rows.setdefault(tuple(map(_name_command, lacking)), []).append(row.label)
    return [(", ".join(labels), commands) for commands, labels in rows.items()]


def _name_command(config_arg: str) -> str:
    """What makes the run of a config argument on the corpus' own files."""
    network = sources.name_network(config_arg)
    program = "main" if network == config_arg else "baselines"
    alone = " --methods=svr --alone" if "sew_unimodal" in network and program == "baselines" else ""
    return f"python -m launch.{program} --config={network}{alone} --config.corpus.manual_dir=DIR"


def _label_row(label: str, cells: Sequence[Cell]) -> str:
    return f"{label} (synthetic)" if any(cell.run is not None and cell.run.synthetic for cell in cells) else label


def _list_tidy(row: Row, cell: Cell, table: Table) -> dict[str, Any]:
    run, source, metric = cell.run, cell.source, cell.column.metric
    scale = 100 if tables.is_percent(metric, table.fractions) else 1
    mean, std = _split_published(cell.published)
    if run is None:
        status, name = ("published", "") if source is None else (NOT_RUN, name_run_folder(source.config))
    else:
        status, name = run.mark("run"), run.path.name
    record = {"table": table.number, "row": _label_row(row.label, [cell]), "column": cell.column.label}
    record |= {"metric": metric, "split": table.split, "status": status, "thesis": mean, "thesis_std": std}
    ours, recording = (figure and figure.scale(scale) for figure in (cell.figure, cell.recording))
    record |= tables.pick_fields(ours, ours="mean", std="std", n="n")
    record |= tables.pick_fields(recording, per_recording="mean", per_recording_std="std")
    record |= {"baseline": None if cell.constant is None else scale * cell.constant}
    return record | {"baseline_kind": run and naming.name_baseline(run), "run": name}


def _split_published(published: Published) -> tuple[float | None, float | None]:
    """Mean and standard deviation of what is printed."""
    return published if isinstance(published, Spread) else (published, None)


class Expected(NamedTuple):
    """A published figure, in the unit of ours (all scores as fractions), and the table that prints it."""

    mean: float
    std: float | None
    table: str


def check_expected(name: str) -> None:
    """Raises UserError for published figures that nobody has."""
    if name and name not in EXPECTED:
        raise UserError(
            f"--expect={name}: no such published figures{suggest_nearest(name, EXPECTED)}; choose {', '.join(EXPECTED)}"
        )


@cache
def _map_expected() -> dict[tuple[str, ...], Expected]:
    """(corpus, name of the run folder, study, variant, split, metric) -> of what several tables print, the first."""
    figures: dict[tuple[str, ...], Expected] = {}
    for (source, metric), (table, value) in PRINTED.items():
        scale = 100 if tables.is_percent(metric, table.fractions) else 1
        mean, std = (number and number / scale for number in _split_published(value))
        for folder in map(name_run_folder, sources.list_candidates(source.config, False)):
            key = (table.corpus, folder, source.study, source.variant, table.split, metric)
            figures.setdefault(key, Expected(mean, std, table.number))
    return figures


def find_expected(run: Run, source: Source, split: str, metric: str) -> Expected | None:
    """The thesis' figure of a variant; None where it prints none, and for any run of a synthetic corpus."""
    if run.synthetic:
        return None
    folder = name_run_folder(run.results.config_arg)
    return _map_expected().get((run.results.corpus.name, folder, source.study, source.variant, split, metric))
