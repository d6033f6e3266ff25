"""Writes what a trained model needs to predict: for SEW and SeqSEW the weaker modality's encoder and head alone.

    python -m launch.export --run=runs/sew
    python -m launch.export --run=runs/sew --variant=-CCA --out=exported
    python -m launch.export --run=runs/sew --trial=3
    python -m launch.export --run=runs/sew --ensemble

Needs: a finished run folder. Without --variant and --trial, the best trial of the variant with the best mean validation
score is exported; of SEW and SeqSEW, of the variants that read the weaker modality. --ensemble exports all seeds of
that trial's variant and fold as one model, which averages their probabilities or numbers.
Writes: RUN/export/model.jax, a jax.export artifact that needs jax alone; params.npz, the parameters by name;
description.json, inputs, output, origin, the calibration that was fitted on validation, and checksums of all three.
`launch.predict --run=RUN/export FILE ...` reads the export.
"""

import shlex
import sys
from pathlib import Path

from absl import flags

from launch import cli

FLAGS = flags.FLAGS


def define_flags(values: flags.FlagValues) -> None:
    """Called by the program, not by importing this module: other launchers have flags of the same names."""
    flags.DEFINE_string("run", None, "A finished run folder.", required=True, flag_values=values)
    variant = "Variant whose best trial is exported. Default: the best on validation, by its mean."
    flags.DEFINE_string("variant", None, variant, flag_values=values)
    flags.DEFINE_integer("trial", None, "Trial of results.json, instead of a variant's best.", flag_values=values)
    together = "Export all seeds of that trial's variant and fold, whose answers are averaged."
    flags.DEFINE_bool("ensemble", False, together, flag_values=values)
    how = "How probabilities are calibrated on validation: by one temperature, or by a curve a class that never falls."
    flags.DEFINE_enum("calibration", "temperature", ["temperature", "isotonic"], how, flag_values=values)
    flags.DEFINE_string("out", None, "Folder to write. Default: RUN/export.", flag_values=values)


def main(argv: list[str]) -> None:
    """Exports the trial that the flags choose."""
    cli.refuse_arguments(argv)
    from affect_jax.experiment import chosen_trial, trial_choice
    from affect_jax.inference import deployment
    from affect_jax.runtime import run_folder

    run = Path(FLAGS.run)
    choice = chosen_trial.choose_trial(run, FLAGS.variant, FLAGS.trial)
    out = Path(FLAGS.out or run / "export")
    provenance = run_folder.describe_provenance(shlex.join(sys.argv))
    members = chosen_trial.choose_members(choice) if FLAGS.ensemble else ()
    deployed = deployment.load_calibrated(run, choice, members, FLAGS.calibration)
    described = deployment.export_deployed(deployed, out, provenance)
    print(trial_choice.describe_choice(choice))
    if members:
        print(
            f"{deployment.name_trials(deployed)}, which is that trial with its variant's other seeds of fold "
            f"{choice.trial.fold}"
        )
    print(f"{described['parameters']:,} parameters -> {out}")
    about = "recordings, features, or a csv that lists them"
    print(f"next: python -m launch.predict --run={shlex.quote(str(out))} FILE ...    # {about}")


if __name__ == "__main__":
    define_flags(FLAGS)
    cli.run(main)
