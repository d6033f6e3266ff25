"""Tests a finished run of configs/fusion.py with modalities missing: tables and figures.

    python -m launch.missing --run=runs/fusion
    python -m launch.missing --run=runs/fusion_all --study=intra --study=cross --k=5,10,100
    python -m launch.missing --run=runs/fusion --also=runs/fusion_modalities --also=runs/fusion_moddrop

Every trial of every study of at least two modalities is scored under every combination of present modalities. Zeros
replace a missing modality at the input; or, where statistical pooling reads its vectors, the mean of the training split
or of the K nearest training examples replaces them.
Needs: a finished run. --also names runs whose models were trained on fewer modalities ('orig'), or that this program
has tested before, such as those with Moddrop.
Writes: RUN/missing, or --out: missing.json, tables (md, csv, tex) and figures. Studies that missing.json there, or in
RUN/missing, has are not scored again; where it has all, weights and corpus may be gone.
"""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from affect_jax.errors import UserError, suggest_nearest
from launch import cli

FLAGS = flags.FLAGS


def define_flags(values: flags.FlagValues) -> None:
    """Called by the program, not by importing this module: other launchers have flags of the same names."""
    flags.DEFINE_string("run", None, "A finished run folder.", required=True, flag_values=values)
    flags.DEFINE_multi_string("study", [], "Study to test; may repeat. Default: all that can be.", flag_values=values)
    neighbours = "Numbers of nearest neighbours. Default: 5,10,100, as far as every fold has so many."
    flags.DEFINE_list("k", None, neighbours, flag_values=values)
    flags.DEFINE_list("metric", ["euclidean", "cosine"], "Distances; the first is drawn.", flag_values=values)
    flags.DEFINE_multi_string("also", [], "Another run folder to set beside; may repeat.", flag_values=values)
    flags.DEFINE_bool("svg", False, "Write the figures as svg, too.", flag_values=values)
    flags.DEFINE_string("out", None, "Folder to write. Default: RUN/missing.", flag_values=values)


def parse_counts(texts: Sequence[str] | None) -> tuple[int, ...]:
    """--k as numbers, each once, in order; () where it is not given.

    Raises:
      UserError: there is none, or one is not a whole number above 0.
    """
    if texts is None:
        return ()
    for text in texts:
        if not text.isdecimal() or not int(text):
            raise UserError(f"--k has {text!r}, which is no number of neighbours; give numbers above 0, e.g. --k=5,10")
    if not texts:
        raise UserError("--k is empty; give numbers of neighbours, e.g. --k=5,10,100")
    return tuple(sorted({int(text) for text in texts}))


def parse_metrics(names: Sequence[str]) -> tuple[str, ...]:
    """--metric, each once.

    Raises:
      UserError: there is none, or one is unknown.
    """
    from affect_jax.evaluation.imputation import METRICS

    for name in names or [""]:
        if name not in METRICS:
            raise UserError(f"--metric has {name!r}{suggest_nearest(name, METRICS)}; choose of {', '.join(METRICS)}")
    return tuple(dict.fromkeys(names))


def main(argv: Sequence[str]) -> None:
    """Scores what the flags name, writes it and prints the table."""
    cli.refuse_arguments(argv)
    kinds = ("png", "svg") if FLAGS.svg else ("png",)
    score_missing(FLAGS, f"python -m launch.missing {shlex.join(sys.argv[1:])}", figure_formats=kinds)


def score_missing(values: flags.FlagValues, command: str, *, figure_formats: Sequence[str]) -> None:
    """Scores what these flags, of `define_flags`, name, writes it, with figures of these formats, and prints the table.

    Raises:
      UserError: a flag's value, or a run that cannot be scored.
    """
    from affect_jax.reports.missing import score_and_write

    run = Path(values.run)
    table = score_and_write(
        run,
        Path(values.out or run / "missing"),
        command,
        figure_formats=figure_formats,
        also=[Path(folder) for folder in values.also],
        studies=values.study,
        counts=parse_counts(values.k),
        metrics=parse_metrics(values.metric),
    )
    print(table)
    print(f"next: python -m launch.report {shlex.quote(str(run))}    # the same run with nothing missing")


if __name__ == "__main__":
    define_flags(FLAGS)
    cli.run(main)
