"""A report of any run folders, or the thesis' tables with our figures beside its own.

    python -m launch.report runs/fusion_trimodal_ravdess
    python -m launch.report runs/seqsew_mosi_video_text runs/seqsew_unimodal_mosi --reference=SeqSEW --expect=thesis
    python -m launch.report runs/fusion_trimodal_ravdess --compare="intra vs cross" --confusion=intra,cross --out=DIR

Needs: finished run folders.
Writes: index.html, one page that needs nothing else: every variant's mean, standard deviation and 95 % interval, a paired
test against a reference variant with Holm's correction, the majority or constant answer, confusion matrices, truth against
prediction, concordance over time, learning curves. As md, csv and tex: comparison, learning, confusion (classes),
concordance (continuous labels); significance where --compare asks, confusion_intra_cross and a png where --confusion
does. Runs in one report are of one task. docs/reports.md says how to read it.

    python -m launch.report --tables=mosi --runs=runs --out=runs/report
    python -m launch.report --tables=5.4 --runs=runs --train --manual_dir=DIR --set=study.seeds=2
    python -m launch.report --tables=recola --runs=runs/quick --train --set=study.seeds=1 --set=stages.fit.epochs=1
    python -m launch.report --tables=fusion --runs=runs --train

A table looks for its run folders below --runs by their default names (configs/seqsew.py:mosi,video+text is
seqsew_mosi_video_text; two trials of table 3.1 are in conflictnet_sspnet_conflict_baseline, made by launch.baselines).
It prints Markdown and writes table_5_4.md, .csv and .tex, and in the same way cotraining where a pair of modalities was
asked for, significance where chapter 4 compares two models, and confusion_intra_cross, with a png, where both of them
are there. With --train, chapter 4's runs are also tested with modalities missing, as launch.missing does it. Without
--train nothing is computed and what is missing says "not run".

Names of --reference, --compare and --confusion are those of variants, or of studies with one variant; FOLDER:NAME where two
run folders have one.
"""

import shlex
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from absl import flags

from affect_jax.errors import UserError
from affect_jax.reports import build, sources, tables
from affect_jax.reports.thesis import Table
from affect_jax.runtime.run_folder import name_run_folder
from launch import changes, cli

FLAGS = flags.FLAGS
_OF_FOLDERS = ("compare", "confusion", "reference", "metric", "expect")


def define_flags(values: flags.FlagValues) -> None:
    """Called by the program, not by importing this module: other launchers have flags of the same names."""
    known = (
        "3.1, 4.1 ... 4.3, 4.5, 5.1 ... 5.9, conflict (3.1), fusion (4.1, 4.2, 4.3, 4.5), mosi (5.4, 5.6) or recola "
        "(5.1, 5.2, 5.3, 5.5, 5.7)."
    )
    flags.DEFINE_list("tables", [], known, flag_values=values)
    flags.DEFINE_string("runs", "runs", "Folder that holds the run folders.", flag_values=values)
    flags.DEFINE_string(
        "out",
        "",
        "Where the files go. Default: RUNS/report for tables; report/ in the only run folder, or beside the first.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "reference",
        "",
        "With run folders: the variant that all others are tested against. Default: the first.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "metric",
        "",
        "With run folders: what is tested and drawn. Default: what the runs were stopped by.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "expect",
        "",
        "With run folders: 'thesis' puts its figure and the difference beside ours, where the corpus is the real one.",
        flag_values=values,
    )
    flags.DEFINE_multi_string(
        "compare",
        [],
        "With run folders: test NAME vs NAME on trials of the same fold and seed; may repeat.",
        flag_values=values,
    )
    flags.DEFINE_list("confusion", [], "With run folders: variants to draw confusion matrices of.", flag_values=values)
    flags.DEFINE_string("fold", "", "The one fold of the confusion matrices. Default: all.", flag_values=values)
    flags.DEFINE_bool("train", False, "First make, or go on with, the runs that are missing.", flag_values=values)
    flags.DEFINE_string(
        "manual_dir", "", "With --train: the corpus' release. Default: a synthetic corpus.", flag_values=values
    )
    flags.DEFINE_string("data_dir", "", "With --train: where built corpora go.", flag_values=values)
    flags.DEFINE_multi_string(
        "set", [], "With --train: key=value for every config that has the key; may repeat.", flag_values=values
    )


def assignments(wanted: Sequence[Table]) -> list[str]:
    """What the flags change in every config.

    Raises:
      UserError: flags that only training reads without --train, or one --manual_dir for two corpora.
    """
    given = [name for name in ("manual_dir", "data_dir", "set") if FLAGS[name].value]
    if given and not FLAGS.train:
        raise UserError(f"--{given[0]} only matters to runs that are made; add --train or leave it out")
    corpora = sorted({table.corpus for table in wanted})
    if FLAGS.manual_dir and len(corpora) > 1:
        raise UserError(f"--manual_dir is of one corpus, but the tables are of {' and '.join(corpora)}; ask one by one")
    corpus = [f"corpus.{name}={FLAGS[name].value}" for name in ("manual_dir", "data_dir") if FLAGS[name].value]
    return corpus + FLAGS.set


