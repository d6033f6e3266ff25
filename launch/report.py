"""A report of any run folders, or the thesis' tables with our figures beside its own.

    python -m launch.report runs/fusion_trimodal_ravdess
    python -m launch.report runs/seqsew_mosi_video_text runs/seqsew_unimodal_mosi --reference=SeqSEW --expect=thesis
    python -m launch.report runs/fusion_trimodal_ravdess --compare="intra vs cross" --confusion=intra,cross --out=DIR
    python -m launch.report runs/fusion_trimodal_ravdess --compare="cross vs intra" --margin=2
    python -m launch.report runs/fusion_trimodal_ravdess --compare="cross ensemble vs cross" --by=people.csv:sex

Needs: finished run folders.
Writes: index.html, one page that needs nothing else: every variant's mean, standard deviation and 95 % intervals over
trials and over groups, a test against a reference variant with Holm's correction, the majority or constant answer,
ensembles of seeds and how far to trust each variant, confusion matrices, truth against prediction, concordance over
time, learning curves. As md, csv and tex: comparison, trust (where validation and test have labels), learning,
confusion (classes), concordance (continuous labels); significance where --compare asks, groups where --by does,
confusion_intra_cross and a png where --confusion does. Runs in one report are of one task. docs/reports.md says how to
read it.

    python -m launch.report --tables=mosi --runs=runs --out=runs/report
    python -m launch.report --tables=5.4 --runs=runs --train --manual_dir=DIR --set=study.seeds=2
    python -m launch.report --tables=recola --runs=runs/quick --train --set=study.seeds=1 --set=stages.fit.epochs=1
    python -m launch.report --tables=fusion --runs=runs --train

A table looks for its run folders below --runs by their default names (configs/seqsew.py:mosi,video+text is
seqsew_mosi_video_text; two rows of table 3.1 are in conflictnet_sspnet_conflict_baseline, made by launch.baselines).
It prints Markdown and writes table_5_4.md, .csv and .tex, and in the same way cotraining where a pair of modalities was
asked for, significance where chapter 4 compares two models, and confusion_intra_cross, with a png, where both of them
are there. With --train, chapter 4's runs are also tested with modalities missing, as launch.missing does it. Without
--train nothing is computed and what is missing says "not run".

Names of --reference, --compare and --confusion are those of variants, or of studies with one variant; FOLDER:NAME where
two run folders have one.
"""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from affect_jax.errors import UserError
from launch import cli

FLAGS = flags.FLAGS
_OF_FOLDERS = ("compare", "confusion", "reference", "metric", "expect", "margin", "ranked", "by")


def define_flags(values: flags.FlagValues) -> None:
    """Called by the program, not by importing this module: other launchers have flags of the same names."""
    known = (
        "3.1, 4.1 ... 4.3, 4.5, 5.1 ... 5.9, conflict (3.1), fusion (4.1, 4.2, 4.3, 4.5), mosi (5.4, 5.6) or recola "
        "(5.1, 5.2, 5.3, 5.5, 5.7)."
    )
    flags.DEFINE_list("tables", [], known, flag_values=values)
    flags.DEFINE_string("runs", "runs", "Folder that holds the run folders.", flag_values=values)
    run = "A finished run folder, as those that are named without a flag; may repeat."
    flags.DEFINE_multi_string("run", [], run, flag_values=values)
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
    metric = "With run folders: what is tested and drawn. Default: what the runs were stopped by."
    flags.DEFINE_string("metric", "", metric, flag_values=values)
    expect = (
        "With run folders: 'thesis' puts its figure and the difference beside ours, where the corpus is the real one."
    )
    flags.DEFINE_string("expect", "", expect, flag_values=values)
    flags.DEFINE_multi_string(
        "compare",
        [],
        "With run folders: test NAME vs NAME on trials of the same fold and seed; may repeat.",
        flag_values=values,
    )
    by = (
        "With run folders: scores by the values of a COLUMN of the run's manifest, or of FILE.csv:COLUMN, whose other "
        "column has the run's ids or groups; or 'group'."
    )
    flags.DEFINE_string("by", "", by, flag_values=values)
    flags.DEFINE_float(
        "margin",
        None,
        "With run folders: also say whether two variants are equivalent within so many points, hundredths of a score.",
        lower_bound=0.0,
        flag_values=values,
    )
    ranked = "With run folders: rank all variants, and test them against the first and against these."
    flags.DEFINE_list("ranked", [], ranked, flag_values=values)
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


def main(argv: Sequence[str]) -> None:
    """Prints and writes the report that the flags and arguments ask for."""
    make_report(FLAGS, argv[1:], f"python -m launch.report {shlex.join(sys.argv[1:])}")


def make_report(values: flags.FlagValues, arguments: Sequence[str], command: str, *, has_page: bool = True) -> None:
    """The report of these flags.

    Args:
      values: of `define_flags`, parsed.
      arguments: run folders that are named without a flag.
      command: for the record.
      has_page: whether a report of run folders comes with index.html, whose charts are most of the time it takes.

    Raises:
      UserError: flags that do not go together, or what they name is not there.
    """
    folders = [*values.run, *arguments]
    if folders and values.tables:
        raise UserError("give either --tables or run folders, not both")
    for name in _OF_FOLDERS:
        if values[name].value not in (None, "", []) and not folders:
            raise UserError(f"--{name} is for run folders; name them, or leave it out")
    from affect_jax.reports import report_files, thesis_tables
    from launch import changes

    if folders:
        asked = report_files.Asked(fold=values.fold, **{name: values[name].value for name in _OF_FOLDERS})
        report_files.report_runs(folders, command, asked, values.out, has_page=has_page)
        return
    tables = report_files.choose_tables(values.tables)
    corpora, needed = sorted({table.corpus for table in tables}), thesis_tables.list_needed(tables)
    training = changes.Training(values.train, Path(values.runs), values.manual_dir, values.data_dir, values.set)
    train = changes.plan_training(training, corpora, needed)
    # A release has its own sizes; without one, the small synthetic runs are what there is to show.
    synthetic = not values.manual_dir
    folder = Path(values.runs)
    report_files.report_tables(
        tables, folder, command, train=train, synthetic=synthetic, fold=values.fold, out=values.out
    )


if __name__ == "__main__":
    define_flags(FLAGS)
    cli.run(main)
