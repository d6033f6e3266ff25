"""What a reader must know of classical baselines beside published ones: features, what they were fitted on, what makes
them.
"""

from collections.abc import Mapping
from typing import Any

from affect_jax.reports import sources
from affect_jax.reports.folders import Run
from affect_jax.runtime.run_folder import name_run_folder

SMILE = "ComParE_2016"
"""What `baselines.functionals` calls openSMILE's functionals."""
_INSTALL = "the optional package opensmile (pip install 'affect-jax[opensmile]'; for research and teaching only)"


def notes(runs: Mapping[str, Run | None]) -> tuple[str, ...]:
    """Notes on those of some runs, by config argument, that launch.baselines makes; on no others.

    Args:
      runs: None for a run that is not there.
    """
    said: list[str] = []
    for config, run in runs.items():
        if sources.network(config) == config:
            continue
        said += _missing(config) if run is None else _there(config, run)
    return tuple(said)


def command(config: str) -> str:
    """What makes the run of a config argument of `sources.baselines`."""
    return f"python -m launch.baselines --config={sources.network(config)} --config.corpus.manual_dir=DIR --seeds=10"


def _missing(config: str) -> list[str]:
    return [
        f"{name_run_folder(config)} is made by launch.report --train, or by {command(config)} (without manual_dir: of a "
        f"synthetic corpus). Its cell {sources.IS13} needs {_INSTALL}."
    ]


def _there(config: str, run: Run) -> list[str]:
    name, rows = run.path.name, {row["variant"]: row for row in run.results["trials"]}
    said = [
        f"{name}, {cell}: of {rows[cell].get('features', 'unknown features')}, fitted on "
        f"{rows[cell].get('fitted_on', 'an unknown part')}{_unlike(cell, rows[cell], run)}."
        for cell in (sources.IS13, sources.RANDOM_SUBSET)
        if cell in rows
    ]
    if sources.IS13 not in rows:
        said.append(
            f"{name} has no {sources.IS13}: it was made without {_INSTALL}. Install that, move {run.path} away and "
            f"make it again: {command(config)} --workdir={run.path}."
        )
    return said


def _unlike(cell: str, row: Mapping[str, Any], run: Run) -> str:
    """How our method differs from the published one of its row."""
    if cell == sources.IS13:
        alike = row.get("fitted_on") != "train"
        return "" if alike else " (the published one on the validation part as well, as --refit does)"
    subsets = run.config.get("baselines", {}).get("iterations")
    said = [f"{subsets:,} random subsets and the published one 300,000"] if subsets else []
    if row.get("features") != SMILE:
        said.append("the published one chose among openSMILE's functionals: not the same method")
    return f" ({'; '.join(said)})" if said else ""
