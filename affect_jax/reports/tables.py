"""The thesis' tables with our figures beside its own.

A figure of ours stands as mean ± sample standard deviation over n rows (fold x seed), with the score of a constant
answer in the same cell. Whatever a synthetic corpus made says so in its own cell and in its row's label.
"""

from collections.abc import Iterable, Mapping

from affect_jax.reports import classical, folders, formats
from affect_jax.reports.folders import Figure, Run
from affect_jax.reports.formats import Grid
from affect_jax.reports.sources import Source
from affect_jax.reports.thesis import NOTES, Column, Published, Row, Spread, Table
from affect_jax.runtime.run_folder import name_run_folder

Runs = Mapping[str, Run | None]  # config argument -> its run, None where it was not run

PERCENT = ("accuracy", "uar", "weighted_f1", "macro_f1")
_LABELS = {
    "accuracy": "accuracy %",
    "uar": "UAR %",
    "weighted_f1": "weighted F1 %",
    "macro_f1": "macro F1 %",
    "ccc": "CCC",
    "pcc": "PCC",
    "rmse": "RMSE",
    "log_loss": "log loss",
}
NOT_RUN = "not run"
_READING = (
    "ours: mean ± sample standard deviation over n rows (fold x seed); then the score of a constant answer "
    "(majority: the most frequent class; constant: one number for every step)."
)
_PERCENT_NOTE = f"{_READING} Accuracy and F1 in percent."
_FRACTIONS_NOTE = f"{_READING} Scores are fractions, as the thesis prints them here."
_SYNTHETIC = "ours (synthetic) comes from a generated corpus: it shows that the code runs, nothing about the thesis."


def _in_percent(metric: str, fractions: bool) -> bool:
    return metric in PERCENT and not fractions


def number(value: float, metric: str, fractions: bool = False) -> str:
    """A score of a metric as printed: percent with one decimal, or (always with `fractions`) a fraction with three."""
    return f"{100 * value:.1f}" if _in_percent(metric, fractions) else f"{value:.3f}"


def label(metric: str) -> str:
    """A metric's name as a column head."""
    return _LABELS.get(metric, metric)


def needed(tables: Iterable[Table]) -> tuple[str, ...]:
    """Config arguments of the runs that fill these tables, each once, in order."""
    sources = (source for table in tables for row in table.rows for source in row.sources if source is not None)
    return tuple(dict.fromkeys(source.config for source in sources))


def mean_std(figure: Figure, metric: str, fractions: bool = False) -> str:
    """'63.4 ± 0.8', or the mean alone of a single row."""
    spread = "" if figure.std is None else f" ± {number(figure.std, metric, fractions)}"
    return number(figure.mean, metric, fractions) + spread


def _published(value: Published, metric: str, fractions: bool, mark: str = "") -> str:
    """A printed cell, in the unit that it was printed in."""
    if value is None:
        return "–"
    form = ".1f" if _in_percent(metric, fractions) else ".3f"
    if isinstance(value, Spread):
        return f"{value.mean:{form}} ± {value.std:{form}}{mark}"
    return f"{value:{form}}{mark}"


def _cell(run: Run, source: Source, split: str, metric: str, fractions: bool = False) -> str | None:
    """'63.4 ± 0.8 (n=10; majority 62.1; synthetic)', or None where the run has no such figure."""
    figure = folders.figure(run, source, split, metric)
    if figure is None:
        return None
    parts = [f"n={figure.n}"]
    recording = folders.figure(run, source, split, f"{metric}_per_recording")
    if recording is not None:
        parts.append(f"per recording {mean_std(recording, metric, fractions)}")
    constant = folders.baseline(run, split, metric)
    said = "unknown" if constant is None else number(constant, metric, fractions)
    parts.append(f"{folders.baseline_name(run)} {said}")
    if run.synthetic:
        parts.append("synthetic")
    return f"{mean_std(figure, metric, fractions)} ({'; '.join(parts)})"


def _sources(row: Row, table: Table) -> tuple[Source | None, ...]:
    return row.sources or (None,) * len(table.columns)


def _filled(source: Source | None, column: Column, table: Table, runs: Runs) -> Run | None:
    """The run that fills a cell, or None: no run of ours belongs there, or it holds no such figure."""
    run = None if source is None else runs.get(source.config)
    if run is None or source is None or folders.figure(run, source, table.split, column.metric) is None:
        return None
    return run


def _row_label(row: Row, table: Table, runs: Runs) -> str:
    filled = [_filled(s, c, table, runs) for s, c in zip(_sources(row, table), table.columns, strict=True)]
    return f"{row.label} (synthetic)" if any(run is not None and run.synthetic for run in filled) else row.label


