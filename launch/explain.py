"""Explains which parts of a clip a model's prediction depends on: SLIME, integrated gradients and occlusion.

    python -m launch.explain --run=runs/conflictnet                               # one clip of each of the four cases
    python -m launch.explain --run=runs/conflictnet --id=CLIP,CLIP --variant=ConflictNET --seeds=5
    python -m launch.explain --run=runs/conflictnet talk.wav debate.mp3
    python -m launch.explain --run=converted talk.wav             # a folder that launch.convert wrote

Needs: a finished run of a model of raw speech. Without clips and files: one clip of each of the four cases of section
3.4.1, the one with the largest |prediction|. Without --variant and --trial, the best trial of the variant with the best
mean validation score is explained.
Writes: RUN/explanations/<id>.json and .png, and explanations.csv. A clip takes about 1,000 passes through the model,
whatever --seeds and --perturbations are, because 10 super-samples have only 1,024 perturbations. A file that is longer
than what the model reads at once is cut. A file that cannot be explained is named and skipped; the exit status is then
2.
"""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

from affect_jax.errors import UserError
from affect_jax.evaluation.explanations.settings import Settings
from launch import cli

FLAGS = flags.FLAGS


def define_flags(values: flags.FlagValues) -> None:
    """Called by the program, not by importing this module: other launchers have flags of the same names."""
    default = Settings()
    run = "A finished run folder, or one of launch.convert."
    flags.DEFINE_string("run", None, run, required=True, flag_values=values)
    flags.DEFINE_list("id", [], "Clips of the run's corpus.", flag_values=values)
    files = "Sound files instead, as those that are named without a flag: of any kind and rate."
    flags.DEFINE_list("file", [], files, flag_values=values)
    variant = "Variant whose best trial is explained. Default: the best on validation, by its mean."
    flags.DEFINE_string("variant", None, variant, flag_values=values)
    flags.DEFINE_integer("trial", None, "Trial of results.json, instead of a variant's best.", flag_values=values)
    for name, low, text in (
        ("segments", 2, "Super-samples, equal parts of a clip."),
        ("perturbations", 2, "Perturbed clips in one draw, the clip itself first."),
        ("seeds", 1, "Draws of perturbations, for the stability of the ranks."),
        ("steps", 1, "Points of the integral of integrated gradients."),
        ("batch", 1, "Clips at a time, over all devices; a quarter of it for gradients."),
    ):
        flags.DEFINE_integer(name, getattr(default, name), text, lower_bound=low, flag_values=values)
    kernels, text = (
        ["thesis", "slime"],
        "How near a sample counts as: LIME's kernel as published, or its square root as in SLIME's code.",
    )
    flags.DEFINE_enum("kernel", default.kernel, kernels, text, flag_values=values)
    flags.DEFINE_bool("clip", default.clip, "Clip predictions to [-1, 1].", flag_values=values)
    flags.DEFINE_string("label", None, "Class to explain. Default: the predicted one.", flag_values=values)
    flags.DEFINE_bool("svg", False, "Write the figures as svg, too.", flag_values=values)
    flags.DEFINE_string("out", None, "Folder to write. Default: RUN/explanations.", flag_values=values)


def main(argv: Sequence[str]) -> None:
    """Explains the clips or files that the flags and arguments choose."""
    files = [*FLAGS.file, *argv[1:]]
    if FLAGS.id and files:
        raise UserError("give either --id or sound files, not both")
    settings = Settings(**{name: FLAGS[name].value for name in Settings._fields})
    run = Path(FLAGS.run)
    out = Path(FLAGS.out or run / "explanations")
    chosen = {name: FLAGS[name].value for name in ("variant", "trial", "label")}
    skipped: list[str] = []
    _tell_choice(run, chosen)
    explain(run, settings, out=out, svg=FLAGS.svg, ids=FLAGS.id, files=files, skip=skipped.append, **chosen)
    if skipped:
        print(*(f"skipped: {problem}" for problem in skipped), sep="\n", file=sys.stderr)
        sys.exit(2)


def _tell_choice(run: Path, chosen: dict[str, Any]) -> None:
    """Says which trial of a run is explained, and fixes that; a converted model is one alone."""
    from affect_jax.experiment.chosen_trial import choose_trial
    from affect_jax.experiment.trial_choice import describe_choice
    from affect_jax.inference.speech_models import is_converted

    if is_converted(run):
        return
    choice = choose_trial(run, chosen["variant"], chosen["trial"])
    chosen |= {"variant": None, "trial": choice.number}
    print(describe_choice(choice), file=sys.stderr)


def explain(run: Path, settings: Settings, *, out: Path, svg: bool = False, **chosen: Any) -> list[Path]:
    """Explains clips, and writes and prints each one as soon as it is done.

    Args:
      run: a folder, see the flags.
      settings: how.
      out: the folder to write.
      svg: write the figures as svg, too.
      **chosen: which clips, as keywords of `explainer.explain_clips`.

    Returns:
      The JSON files.
    """
    from affect_jax.evaluation.explanations.explainer import explain_clips
    from affect_jax.reports import explanations

    paths = []
    for explained in explain_clips(run, settings, **chosen):
        paths.append(explanations.write_clip(out, explained.clip, explained.rate, explained.entry, svg=svg))
        print(explanations.summarize_clip(explained.entry, paths[-1]), flush=True)
    if paths:
        print(explanations.write_clip_table(out))
        about = "the test clips on a page, with the weights of those that are explained"
        print(f"next: python -m launch.explore --run={shlex.quote(str(run))}    # {about}")
    return paths


if __name__ == "__main__":
    define_flags(FLAGS)
    cli.run(main)
