"""What launch.report makes: a report of run folders, or the thesis' tables with our figures beside its own."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from affect_jax.errors import UserError, suggest_nearest
from affect_jax.reports import (
    compare,
    confusion,
    cotraining,
    curves,
    diagnosis,
    differences,
    missing_tables,
    over_time,
    ranking,
    read,
    sections,
    side_by_side,
    sources,
    thesis_tables,
)
from affect_jax.reports.read import Run, Runs
from affect_jax.reports.thesis import GROUPS, TABLES, Table
from affect_jax.runtime.files import write_atomic

Files = Mapping[str, Mapping[str, str | bytes]]
"""File stem ('table_5_4', 'cotraining') -> extension -> what goes into the file."""

_DRAWN = tuple(sources.pick_fusion("trimodal", study) for study in ("intra", "cross"))
"""The two models of figure 4.3."""


class Asked(NamedTuple):
    """What a report of run folders shall have beyond the scores.

    Attributes:
      compare: 'NAME vs NAME', which go to 'significance'.
      confusion: names of variants whose confusion matrices are drawn side by side as a picture.
      fold: the one fold of those; '' takes all.
      reference: the variant that all others are tested against; '' is the first.
      metric: what they are tested by; '' is what the runs were stopped by.
      expect: 'thesis' puts its figures beside ours.
    """

    compare: Sequence[str] = ()
    confusion: Sequence[str] = ()
    fold: str = ""
    reference: str = ""
    metric: str = ""
    expect: str = ""


def choose_tables(names: Iterable[str]) -> tuple[Table, ...]:
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


def gather_runs(
    tables: Sequence[Table], folder: str | Path, train: Callable[[str], None] | None = None, *, synthetic: bool = True
) -> dict[str, Run | None]:
    """The runs that these tables need, by config argument; None for one that is missing.

    Args:
      tables: that are wanted.
      folder: where the run folders are.
      train: makes the run of a config argument below `folder`; called for those that are missing.
      synthetic: whether a run at the small sizes of a synthetic corpus may stand in, and be trained, for one that
        has other sizes on the real one.

    Raises:
      UserError: a results.json that is not one, a run of another corpus than the table's, or a stand-in on a real
        corpus.
    """
    runs = {}
    for config_arg in thesis_tables.list_needed(tables):
        runs[config_arg] = _find_candidate(folder, config_arg, synthetic)
        if runs[config_arg] is None and train is not None:
            train(sources.shrink_config(config_arg) if synthetic else config_arg)
            runs[config_arg] = _find_candidate(folder, config_arg, synthetic)
    for table in tables:
        for run in filter(None, map(runs.get, thesis_tables.list_needed([table]))):
            if run.results.corpus.name != table.corpus:
                raise UserError(
                    f"{run.path} is of the corpus {run.results.corpus.name}, table {table.number} of {table.corpus}; "
                    "move it away"
                )
    return runs


def _find_candidate(folder: str | Path, config_arg: str, synthetic: bool) -> Run | None:
    real = sources.list_candidates(config_arg, False)
    for candidate in sources.list_candidates(config_arg, synthetic):
        run = read.find_run(folder, candidate)
        if run is not None and candidate not in real and not run.synthetic:
            raise UserError(
                f"{run.path} is of a real corpus at the sizes of the synthetic one; move it away and train {config_arg}"
            )
        if run is not None:
            return run
    return None


def has_confusions(tables: Sequence[Table]) -> bool:
    """Whether the confusion matrices of figure 4.3 go with these tables."""
    return _DRAWN[0].config in thesis_tables.list_needed(tables)


def render_tables(tables: Sequence[Table], runs: Runs, command: str, fold: str = "") -> Files:
    """The tables, and what goes with them: 'cotraining', 'significance', 'confusion_intra_cross', 'diagnosis'.

    Args:
      tables: that are wanted.
      runs: of `gather_runs`.
      command: the command line, for the record.
      fold: the one fold of the confusion matrices; '' takes all.

    Raises:
      UserError: no such fold.
    """
    needed = thesis_tables.list_needed(tables)
    files = {
        f"table_{table.number.replace('.', '_')}": thesis_tables.render_table(table, runs, command) for table in tables
    }
    if pairs := cotraining.list_pairs(needed):
        files["cotraining"] = cotraining.render(pairs, runs, command)
    if questions := differences.list_questions(needed):
        files["significance"] = differences.render(differences.answer(questions, runs), runs, command)
    trimodal = runs.get(_DRAWN[0].config) if has_confusions(tables) else None
    if trimodal is not None and all(confusion.can_count(trimodal, source) for source in _DRAWN):
        files |= confusion.render_chosen(_DRAWN, runs, fold, command)
    diagnosed = diagnosis.render([run for run in runs.values() if run], command)
    return files | ({"diagnosis": diagnosed} if diagnosed else {})


def render_runs(run_folders: Sequence[str | Path], command: str, asked: Asked | None = None) -> Files:
    """The report of any finished run folders, laid out as `render_tables` does, with the page as 'index'.

    Files: 'comparison', 'learning' where a run kept its epochs, 'confusion' of classes, 'concordance' of continuous
    labels, 'ranking' and 'ranking_pairs' of a run with a model of each modality alone, and what was asked for:
    'significance', 'confusion_NAME_NAME'.

    Args:
      run_folders: at least one.
      command: the command line, for the record.
      asked: what else.

    Raises:
      UserError: a folder is not that of a finished run, runs that have nothing in common, or a name that is not one
        variant's.
    """
    asked = asked or Asked()
    thesis_tables.check_expected(asked.expect)
    runs = side_by_side.read_runs(run_folders)
    keyed = read.key_runs(runs)
    comparison = side_by_side.compare_runs(
        runs, reference=asked.reference, metric=asked.metric, has_expected=bool(asked.expect)
    )
    files = {"comparison": side_by_side.render(comparison, command)}
    more = []
    if asked.compare:
        questions = [compare.parse_question(text, keyed) for text in dict.fromkeys(asked.compare)]
        answers = differences.answer(questions, keyed)
        files["significance"] = differences.render(answers, keyed, command)
        more.append(sections.show_answers(differences.make_table(answers, keyed, command)))
    if asked.confusion:
        chosen = [compare.find_variant(name, keyed) for name in asked.confusion]
        files |= confusion.render_chosen(chosen, keyed, asked.fold, command)
    rankings = [one for one in map(ranking.rank_modalities, runs) if one is not None]
    more += [sections.show_ranking(ranking.make_table(one, command)) for one in rankings]
    others = {
        "learning": curves.render(runs, command),
        "confusion": confusion.render_all(runs, command),
        "concordance": over_time.render(runs, command),
        **ranking.render(rankings, command),
    }
    page = {"html": sections.render_report(comparison, command, more)}
    return files | {stem: texts for stem, texts in others.items() if texts} | {"index": page}


def write_files(files: Files, out: str | Path) -> list[Path]:
    """Writes what was rendered; returns the paths.

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


