"""Measures how much of a fusion model's score comes from what its modalities do together.

    python -m launch.interactions --run=runs/fusion
    python -m launch.interactions --run=runs/fusion --study=cross --block=128

A model is asked with each modality taken from an example of its own, and its answers are averaged into the best sum of
a function of each modality (of three modalities also of each pair). What that sum scores less than the model itself is
interaction. N examples of a block are crossed with each other, so M modalities cost N^M answers for a block.
Needs: a finished run whose examples are items or frames, with models of two to four modalities.
Writes: RUN/interactions: interactions.json, which a later call reads instead of asking anew, and interactions.md, .csv,
.tex.
"""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from launch import cli

FLAGS = flags.FLAGS


def define_flags(values: flags.FlagValues) -> None:
    """Called by the program, not by importing this module: other launchers have flags of the same names."""
    flags.DEFINE_string("run", None, "A finished run folder.", required=True, flag_values=values)
    flags.DEFINE_multi_string("study", [], "Study to ask; may repeat. Default: all that can be.", flag_values=values)
    flags.DEFINE_integer(
        "block",
        None,
        "Examples that are crossed with each other. Default: 256 of two modalities, 48 of three, 16 of four.",
        lower_bound=2,
        flag_values=values,
    )
    flags.DEFINE_string("out", None, "Folder to write. Default: RUN/interactions.", flag_values=values)


def main(argv: Sequence[str]) -> None:
    """Scores what the flags name, writes the table and prints it."""
    cli.refuse_arguments(argv)
    print(score_interactions(FLAGS, f"python -m launch.interactions {shlex.join(sys.argv[1:])}"))
    print(f"next: python -m launch.report {shlex.quote(FLAGS.run)}")


def score_interactions(values: flags.FlagValues, command: str) -> str:
    """The table of these flags, which it writes.

    Args:
      values: of `define_flags`, parsed.
      command: for the record.
    """
    from affect_jax.reports.interactions import score_and_write

    run = Path(values.run)
    return score_and_write(
        run, Path(values.out or run / "interactions"), command, names=values.study, block=values.block
    )


if __name__ == "__main__":
    define_flags(FLAGS)
    cli.run(main)
