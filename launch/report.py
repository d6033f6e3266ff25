"""Prints our figures beside the thesis', or compares run folders.

    python -m launch.report --tables=mosi --runs=runs --out=runs/report
    python -m launch.report --tables=5.4 --runs=runs --train --manual_dir=DIR --set=study.seeds=2
    python -m launch.report --tables=recola --runs=runs/quick --train --set=study.seeds=1 --set=stages.fit.epochs=1
    python -m launch.report --tables=fusion --runs=runs --train
    python -m launch.report runs/seqsew_mosi_video_text runs/seqsew_unimodal_mosi
    python -m launch.report runs/fusion_trimodal_ravdess --compare="intra vs cross" --confusion=intra,cross --out=DIR

A table looks for its run folders below --runs by their default names (configs/seqsew.py:mosi,video+text is
seqsew_mosi_video_text; two rows of table 3.1 are in conflictnet_sspnet_conflict_baseline, made by launch.baselines).
It prints Markdown and writes table_5_4.md, .csv and .tex, and in the same way cotraining where a pair of modalities was
asked for, significance where chapter 4 compares two models, and confusion_intra_cross, with a png, where both of them
are there. With --train, chapter 4's runs are also tested with modalities missing, as launch.missing does it. Without
--train nothing is computed and what is missing says "not run".

Names of --compare and --confusion are those of cells, or of studies with one cell; FOLDER:NAME where two run folders
have one.
"""

import ast
import importlib.util
import shlex
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import ml_collections
from absl import flags

from affect_jax.errors import UserError
from affect_jax.reports import build, sources, tables
from affect_jax.reports.thesis import Table
from affect_jax.runs import folder_name
from affect_jax.suggest import nearest
from launch import cli

FLAGS = flags.FLAGS
_ROOT = Path(__file__).resolve().parents[1]


def define_flags(values: flags.FlagValues) -> None:
    """Called by the program, not by importing this module: other launchers have flags of the same names."""
    known = (
        "3.1, 4.1 ... 4.3, 4.5, 5.1 ... 5.9, conflict (3.1), fusion (4.1, 4.2, 4.3, 4.5), mosi (5.4, 5.6) or recola "
        "(5.1, 5.2, 5.3, 5.5, 5.7)."
    )
    flags.DEFINE_list("tables", [], known, flag_values=values)
    flags.DEFINE_string("runs", "runs", "Folder that holds the run folders.", flag_values=values)
    flags.DEFINE_string(
        "out", "", "Where the files go. Default: RUNS/report for tables, nowhere for run folders.", flag_values=values
    )
    flags.DEFINE_multi_string(
        "compare",
        [],
        "With run folders: test NAME vs NAME on rows of the same fold and seed; may repeat.",
        flag_values=values,
    )
    flags.DEFINE_list("confusion", [], "With run folders: cells to draw confusion matrices of.", flag_values=values)
    flags.DEFINE_string("fold", "", "The one fold of the confusion matrices. Default: all.", flag_values=values)
    flags.DEFINE_bool("train", False, "First make, or go on with, the runs that are missing.", flag_values=values)
    flags.DEFINE_string(
        "manual_dir", "", "With --train: the corpus' release. Default: a synthetic corpus.", flag_values=values
    )
    flags.DEFINE_string("data_dir", "", "With --train: where built corpora go.", flag_values=values)
    flags.DEFINE_multi_string(
        "set", [], "With --train: key=value for every config that has the key; may repeat.", flag_values=values
    )


