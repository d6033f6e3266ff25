"""Writes a run's clips as one HTML page to look at and listen to; it opens from a file, without a network.

    python -m launch.explore --run=runs/conflictnet
    python -m launch.explore --run=runs/conflictnet --split=validation --variant=ConflictNET --limit=100
    python -m launch.explore --run=runs/fusion_trimodal_ravdess --audio_dir=RAVDESS_DIR

Needs: a finished run whose examples are clips. Sound is what its corpus has, the recordings or clips of its manifest,
or the files of --audio_dir. Films play beside the waveform: those that a manifest's features were extracted from, those
of RAVDESS (form video), IEMOCAP (form release) and CMU-MOSI (form raw), or the videos in --audio_dir. Without --variant
and --trial, the best trial of the variant with the best mean validation score is shown, beside the mean of all its
trials.
Writes: RUN/listening/SPLIT_trial_N.html, about 100 kB a clip of 30 s at 8 kHz; films, about 30 kB a second, lie in a
folder beside it if they are more than 20 MB. A regression gives truth against
prediction, classes give a confusion matrix. Waveforms show the LIME weights that launch.explain left in the run folder.
"""

import shlex
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from launch import cli

FLAGS = flags.FLAGS


def define_flags(values: flags.FlagValues) -> None:
    """Called by the program, not by importing this module: other launchers have flags of the same names."""
    flags.DEFINE_string("run", None, "A finished run folder.", required=True, flag_values=values)
    flags.DEFINE_enum("split", "test", ["validation", "test"], "Which split.", flag_values=values)
    variant = "Variant whose best trial is shown. Default: the best on validation, by its mean."
    flags.DEFINE_string("variant", None, variant, flag_values=values)
    flags.DEFINE_integer("trial", None, "Trial of results.json, instead of a variant's best.", flag_values=values)
    flags.DEFINE_string("out", "", "The page. Default: RUN/listening/SPLIT_trial_N.html.", flag_values=values)
    limit = (
        "Put the sound of so many clips into the page, from the largest error to the smallest; all are shown. 0: all."
    )
    flags.DEFINE_integer("limit", 0, limit, lower_bound=0, flag_values=values)
    folder = "Folder with the clips' own sound or films, ID.wav (flac, ogg, mp3, mp4, ...) at any depth."
    flags.DEFINE_string("audio_dir", "", folder, flag_values=values)


def main(argv: Sequence[str]) -> None:
    """Writes the page that the flags ask for."""
    cli.refuse_arguments(argv)
    from affect_jax.evaluation import read
    from affect_jax.experiment import chosen_trial, trial_choice
    from affect_jax.reports import listening
    from affect_jax.runtime.files import write_atomic

    run = read.read_run(FLAGS.run)
    choice = chosen_trial.choose_trial(run.path, FLAGS.variant, FLAGS.trial)
    out = Path(FLAGS.out or run.path / "listening" / f"{FLAGS.split}_trial_{choice.number}.html")
    films = f"{out.stem}_films"
    page, summary = listening.explore_run(
        run, choice, FLAGS.split, audio_dir=FLAGS.audio_dir, limit=FLAGS.limit, film_folder=films
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    for name, film in page.films.items():
        (out.parent / films).mkdir(exist_ok=True)
        write_atomic(out.parent / films / name, film)
    write_atomic(out, page.html)
    print(f"{trial_choice.describe_choice(choice)}\n{summary} -> {out}")
    print(f"open in a browser: {out}")
    print(f"next: python -m launch.report {shlex.quote(str(run.path))}    # all variants, with intervals and tests")


if __name__ == "__main__":
    define_flags(FLAGS)
    cli.run(main)
