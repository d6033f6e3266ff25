"""Which runs a report needs, which of them there are, and its files."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from affect_jax.errors import UserError
from affect_jax.files import write_atomic
from affect_jax.reports import cotraining, diagnosis, folders, formats, tables
from affect_jax.reports.thesis import GROUPS, TABLES, Table
from affect_jax.suggest import nearest


def chosen(names: Iterable[str]) -> tuple[Table, ...]:
    """Tables by number ('5.4') or by group ('mosi', 'recola'), each once, in the order asked for.

    Raises:
      UserError: no such table, or none named.
    """
    numbers = []
    for name in names:
        if name not in TABLES and name not in GROUPS:
            known = [*TABLES, *GROUPS]
            raise UserError(f"there is no table {name!r}{nearest(name, known)}; choose from {', '.join(known)}")
        numbers += GROUPS.get(name, (name,))
    if not numbers:
        raise UserError("no table was named; give --tables=5.4,5.6 or --tables=mosi")
    return tuple(TABLES[number] for number in dict.fromkeys(numbers))


def gather(
    wanted: Sequence[Table], folder: str | Path, train: Callable[[str], None] | None = None
) -> dict[str, folders.Run | None]:
    """The runs that these tables need, by config argument; None for one that is not there.

    Args:
      wanted: tables.
      folder: where the run folders are.
      train: makes the run of a config argument below `folder`; called for those that are missing.

    Raises:
      UserError: a results.json that is not one.
    """
    found = {}
    for config_arg in tables.needed(wanted):
        found[config_arg] = folders.find_run(folder, config_arg)
        if found[config_arg] is None and train is not None:
            train(config_arg)
            found[config_arg] = folders.find_run(folder, config_arg)
    return found


def render(wanted: Sequence[Table], runs: tables.Runs, command: str) -> dict[str, dict[str, str]]:
    """File stem ('table_5_4', 'cotraining', 'diagnosis') -> extension -> text."""
    files = {f"table_{table.number.replace('.', '_')}": tables.render(table, runs, command) for table in wanted}
    pairs = cotraining.pairs_of(tables.needed(wanted))
    if pairs:
        files["cotraining"] = cotraining.render(pairs, runs, command)
    diagnosed = diagnosis.render([run for run in runs.values() if run], command)
    return files | ({"diagnosis": diagnosed} if diagnosed else {})


def compare(run_folders: Sequence[str | Path], command: str) -> dict[str, dict[str, str]]:
    """The plain comparison of any finished run folders, laid out as `render` does.

    Raises:
      UserError: a folder is not that of a finished run.
    """
    grid = tables.comparison([folders.read_run(folder) for folder in run_folders], command)
    return {"comparison": {extension: write(grid) for extension, write in formats.FORMATS.items()}}


def write(files: dict[str, dict[str, str]], out: str | Path) -> list[Path]:
    """Writes what `render` or `compare` made; returns the paths.

    Raises:
      UserError: `out` cannot be a folder.
    """
    out = Path(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--out={out} cannot be made ({error.strerror}); give a folder that can be written") from error
    paths = []
    for stem, texts in files.items():
        for extension, text in texts.items():
            paths.append(out / f"{stem}.{extension}")
            write_atomic(paths[-1], text.encode())
    return paths