def check_fold(drawn: bool) -> None:
    """Raises UserError for --fold where no confusion matrix is drawn."""
    if FLAGS.fold and not drawn:
        raise UserError("--fold only matters to confusion matrices; add --confusion=NAME,NAME or leave it out")


def make(config_arg: str, changed: Sequence[str], runs: Path) -> None:
    """Trains, or fits classical baselines, into a folder below `runs`.

    Args:
      config_arg: what a `Source` names.
      changed: key=value, for a config that has the key.
      runs: holds the run folders.

    Raises:
      UserError: whatever is wrong with the config or its corpus.
    """
    config, folder = changes.load_config(config_arg), runs / name_run_folder(config_arg)
    changes.override(config, [change for change in changed if changes.has(config, change)], config_arg)
    print(f"training {config_arg}", file=sys.stderr)
    # Imported here, so that a report alone does not wait for jax.
    if sources.network(config_arg) != config_arg:
        from affect_jax.baselines import methods, run_baselines

        run_baselines.run_baselines(
            config, folder, config_arg=config_arg, request=methods.Request(seeds=config.study.seeds)
        )
    else:
        from affect_jax.experiment.run import run_experiment

        run_experiment(config, str(folder), config_arg=config_arg)


def missing_modalities(runs: tables.Runs, out: Path, command: str) -> str:
    """Table 4.4 and figures 4.4 to 4.7 of chapter 4's runs, as text; '' where that of all modalities is missing."""
    from launch import missing

    parts = (("trimodal", "intra"), ("moddrop", "intra+moddrop"), ("modalities", "intra T"))
    whole, moddrop, fewer = (runs.get(sources.fusion(*part).config) for part in parts)
    if whole is None:
        return ""
    beside = [run.path for run in (moddrop, fewer) if run is not None and run.path != whole.path]
    if moddrop is not None and moddrop.path in beside:
        missing.score_and_write(moddrop.path, moddrop.path / "missing", command)
    return missing.score_and_write(whole.path, out, command, also=beside)


def beside(run_folders: Sequence[str]) -> Path:
    """Where a report of run folders goes by itself: into the only one, or beside the first."""
    first = Path(run_folders[0])
    return (first if len(set(run_folders)) == 1 else first.parent) / "report"


def of_folders(run_folders: Sequence[str], command: str) -> None:
    """Prints the scores of run folders and writes their report."""
    check_fold(bool(FLAGS.confusion))
    asked = build.Asked(fold=FLAGS.fold, **{name: FLAGS[name].value for name in _OF_FOLDERS})
    files = build.compare(run_folders, command, asked)
    for stem, texts in files.items():
        if stem == "comparison" or stem == "significance" or "png" in texts:
            print(texts["md"])
    paths = build.write(files, FLAGS.out or beside(run_folders))
    for path in paths:
        print(f"wrote {path}", file=sys.stderr)


def of_tables(command: str) -> None:
    """Prints and writes the thesis' tables."""
    wanted = build.chosen(FLAGS.tables)
    check_fold(build.drawn(wanted))
    if not FLAGS.train and not Path(FLAGS.runs).is_dir():
        raise UserError(f"--runs={FLAGS.runs} is not a folder; name the one that holds the run folders, or add --train")
    changed = assignments(wanted)
    changes.check_keys(changed, tables.needed(wanted))

    train = partial(make, changed=changed, runs=Path(FLAGS.runs)) if FLAGS.train else None
    # A release has its own sizes; without one, the small synthetic runs are what there is to show.
    runs = build.gather(wanted, FLAGS.runs, train, synthetic=not FLAGS.manual_dir)
    files = build.render(wanted, runs, command, FLAGS.fold)
    out = Path(FLAGS.out or Path(FLAGS.runs) / "report")
    for texts in files.values():
        print(texts["md"])
    for path in build.write(files, out):
        print(f"wrote {path}", file=sys.stderr)
    table = missing_modalities(runs, out, command) if FLAGS.train and build.drawn(wanted) else ""
    if table:
        print(table)


def main(argv: Sequence[str]) -> None:
    """Prints and writes the report that the flags and arguments ask for."""
    command = f"python -m launch.report {shlex.join(sys.argv[1:])}"
    folders = argv[1:]
    if folders and FLAGS.tables:
        raise UserError("give either --tables or run folders, not both")
    for name in _OF_FOLDERS:
        if FLAGS[name].value and not folders:
            raise UserError(f"--{name} is for run folders; name them, or leave it out")
    if folders:
        of_folders(folders, command)
    else:
        of_tables(command)


if __name__ == "__main__":
    define_flags(FLAGS)
    cli.run(main)
