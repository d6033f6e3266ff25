"""What runs and their cells are called in a report."""

from collections import Counter
from collections.abc import Sequence

from affect_jax.reports.folders import Run
from affect_jax.reports.sources import Source

SPLITS = ("test", "validation")


def labels(runs: Sequence[Run]) -> dict[str, str]:
    """Folder names by config, with the folder above where two are the same; synthetic ones say so."""
    count = Counter(run.path.name for run in runs)
    found = {}
    for run in runs:
        name = run.path.name if count[run.path.name] == 1 else str(run.path)
        found[str(run.path)] = f"{name} (synthetic)" if run.synthetic else name
    return found


def splits(run: Run) -> list[str]:
    """The parts that a run is scored on, the test part first."""
    there = {cell["split"] for cell in run.results["variants"]}
    return [split for split in SPLITS if split in there]


def cells(run: Run) -> list[Source]:
    """The cells of a run in order."""
    found = dict.fromkeys((cell["study"], cell["variant"]) for cell in run.results["variants"])
    return [Source(str(run.path), study, cell) for study, cell in found]


def names(runs: Sequence[Run]) -> dict[Source, str]:
    """Cells by the shortest name that is theirs alone: the cell's, its study's, both, or with the run before them."""
    found: dict[Source, str] = {}
    for run in runs:
        mine = cells(run)
        in_cell, in_study = Counter(s.cell for s in mine), Counter(s.study for s in mine)
        for source in mine:
            alone = source.study if in_study[source.study] == 1 else f"{source.study}: {source.cell}"
            found[source] = source.cell if in_cell[source.cell] == 1 else alone
    count, run_names = Counter(found.values()), labels(runs)
    for run in runs:
        for source in cells(run):
            if count[found[source]] > 1:
                found[source] = f"{run_names[source.config]}: {found[source]}"
            elif run.synthetic:
                found[source] = f"{found[source]} (synthetic)"
    return found
