"""Writes the deployed part of a trained model: of SEW and SeqSEW the weaker modality's encoder and head alone.

    python -m launch.export --run=runs/sew
    python -m launch.export --run=runs/sew --variant=-CCA --out=exported
    python -m launch.export --run=runs/sew --trial=3

Needs: a finished run folder. Without --trial, the best trial on validation of the variant is taken.
Writes: RUN/export/model.jax, a jax.export artifact that runs without this package; params.npz, the parameters by name;
description.json, what goes in and comes out, and checksums of all three. `launch.predict --run=RUN/export FILE ...`
reads it back.
"""

import sys
from pathlib import Path

from absl import flags

from launch import cli

FLAGS = flags.FLAGS


def define_flags(values: flags.FlagValues) -> None:
    """Called by the program, not by importing this module: other launchers have flags of the same names."""
    flags.DEFINE_string("run", None, "A finished run folder.", required=True, flag_values=values)
    flags.DEFINE_string(
        "variant", "", "Variant whose best trial is exported. Default: the run's first.", flag_values=values
    )
    flags.DEFINE_integer("trial", -1, "Trial of results.json, instead of a variant's best.", flag_values=values)
    flags.DEFINE_string("out", "", "Folder to write. Default: RUN/export.", flag_values=values)


def main(argv: list[str]) -> None:
    """Exports the trial that the flags choose."""
    cli.refuse_arguments(argv)
    from affect_jax.inference import deployment
    from affect_jax.runtime import run_folder

    run = Path(FLAGS.run)
    results = run_folder.read_json(run / "results.json")
    number = deployment.choose_trial(results, FLAGS.variant, FLAGS.trial)
    out = Path(FLAGS.out or run / "export")
    described = deployment.export_deployed(
        deployment.load_deployed(run, number), out, run_folder.describe_provenance(" ".join(sys.argv))
    )
    kind = " (trained on a synthetic corpus)" if results["corpus"]["synthetic"] else ""
    print(
        f"trial {number}, variant {described['trial']['variant']!r}{kind}: {described['parameters']:,} parameters -> {out}"
    )


if __name__ == "__main__":
    define_flags(FLAGS)
    cli.run(main)
