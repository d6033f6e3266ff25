"""Tests a finished run of configs/fusion.py with modalities missing (thesis 4.4): tables and figures.

    python -m launch.missing --run=runs/fusion
    python -m launch.missing --run=runs/fusion_all --study=intra --study=cross --k=5,10,100
    python -m launch.missing --run=runs/fusion --also=runs/fusion_modalities --also=runs/fusion_moddrop

Every trial of every study of at least two modalities, under every combination of present modalities. In place of what is
missing: zeros at the input, or, where statistical pooling reads its vectors, the training part's mean or the mean of
the K nearest training examples.
Needs: a finished run. --also names runs whose models were trained on fewer modalities ('orig'), or that were tested by
this program before, such as those with Moddrop.
Writes: RUN/missing: missing.json, tables (md, csv, tex) and figures; studies that are in missing.json are not asked
again.
"""

import shlex
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from absl import flags

from affect_jax.errors import UserError, suggest_nearest
from affect_jax.runtime.progress import Work
from launch import cli

FLAGS = flags.FLAGS


def define_flags(values: flags.FlagValues) -> None:
    """Called by the program, not by importing this module: other launchers have flags of the same names."""
    flags.DEFINE_string("run", None, "A finished run folder.", required=True, flag_values=values)
    flags.DEFINE_multi_string("study", [], "Study to test; may repeat. Default: all that can be.", flag_values=values)
    flags.DEFINE_list("k", ["5", "10", "100"], "Numbers of nearest neighbours.", flag_values=values)
    flags.DEFINE_list("metric", ["euclidean", "cosine"], "Distances; the first is drawn.", flag_values=values)
    flags.DEFINE_multi_string("also", [], "Another run folder to set beside; may repeat.", flag_values=values)
    flags.DEFINE_bool("svg", False, "Write the figures as svg, too.", flag_values=values)
    flags.DEFINE_string("out", "", "Folder to write. Default: RUN/missing.", flag_values=values)


def counts(texts: Sequence[str]) -> tuple[int, ...]:
    """--k as numbers, each once, in order.

    Raises:
      UserError: none, or one that is no number above 0.
    """
    for text in texts:
        if not text.isdecimal() or not int(text):
            raise UserError(f"--k has {text!r}, which is no number of neighbours; give numbers above 0, e.g. --k=5,10")
    if not texts:
        raise UserError("--k is empty; give numbers of neighbours, e.g. --k=5,10,100")
    return tuple(sorted({int(text) for text in texts}))


def metrics(names: Sequence[str]) -> tuple[str, ...]:
    """--metric, each once.

    Raises:
      UserError: none, or one that there is not.
    """
    from affect_jax.evaluation.imputation import METRICS

    for name in names or [""]:
        if name not in METRICS:
            raise UserError(f"--metric has {name!r}{suggest_nearest(name, METRICS)}; choose of {', '.join(METRICS)}")
    return tuple(dict.fromkeys(names))


def ask(
    run: Path,
    out: Path,
    command: str,
    *,
    also: Sequence[Path] = (),
    studies: Sequence[str] = (),
    ks: Sequence[int] = (5, 10, 100),
    distances: Sequence[str] = ("euclidean", "cosine"),
    formats: Sequence[str] = ("png",),
) -> str:
    """Tests a run and writes what it says.

    Args:
      run: a finished run folder.
      out: the folder to write; a missing.json in it goes on.
      command: for the record.
      also: run folders to set beside.
      studies: to test; () for all that can be.
      ks: numbers of nearest neighbours.
      distances: of affect_jax.evaluation.imputation.METRICS.
      formats: of the figures.

    Returns:
      The table of zeros, as text.

    Raises:
      UserError: a run that cannot be tested, or too few training examples.
    """
    from affect_jax.evaluation.missing import checked_run, masked_scores, missing_file
    from affect_jax.reports import build, folders, missing_figures
    from affect_jax.reports import formats as text
    from affect_jax.reports import missing as tables

    checked = checked_run.check_run(run, studies)
    beside = missing_file.read_other_runs(checked, also)
    document = missing_file.start_document(checked, ks, distances, out, command)
    left = [subject for subject in checked.subjects if subject.spec.name not in document["studies"]]
    with Work() as work:
        if left:
            loaded = checked_run.load_corpus(checked)
            masked_scores.check_neighbour_counts(loaded, ks)
            kind = "synthetic " if document["corpus"]["synthetic"] else ""
            work.say(f"{kind}corpus {document['corpus']['name']}: {', '.join(s.spec.name for s in left)}")
        for subject in left:
            name = subject.spec.name
            tell = partial(work.progress, name)
            document["studies"][name] = masked_scores.score_study(checked, loaded, subject, ks, distances, tell)
            missing_file.write_missing(document, out)
    shown = missing_file.merge_studies(
        document, [tested for tested in map(missing_file.read_missing, beside) if tested]
    )
    missing_file.add_originals(shown, [folders.read_run(run), *beside])
    missing_file.write_missing(document, out)
    paths = build.write(tables.render(shown, command), out)
    paths += missing_figures.write(shown, out, formats)
    for path in (out / missing_file.FILE, *paths):
        print(f"wrote {path}", file=sys.stderr)
    return text.plain(tables.zeros(shown))


def main(argv: Sequence[str]) -> None:
    """Tests what the flags name, writes it and prints the table."""
    if argv[1:]:
        raise UserError(f"{argv[1]!r} is no flag; name a run with --run=DIR")
    ks, distances = counts(FLAGS.k), metrics(FLAGS.metric)
    run = Path(FLAGS.run)
    table = ask(
        run,
        Path(FLAGS.out or run / "missing"),
        f"python -m launch.missing {shlex.join(sys.argv[1:])}",
        also=[Path(folder) for folder in FLAGS.also],
        studies=FLAGS.study,
        ks=ks,
        distances=distances,
        formats=("png", "svg") if FLAGS.svg else ("png",),
    )
    print(table)


if __name__ == "__main__":
    define_flags(FLAGS)
    cli.run(main)
