"""Which runs a report needs, which of them there are, and its files."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from affect_jax.errors import UserError, suggest_nearest
from affect_jax.reports import (
    comparison,
    comparison_grid,
    confusion,
    cotraining,
    curves,
    diagnosis,
    expected,
    folders,
    fusion,
    matching,
    over_time,
    questions,
    ranking,
    sections,
    sources,
    tables,
)
from affect_jax.reports.thesis import GROUPS, TABLES, Table
from affect_jax.runtime.files import write_atomic

Files = dict[str, dict[str, str | bytes]]
"""File stem ('table_5_4', 'cotraining') -> extension -> what goes into the file."""

_DRAWN = tuple(sources.fusion("trimodal", study) for study in ("intra", "cross"))
"""The two models of figure 4.3."""


def chosen(names: Iterable[str]) -> tuple[Table, ...]:
    """Tables by number ('5.4') or by group ('mosi', 'fusion'), each once, in the order asked for.

    Raises:
      UserError: no such table, or none named.
    """
    numbers = []
    for name in names:
        if name not in TABLES and name not in GROUPS:
            known = [*TABLES, *GROUPS]
            raise UserError(f"there is no table {name!r}{suggest_nearest(name, known)}; choose from {', '.join(known)}")
        numbers += GROUPS.get(name, (name,))
    if not numbers:
        raise UserError("no table was named; give --tables=5.4,5.6 or --tables=mosi")
    return tuple(TABLES[number] for number in dict.fromkeys(numbers))


def gather(
    wanted: Sequence[Table],
    folder: str | Path,
    train: Callable[[str], None] | None = None,
    *,
    synthetic: bool = True,
) -> dict[str, folders.Run | None]:
    """The runs that these tables need, by config argument; None for one that is not there.

    Args:
      wanted: tables.
      folder: where the run folders are.
      train: makes the run of a config argument below `folder`; called for those that are missing.
      synthetic: whether a run at the small sizes of a synthetic corpus may stand in, and be trained, for one that
        has other sizes on the real one.

    Raises:
      UserError: a results.json that is not one, a run of another corpus than the table's, or a stand-in on a real
        corpus.
    """
    found = {}
    for config_arg in tables.needed(wanted):
        found[config_arg] = _find(folder, config_arg, synthetic)
        if found[config_arg] is None and train is not None:
            train(sources.small(config_arg) if synthetic else config_arg)
            found[config_arg] = _find(folder, config_arg, synthetic)
    for table in wanted:
        for run in filter(None, map(found.get, tables.needed([table]))):
            name = run.results["corpus"]["name"]
            if name != table.corpus:
                raise UserError(
                    f"{run.path} is of the corpus {name}, table {table.number} of {table.corpus}; move it away"
                )
    return found


def _find(folder: str | Path, config_arg: str, synthetic: bool) -> folders.Run | None:
    real = sources.candidates(config_arg, False)
    for candidate in sources.candidates(config_arg, synthetic):
        run = folders.find_run(folder, candidate)
        if run is not None and candidate not in real and not run.synthetic:
            raise UserError(
                f"{run.path} is of a real corpus at the sizes of the synthetic one; move it away and train {config_arg}"
            )
        if run is not None:
            return run
    return None


def drawn(wanted: Sequence[Table]) -> bool:
    """Whether the confusion matrices of figure 4.3 go with these tables."""
    return _DRAWN[0].config in tables.needed(wanted)


def render(wanted: Sequence[Table], runs: tables.Runs, command: str, fold: str = "") -> Files:
    """The tables, and what goes with them: 'cotraining', 'significance', 'confusion_intra_cross', 'diagnosis'.

    Args:
      wanted: tables.
      runs: as `gather` found them.
      command: the command line, for the record.
      fold: the one fold of the confusion matrices; '' takes all.

    Raises:
      UserError: no such fold.
    """
    files = {f"table_{table.number.replace('.', '_')}": tables.render(table, runs, command) for table in wanted}
    pairs = cotraining.pairs_of(tables.needed(wanted))
    if pairs:
        files["cotraining"] = cotraining.render(pairs, runs, command)
    asked = questions.questions_of(tables.needed(wanted))
    if asked:
        files["significance"] = fusion.render(questions.answers(asked, runs), runs, command)
    trimodal = runs.get(_DRAWN[0].config) if drawn(wanted) else None
    if trimodal is not None and all(confusion.kept(trimodal, source) for source in _DRAWN):
        files |= confusion.render(_DRAWN, runs, fold, command)
    diagnosed = diagnosis.render([run for run in runs.values() if run], command)
    return files | ({"diagnosis": diagnosed} if diagnosed else {})


class Asked(NamedTuple):
    """What a report of run folders shall have beyond the scores.

    Attributes:
      compare: 'NAME vs NAME', which go to 'significance'.
      confusion: names of cells whose confusion matrices are drawn side by side as a picture.
      fold: the one fold of those; '' takes all.
      reference: the cell that all others are tested against; '' is the first.
      metric: what they are tested by; '' is what the runs were stopped by.
      expect: 'thesis' puts its figures beside ours.
    """

    compare: Sequence[str] = ()
    confusion: Sequence[str] = ()
    fold: str = ""
    reference: str = ""
    metric: str = ""
    expect: str = ""


def compare(run_folders: Sequence[str | Path], command: str, asked: Asked | None = None) -> Files:
    """The report of any finished run folders, laid out as `render` does, with the page as 'index'.

    Files: 'comparison', 'learning' where a run kept its epochs, 'confusion' of classes, 'concordance' of continuous
    labels, 'ranking' and 'ranking_pairs' of a run with a model of each modality alone, and what was asked for:
    'significance', 'confusion_NAME_NAME'.

    Args:
      run_folders: at least one.
      command: the command line, for the record.
      asked: what else.

    Raises:
      UserError: a folder is not that of a finished run, runs that have nothing in common, or a name that is not one
        cell's.
    """
    asked = asked or Asked()
    expected.check(asked.expect)
    runs = comparison.read(run_folders)
    named = comparison.named(runs)
    found = comparison.compare(runs, reference=asked.reference, metric=asked.metric, expect=bool(asked.expect))
    files: Files = {"comparison": comparison_grid.render(found, command)}
    more = []
    if asked.compare:
        answers = questions.answers([questions.parse(text, named) for text in dict.fromkeys(asked.compare)], named)
        files["significance"] = fusion.render(answers, named, command)
        more.append(sections.asked(fusion.report(answers, named, command)))
    if asked.confusion:
        files |= confusion.render(
            [matching.find_cell(name, named) for name in asked.confusion], named, asked.fold, command
        )
    ranked = [one for one in map(ranking.of, runs) if one is not None]
    more += [sections.ranked(ranking.report(one, command)) for one in ranked]
    made = {
        "learning": curves.render(runs, command),
        "confusion": confusion.every(runs, command),
        "concordance": over_time.render(runs, command),
        **ranking.render(ranked, command),
    }
    page = {"html": sections.build(found, runs, command, more)}
    return files | {stem: texts for stem, texts in made.items() if texts} | {"index": page}


def write(files: Files, out: str | Path) -> list[Path]:
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
        for extension, content in texts.items():
            paths.append(out / f"{stem}.{extension}")
            write_atomic(paths[-1], content if isinstance(content, bytes) else content.encode())
    return paths
