"""What launch.report makes: a report of run folders, or the thesis' tables with our figures beside its own."""

import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from affect_jax.errors import UserError, suggest_nearest
from affect_jax.evaluation import compare, confusion_counts, read, variants
from affect_jax.evaluation import group_gaps as gaps
from affect_jax.evaluation.modality_ranking import rank_modalities
from affect_jax.evaluation.read import Run, Runs
from affect_jax.evaluation.trust import assess_run
from affect_jax.experiment import predictions_file
from affect_jax.experiment.results_file import describe_command, read_results
from affect_jax.reports import (
    across,
    confusion,
    cotraining,
    curves,
    diagnosis,
    differences,
    group_gaps,
    league,
    missing,
    over_time,
    ranking,
    report_page,
    search,
    side_by_side,
    sources,
    thesis_tables,
    trust,
)
from affect_jax.reports.render import FORMATS, Files, write_files, write_formats
from affect_jax.reports.tables import Grid
from affect_jax.reports.thesis import GROUPS, TABLES, Table

_DRAWN = tuple(sources.pick_fusion("trimodal", study) for study in ("intra", "cross"))
"""The two models of figure 4.3."""


class Asked(NamedTuple):
    """What a report of run folders shall have beyond the scores."""

    compare: Sequence[str] = ()  # 'NAME vs NAME', which go to 'significance'
    confusion: Sequence[str] = ()  # names of variants whose confusion matrices are drawn side by side as a picture
    fold: str = ""  # the one fold of those; '' takes all
    reference: str = ""  # the variant that all others are tested against; '' is the first
    metric: str = ""  # what they are tested by; '' is what the runs were stopped by
    expect: str = ""  # 'thesis' puts its figures beside ours
    by: str = ""  # a column by whose values scores are shown, as `group_gaps.read_column` takes it
    margin: float | None = None  # points within which two variants count as equivalent; None does not ask
    ranked: Sequence[str] = ()  # variants that a ranked table tests all against, besides the first; () makes none


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

    Raises:
      UserError: no such fold.
    """
    needed = thesis_tables.list_needed(tables)
    grids = {f"table_{table.number.replace('.', '_')}": thesis_tables.make_table(table, runs) for table in tables}
    pairs = cotraining.list_pairs(needed)
    if any(runs.get(pair.method.config) for pair in pairs):  # else nothing is asked of what there is
        grids["cotraining"] = cotraining.make_table(pairs, runs)
    grids["significance"] = differences.make_table(
        compare.answer_questions(differences.list_questions(needed), runs), runs
    )
    trimodal, pictures = runs.get(_DRAWN[0].config) if has_confusions(tables) else None, {}
    if trimodal is not None and all(confusion_counts.can_count(trimodal, source) for source in _DRAWN):
        stem, grids[stem], pictures[stem] = confusion.compare_chosen(_DRAWN, runs, fold)
    grids["diagnosis"] = diagnosis.make_table(list({run.path: run for run in runs.values() if run}.values()))
    return _render_grids(grids, pictures, command)


def _render_grids(grids: Mapping[str, Grid | None], pictures: Mapping[str, bytes], command: str) -> Files:
    """Every table that has rows in all formats, with its picture where there is one."""
    files = {stem: write_formats(grid, command) for stem, grid in grids.items() if grid is not None and grid.rows}
    return {stem: texts | ({"png": pictures[stem]} if stem in pictures else {}) for stem, texts in files.items()}


def render_runs(
    run_folders: Sequence[str | Path], command: str, asked: Asked | None = None, *, has_page: bool = True
) -> Files:
    """The report of any finished run folders, laid out as `render_tables` does.

    Files: 'comparison', 'learning' where a run kept its epochs, 'confusion' of classes, 'concordance' of continuous
    labels, 'chosen' and 'importance' where points were searched, 'ranking' and 'ranking_pairs' of a run with a model of
    each modality alone, 'trust' where validation and test have labels, 'across' of joined
    corpora, and what was asked for: 'significance', 'ranked', 'groups', 'confusion_NAME_NAME'; the page, if it
    `has_page`, as 'index'.

    Raises:
      UserError: a folder of no finished run, runs that have nothing in common, or a name that is not one variant's.
    """
    asked = asked or Asked()
    thesis_tables.check_expected(asked.expect)
    plain = variants.read_runs(run_folders)
    runs = [read.add_ensembles(run) for run in plain]
    keyed, pictures = read.key_runs(runs), {}
    margin = None if asked.margin is None else asked.margin / 100
    published = thesis_tables.find_expected if asked.expect else None
    options = {"reference": asked.reference, "metric": asked.metric, "margin": margin, "find_published": published}
    comparison = variants.compare_runs(runs, **options)
    grids = {"comparison": side_by_side.make_table(comparison)}
    if asked.compare:
        questions = [compare.parse_question(text, keyed) for text in dict.fromkeys(asked.compare)]
        answers = compare.answer_questions(questions, keyed, margin=margin)
        grids["significance"] = differences.make_table(answers, keyed)
    if asked.ranked:
        grids["ranked"] = league.make_table(plain, asked.ranked, asked.metric, margin)
    if asked.confusion:
        chosen = [compare.find_variant(name, keyed) for name in asked.confusion]
        stem, grids[stem], pictures[stem] = confusion.compare_chosen(chosen, keyed, asked.fold)
    counted = confusion_counts.count_all(runs)
    grids["learning"], grids["confusion"] = curves.make_table(runs), confusion.make_whole_table(counted, runs)
    grids["concordance"], grids["chosen"] = over_time.make_table(runs), search.make_table(runs)
    grids["importance"] = search.make_importance_table(runs)
    trusted = [one for run in runs for one in assess_run(run)]
    grids["trust"] = trust.make_table(trusted, comparison.names)
    grids["across"] = across.make_table(runs, comparison.names, comparison.split, comparison.metric)
    grids["groups"] = _score_by(comparison, asked.by) if asked.by else None
    files = {"comparison": write_formats(grids["comparison"], command)} | _render_grids(grids, pictures, command)
    rankings = [one for one in map(rank_modalities, runs) if one is not None]
    ranked = [ranking.make_table(one) for one in rankings]
    for stem, of_runs in (("ranking", ranked), ("ranking_pairs", map(ranking.make_pair_table, rankings))):
        texts = [write_formats(grid, command) for grid in of_runs]
        files |= {stem: {kind: "\n".join(text[kind] for text in texts) for kind in FORMATS}} if texts else {}
    if has_page:
        files["index"] = {"html": report_page.render_report(comparison, command, grids, ranked, counted, trusted)}
    return files


def _score_by(comparison: variants.Comparison, by: str) -> Grid:
    """Scores by the values of a column.

    Raises:
      UserError: as `gaps.read_column`; or no variant has two values.
    """
    column, known = by.rpartition(":")[2], []
    for run in comparison.runs:
        cells = None if by == gaps.GROUP else gaps.read_column(run, by)
        known += gaps.score_by(run, cells, comparison.split, comparison.metric)
    grid = group_gaps.make_table(known, comparison.names, column, comparison.split, comparison.metric)
    if grid is None:
        raise UserError(f"--by={by}: the answers of no variant have two values of it; name another column")
    return grid


def report_runs(
    run_folders: Sequence[str], command: str, asked: Asked, out: str = "", *, has_page: bool = True
) -> None:
    """Prints the scores of run folders and writes their report: into the only one, or beside the first.

    Raises:
      UserError: as `render_runs`; or a fold of confusion matrices that nobody asked for.
    """
    _check_fold(asked.fold, bool(asked.confusion))
    files, first = render_runs(run_folders, command, asked, has_page=has_page), Path(run_folders[0])
    for stem, texts in files.items():
        if stem in ("comparison", "significance", "ranked", "across", "groups") or "png" in texts:
            print(texts["md"])
    paths = write_files(files, out or (first if len(set(run_folders)) == 1 else first.parent) / "report")
    for folder in dict.fromkeys(map(Path, run_folders)):
        if not (folder / predictions_file.FILE).is_file():
            print(
                f"note: {folder / predictions_file.FILE} is missing, and what is made of it is left out; to make it "
                f"anew: {describe_command(folder, read_results(folder))}",
                file=sys.stderr,
            )
        has_curves = (folder / "metrics.jsonl").is_file()
        if not has_curves and not any(trial.classical for trial in read_results(folder).trials):
            print(f"note: {folder}/metrics.jsonl is missing, so no curves; only training writes it", file=sys.stderr)
    _print_paths(paths)
    for page in (path for path in paths if path.suffix == ".html"):
        print(f"open in a browser: {page}")
    print(f"next: python -m launch.export --run={shlex.quote(str(first))}    # a model that predicts new files")


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
        missing.score_and_write(moddrop.path, moddrop.path / "missing", command)
    return missing.score_and_write(whole.path, out, command, also=beside)