def report_runs(run_folders: Sequence[str], command: str, asked: Asked, out: str = "") -> None:
    """Prints the scores of run folders and writes their report: into the only one, or beside the first.

    Raises:
      UserError: as `render_runs`; or a fold of confusion matrices that nobody asked for.
    """
    _check_fold(asked.fold, bool(asked.confusion))
    files, first = render_runs(run_folders, command, asked), Path(run_folders[0])
    for stem, texts in files.items():
        if stem in ("comparison", "significance") or "png" in texts:
            print(texts["md"])
    _print_paths(write_files(files, out or (first if len(set(run_folders)) == 1 else first.parent) / "report"))


def report_tables(
    tables: Sequence[Table],
    folder: Path,
    command: str,
    *,
    train: Callable[[str], None] | None,
    synthetic: bool,
    fold: str = "",
    out: str = "",
) -> None:
    """Prints and writes the thesis' tables: into `out`, or report/ in the folder of the run folders.

    With `train`, chapter 4's runs are also tested with modalities missing. See `gather_runs` for the rest.

    Raises:
      UserError: as `gather_runs`; no such folder; or a fold of confusion matrices that nobody asked for.
    """
    _check_fold(fold, has_confusions(tables))
    if train is None and not folder.is_dir():
        raise UserError(f"--runs={folder} is not a folder; name the one that holds the run folders, or add --train")
    runs = gather_runs(tables, folder, train, synthetic=synthetic)
    files, target = render_tables(tables, runs, command, fold), Path(out or folder / "report")
    for texts in files.values():
        print(texts["md"])
    _print_paths(write_files(files, target))
    text = report_missing(runs, target, command) if train is not None and has_confusions(tables) else ""
    if text:
        print(text)


def _check_fold(fold: str, has_matrices: bool) -> None:
    if fold and not has_matrices:
        raise UserError("--fold only matters to confusion matrices; add --confusion=NAME,NAME or leave it out")


def _print_paths(paths: Iterable[Path]) -> None:
    for path in paths:
        print(f"wrote {path}", file=sys.stderr)


def report_missing(runs: Runs, out: Path, command: str) -> str:
    """Table 4.4 and figures 4.4 to 4.7 of chapter 4's runs, as text; '' where that of all modalities is missing."""
    studies = (("trimodal", "intra"), ("moddrop", "intra+moddrop"), ("modalities", "intra T"))
    whole, moddrop, fewer = (runs.get(sources.pick_fusion(*study).config) for study in studies)
    if whole is None:
        return ""
    beside = [run.path for run in (moddrop, fewer) if run is not None and run.path != whole.path]
    if moddrop is not None and moddrop.path in beside:
        missing_tables.score_and_write(moddrop.path, moddrop.path / "missing", command)
    return missing_tables.score_and_write(whole.path, out, command, also=beside)