def _notes(table: Table, runs: Runs) -> tuple[str, ...]:
    notes = []
    used = {config: runs.get(config) for config in needed([table])}
    if any(run is not None and run.synthetic for run in used.values()):
        notes.append(_SYNTHETIC)
    if table.scored_by_owners:
        notes.append(
            "Part: the held-out test part, whose labels the corpus' owners keep: they score the predictions that are "
            "sent to them, so no figure of ours can stand here."
        )
    else:
        notes += [_FRACTIONS_NOTE if table.fractions else _PERCENT_NOTE, *NOTES[table.corpus]]
    if table.swap is not None:
        notes.append(f"† {table.swap.why}")
    missing = [config for config, run in used.items() if run is None]
    if missing:
        notes.append(f"Not run: {', '.join(f'{name_run_folder(c)} ({c})' for c in missing)}.")
    notes += [folders.describe(run) for run in used.values() if run is not None]
    notes += classical.notes(used)
    for row in table.rows:
        for source, column in zip(_sources(row, table), table.columns, strict=True):
            run = None if source is None else used[source.config]
            if run is not None and source is not None and _filled(source, column, table, runs) is None:
                notes.append(
                    f"{run.path.name} has no {column.metric} on {table.split} of study {source.study}, "
                    f"cell {source.cell}."
                )
    return tuple(dict.fromkeys(notes))


def _title(table: Table) -> str:
    return f"Table {table.number}. {table.caption}"


def beside(table: Table, runs: Runs, command: str = "") -> Grid:
    """The table as the thesis lays it out, its figure and ours side by side."""
    ours = not table.scored_by_owners
    header = [("", "")]
    for column in table.columns:
        name = f"{column.label} %" if _in_percent(column.metric, table.fractions) else column.label
        header += [(name, "thesis"), (name, "ours")] if ours else [(name, "thesis")]
    rows = []
    for row in table.rows:
        swapped = table.swap.columns if table.swap is not None and row.label in table.swap.rows else ()
        cells = [_row_label(row, table, runs)]
        for i, (source, column, value) in enumerate(
            zip(_sources(row, table), table.columns, table.figures(row), strict=True)
        ):
            cells.append(_published(value, column.metric, table.fractions, " †" if i in swapped else ""))
            if ours:
                run = _filled(source, column, table, runs)
                if run is None or source is None:
                    cells.append("" if source is None else NOT_RUN)
                else:
                    cells.append(_cell(run, source, table.split, column.metric, table.fractions))
        rows.append(tuple(cells))
    return Grid(_title(table), tuple(header), tuple(rows), _notes(table, runs), command)


_TIDY = (
    "table",
    "trial",
    "column",
    "metric",
    "split",
    "status",
    "thesis",
    "thesis_std",
    "ours",
    "std",
    "n",
    "per_recording",
    "per_recording_std",
    "baseline",
    "baseline_kind",
    "run",
)


def _plain(value: float | None, metric: str, fractions: bool) -> str:
    return "" if value is None else f"{100 * value if _in_percent(metric, fractions) else value:.6g}"


def _tidy_figures(run: Run, source: Source, table: Table, metric: str) -> tuple[str, ...]:
    """The columns ours ... baseline_kind of one figure."""
    split, fractions = table.split, table.fractions
    figure = folders.figure(run, source, split, metric)
    recording = folders.figure(run, source, split, f"{metric}_per_recording")
    pair = (None, None) if recording is None else recording[:2]
    return (
        *(_plain(value, metric, fractions) for value in figure[:2]),
        str(figure.n),
        *(_plain(value, metric, fractions) for value in pair),
        _plain(folders.baseline(run, split, metric), metric, fractions),
        folders.baseline_name(run),
    )


def tidy(table: Table, runs: Runs, command: str = "") -> Grid:
    """The same figures with a line each, for a spreadsheet: units as printed, nothing rounded off."""
    rows = []
    for row in table.rows:
        for source, column, value in zip(_sources(row, table), table.columns, table.figures(row), strict=True):
            run = _filled(source, column, table, runs)
            if value is None and source is None:
                continue
            name, status, figures, folder = row.label, "published", ("",) * 7, ""
            if source is not None:
                status, folder = NOT_RUN, name_run_folder(source.config)
            if run is not None and source is not None:
                name = f"{row.label} (synthetic)" if run.synthetic else row.label
                status, folder = "run (synthetic)" if run.synthetic else "run", run.path.name
                figures = _tidy_figures(run, source, table, column.metric)
            thesis = value if isinstance(value, Spread) else (value, None)
            printed = ("" if x is None else f"{x:g}" for x in thesis)
            rows.append(
                (table.number, name, column.label, column.metric, table.split, status, *printed, *figures, folder)
            )
    header = tuple(("", name) for name in _TIDY)
    return Grid(_title(table), header, tuple(rows), _notes(table, runs), command)


def render(table: Table, runs: Runs, command: str = "") -> dict[str, str]:
    """The table's text by file extension: md, csv, tex."""
    grid = beside(table, runs, command)
    return {
        "md": formats.markdown(grid),
        "csv": formats.comma_separated(tidy(table, runs, command)),
        "tex": formats.latex(grid),
    }
