"""Explains what a trained model heard in clips: SLIME, beside integrated gradients and occlusion.

    python -m launch.explain --run=runs/conflictnet                               # one clip of each of the four cases
    python -m launch.explain --run=runs/conflictnet --id=CLIP,CLIP --variant=ConflictNET --seeds=5
    python -m launch.explain --run=runs/conflictnet talk.wav debate.mp3
    python -m launch.explain --run=converted talk.wav             # a folder that launch.convert wrote

Needs: a finished run of a model of raw speech. Without clips and files: one clip of each of the four cases of section
3.4.1, the one with the largest |prediction|. Without --trial, the best trial on validation of the variant explains.
Writes: RUN/explanations/<id>.json and .png, and explanations.csv. A clip takes some 1,000 passes through the model,
whatever --seeds and --perturbations: of 10 super-samples there are only 1,024 perturbations. Of a longer file only what
the model takes at once is explained.
"""

from collections.abc import Sequence
from pathlib import Path

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
    files = "Sound files instead, as those that are named without a flag: wav, flac, mp3 or ogg of any rate."
    flags.DEFINE_list("file", [], files, flag_values=values)
    flags.DEFINE_string(
        "variant", "", "Variant whose best trial explains. Default: the run's first.", flag_values=values
    )
    flags.DEFINE_integer("trial", -1, "Trial of results.json, instead of a variant's best.", flag_values=values)
    for name, low, text in (
        ("segments", 2, "Super-samples, equal parts of a clip."),
        ("perturbations", 2, "Perturbed clips a draw, the clip itself first."),
        ("seeds", 1, "Draws of perturbations, for the stability of the ranks."),
        ("steps", 1, "Points of the integral of integrated gradients."),
        ("batch", 1, "Clips at a time, over all devices; a quarter of it for gradients."),
    ):
        flags.DEFINE_integer(name, getattr(default, name), text, lower_bound=low, flag_values=values)
    kernels, text = ["thesis", "slime"], "Eq. 3.5, or its square root as in SLIME's code."
    flags.DEFINE_enum("kernel", default.kernel, kernels, text, flag_values=values)
    flags.DEFINE_bool("clip", default.clip, "Hold answers to [-1, 1], as eq. 3.7 needs.", flag_values=values)
    flags.DEFINE_string("label", "", "Class to explain. Default: the predicted one.", flag_values=values)
    flags.DEFINE_bool("svg", False, "Write the figures as svg, too.", flag_values=values)
    flags.DEFINE_string("out", "", "Folder to write. Default: RUN/explanations.", flag_values=values)


def main(argv: Sequence[str]) -> None:
    """Explains the clips or files that the flags and arguments choose."""
    files = [*FLAGS.file, *argv[1:]]
    if FLAGS.id and files:
        raise UserError("give either --id or sound files, not both")
    settings = Settings(**{name: FLAGS[name].value for name in Settings._fields})
    run = Path(FLAGS.run)
    out = Path(FLAGS.out or run / "explanations")
    chosen = {name: FLAGS[name].value for name in ("variant", "trial", "label", "svg")}
    explain(run, settings, out=out, ids=FLAGS.id, files=files, **chosen)


def explain(
    run: Path,
    settings: Settings,
    *,
    out: Path,
    ids: Sequence[str] = (),
    files: Sequence[str] = (),
    variant: str = "",
    trial: int = -1,
    label: str = "",
    svg: bool = False,
) -> list[Path]:
    """Explains clips of a run, or files, and writes and prints what was found; see the flags.

    Returns:
      The JSON files.

    Raises:
      UserError: an unfinished run, a model that does not hear waveforms, clips or files that are not there, or clips of
        a converted model, which has no corpus.
    """
    from affect_jax.evaluation.explanations import clips, explainer
    from affect_jax.inference import speech_models
    from affect_jax.reports import explanations
    from affect_jax.runtime.progress import Work

    if not files and speech_models.is_converted(run):
        raise UserError(
            f"{run} holds a converted model, which has no corpus to take {'--id' if ids else 'the four cases'} from; "
            f"name sound files, as in: --run={run} talk.wav"
        )
    hearer = speech_models.load_speech_model(run, variant, trial)
    written = []
    with Work() as notes:
        of_clip = explainer.make_explainer(hearer, settings, label, notes.progress)
        if files:
            chosen = clips.read_file_clips(files, hearer.rate, hearer.deployed.steps)
        else:
            chosen = clips.read_run_clips(run, hearer, ids, notes.say)
        for clip in chosen:
            entry = of_clip(clip)
            written.append(explanations.write(out, clip, hearer.rate, entry, svg=svg))
            print(explanations.summary(entry, written[-1]), flush=True)
    print(explanations.write_table(out))
    return written


if __name__ == "__main__":
    define_flags(FLAGS)
    cli.run(main)