def load_config(config_arg: str) -> ml_collections.ConfigDict:
    """`configs/sew.py:arousal,geo+audio` -> get_config('arousal,geo+audio') of that file; for classical baselines the
    config of the network whose corpus and folds they share.

    Raises:
      UserError: there is no such file.
    """
    name, _, argument = sources.network(config_arg).partition(":")
    path = _ROOT / name
    if not path.is_file():
        raise UserError(f"{path} is missing, and the tables need it; check out the whole repository")
    spec = importlib.util.spec_from_file_location(f"_config_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config(argument)


def _value(text: str, current: object, assignment: str) -> object:
    if isinstance(current, str):
        return text
    if isinstance(current, bool) and text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        raise UserError(
            f"--set={assignment}: {text!r} is no {type(current).__name__}; give one like {current!r}"
        ) from None
    return tuple(value) if isinstance(current, tuple) and isinstance(value, list) else value


def override(config: ml_collections.ConfigDict, assignments: Sequence[str], config_arg: str) -> None:
    """Sets dotted keys of a config in place, e.g. `study.seeds=2`.

    Raises:
      UserError: an assignment without `=`, a key that the config lacks, or a value of another type.
    """
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals:
            raise UserError(f"--set={assignment} has no value; write --set=key=value, e.g. --set=study.seeds=2")
        *parents, last = path.split(".")
        node = config
        for key in (*parents, last):
            if not isinstance(node, ml_collections.ConfigDict) or key not in node:
                known = list(node) if isinstance(node, ml_collections.ConfigDict) else []
                raise UserError(
                    f"--set={assignment}: {config_arg} has no {path!r}{nearest(key, known)}; it has {known}"
                )
            parent, node = node, node[key]
        try:
            parent[last] = _value(text, node, assignment)
        except TypeError as error:
            raise UserError(f"--set={assignment}: {error}; give a value like {node!r}") from None


def has(config: ml_collections.ConfigDict, assignment: str) -> bool:
    """Whether a config has the key of `key=value`."""
    node = config
    for key in assignment.partition("=")[0].split("."):
        if not isinstance(node, ml_collections.ConfigDict) or key not in node:
            return False
        node = node[key]
    return True


def check_keys(changes: Sequence[str], config_args: Sequence[str]) -> None:
    """Refuses a change that no config could take: tables may be made of configs with other stages.

    Raises:
      UserError: as `override`, of the first config.
    """
    configs = [load_config(config_arg) for config_arg in config_args]
    for change in changes:
        if configs and not any(has(config, change) for config in configs):
            override(configs[0], [change], config_args[0])


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


def make(config_arg: str, changes: Sequence[str], runs: Path) -> None:
    """Trains, or fits classical baselines, into a folder below `runs`.

    Args:
      config_arg: what a `Source` names.
      changes: key=value, for a config that has the key.
      runs: holds the run folders.

    Raises:
      UserError: whatever is wrong with the config or its corpus.
    """
    config, folder = load_config(config_arg), runs / folder_name(config_arg)
    override(config, [change for change in changes if has(config, change)], config_arg)
    print(f"training {config_arg}", file=sys.stderr)
    # Imported here, so that a report alone does not wait for jax.
    if sources.network(config_arg) != config_arg:
        from launch import baselines

        baselines.make(config, folder, config_arg=config_arg, asked=baselines.Asked(seeds=config.study.seeds))
    else:
        from affect_jax import experiment

        experiment.run(config, str(folder), config_arg=config_arg)


def missing_modalities(runs: tables.Runs, out: Path, command: str) -> str:
    """Table 4.4 and figures 4.4 to 4.7 of chapter 4's runs, as text; '' where that of all modalities is missing."""
    from launch import missing

    parts = (("trimodal", "intra"), ("moddrop", "intra+moddrop"), ("modalities", "intra T"))
    whole, moddrop, fewer = (runs.get(sources.fusion(*part).config) for part in parts)
    if whole is None:
        return ""
    beside = [run.path for run in (moddrop, fewer) if run is not None and run.path != whole.path]
    if moddrop is not None and moddrop.path in beside:
        missing.ask(moddrop.path, moddrop.path / "missing", command)
    return missing.ask(whole.path, out, command, also=beside)


def main(argv: Sequence[str]) -> None:
    """Prints and writes the report that the flags and arguments ask for."""
    command = f"python -m launch.report {shlex.join(sys.argv[1:])}"
    folders = argv[1:]
    if folders and FLAGS.tables:
        raise UserError("give either --tables or run folders, not both")
    for name in ("compare", "confusion"):
        if FLAGS[name].value and not folders:
            raise UserError(f"--{name} is for run folders; name them, or leave it out")
    if folders:
        check_fold(bool(FLAGS.confusion))
        asked = dict(asked=FLAGS.compare, confused=FLAGS.confusion, fold=FLAGS.fold)
        files, out = build.compare(folders, command, **asked), FLAGS.out
    else:
        wanted = build.chosen(FLAGS.tables)
        check_fold(build.drawn(wanted))
        if not FLAGS.train and not Path(FLAGS.runs).is_dir():
            raise UserError(
                f"--runs={FLAGS.runs} is not a folder; name the one that holds the run folders, or add --train"
            )
        changes = assignments(wanted)
        check_keys(changes, tables.needed(wanted))

        train = partial(make, changes=changes, runs=Path(FLAGS.runs)) if FLAGS.train else None
        # A release has its own sizes; without one, the small synthetic runs are what there is to show.
        runs = build.gather(wanted, FLAGS.runs, train, synthetic=not FLAGS.manual_dir)
        files = build.render(wanted, runs, command, FLAGS.fold)
        out = FLAGS.out or str(Path(FLAGS.runs) / "report")
    for texts in files.values():
        print(texts["md"])
    for path in build.write(files, out) if out else ():
        print(f"wrote {path}", file=sys.stderr)
    table = missing_modalities(runs, Path(out), command) if not folders and FLAGS.train and build.drawn(wanted) else ""
    if table:
        print(table)


if __name__ == "__main__":
    define_flags(FLAGS)
    cli.run(main)
