"""What the thesis prints of a cell of a run, where the run is of the corpus that it used."""

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from affect_jax.errors import UserError, suggest_nearest
from affect_jax.reports import sources, tables
from affect_jax.reports.folders import Run
from affect_jax.reports.thesis import TABLES, Spread
from affect_jax.runtime.run_folder import name_run_folder

KNOWN = ("thesis",)
"""What published figures there are."""


class Expected(NamedTuple):
    """A published figure, in the unit of ours (all scores as fractions), and the table that prints it."""

    mean: float
    std: float | None
    table: str


Key = tuple[str, str, str, str, str, str]  # corpus, run folder's name, study, cell, split, metric


def check(name: str) -> None:
    """Raises UserError for published figures that nobody has."""
    if name and name not in KNOWN:
        raise UserError(
            f"--expect={name}: no such published figures{suggest_nearest(name, KNOWN)}; choose {', '.join(KNOWN)}"
        )


def _cells() -> Iterator[tuple[Key, Expected]]:
    for table in TABLES.values():
        for row in table.rows:
            for source, column, value in zip(row.sources, table.columns, table.figures(row), strict=False):
                if source is None or value is None:
                    continue
                percent = column.metric in tables.PERCENT and not table.fractions
                mean, std = value if isinstance(value, Spread) else (value, None)
                scale = 100 if percent else 1
                found = Expected(mean / scale, None if std is None else std / scale, table.number)
                for config in sources.candidates(source.config, False):
                    where = (table.corpus, name_run_folder(config), source.study, source.cell)
                    yield (*where, table.split, column.metric), found


@cache
def _published() -> dict[Key, Expected]:
    """Of a cell that several tables print, the first."""
    found: dict[Key, Expected] = {}
    for key, value in _cells():
        found.setdefault(key, value)
    return found


def find(run: Run, study: str, cell: str, split: str, metric: str) -> Expected | None:
    """The thesis' figure of a cell; None where it prints none, and for any run of a synthetic corpus."""
    results = run.results
    if run.synthetic:
        return None
    key = (results["corpus"]["name"], name_run_folder(results["config_arg"]), study, cell, split, metric)
    return _published().get(key)
