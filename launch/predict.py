"""Predicts with a trained model: your own recordings or features, or one split of the corpus that it was trained on.

    python -m launch.predict --run=runs/conflictnet talk.wav debate.mp3 --plot
    python -m launch.predict --run=runs/conflictnet --window=30 --hop=10 *.flac > timeline.csv
    python -m launch.predict --run=converted talk.wav             # a folder that launch.convert wrote
    python -m launch.predict --run=runs/sew/export features.csv   # a folder that launch.export wrote
    python -m launch.predict --run=runs/seqsew_recola_arousal_geo_audio --split=test --variant=SeqSEW

Needs, for recordings: a run of raw speech, and sound files (docs/own_data.md) of any rate and length, mono or more.
Writes their timelines to standard output (csv) or to --out, and a summary of each file to standard error; --plot draws
<name>_timeline.png beside the output. Windows slide over each file. A file that cannot be read is named and skipped;
the exit status is then 2.

Needs, for features: an export of a model that reads them, and files of features (csv, arff, npy, npz, h5, mat) as
docs/own_data.md describes them, each an item or a recording, not standardised. For several modalities: npz, h5 or mat
files with an array for each, by its name; a modality without an array is missing.
Writes a csv with the columns id, prediction, and for classes the probability of each, to standard output or to --out.

Needs, for a split of the corpus: any finished run.
Writes one file a recording below --out: RECOLA's in the arff form of its gold standard (which its owners score for the
unlabelled test split), others as csv with the columns id, prediction.

Without --trial, the trial of the variant with the best validation score predicts.
"""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from affect_jax.errors import UserError
from launch import cli

if TYPE_CHECKING:  # --help does not wait for jax
    from affect_jax.inference.speech_models import SpeechModel

FLAGS = flags.FLAGS
_OF_RECORDINGS = ("window", "hop", "plot")
_OF_RUNS = ("split", "variant", "trial")


def define_flags(values: flags.FlagValues) -> None:
    """Called by the program, not by importing this module: other launchers have flags of the same names."""
    run = "A finished run folder, or one of launch.convert or launch.export."
    flags.DEFINE_string("run", None, run, required=True, flag_values=values)
    flags.DEFINE_enum("split", "test", ["validation", "test"], "Split of the run's corpus.", flag_values=values)
    variant = "Variant whose best trial predicts. Default: the run's first."
    flags.DEFINE_string("variant", None, variant, flag_values=values)
    flags.DEFINE_integer("trial", None, "Trial of results.json, instead of a variant's best.", flag_values=values)
    out = "Files: csv (default), for recordings also json, on standard output, or a file of these. A split: a folder."
    flags.DEFINE_string("out", None, out, flag_values=values)
    flags.DEFINE_float(
        "window", None, "Seconds of a window. Default: what the model reads at once.", flag_values=values
    )
    flags.DEFINE_float("hop", None, "Seconds between windows. Default: a third of a window.", flag_values=values)
    flags.DEFINE_bool("plot", False, "Draw each recording's timeline.", flag_values=values)


def main(argv: Sequence[str]) -> None:
    """Predicts what the flags and arguments choose; exits with status 2 where a file was skipped."""
    from affect_jax.inference import export_folder, speech_models

    run, files = Path(FLAGS.run), argv[1:]
    if export_folder.is_export(run):
        skipped = _predict_with_export(run, files)
    elif files:
        _refuse_flags(("split",), "is for a split of the corpus, but recordings are named; leave one of the two out")
        skipped = _predict_speech(speech_models.load_speech_model(run, FLAGS.variant, FLAGS.trial), files)
    else:
        _refuse_flags(_OF_RECORDINGS, f"is for recordings, but none is named; name files, as in: --run={run} talk.wav")
        _write_split(run)
        skipped = 0
    if skipped:
        sys.exit(2)


def _refuse_flags(names: Iterable[str], reason: str) -> None:
    given = [name for name in names if FLAGS[name].present]
    if given:
        raise UserError(f"--{given[0]} {reason}")


def _predict_with_export(folder: Path, files: Sequence[str]) -> int:
    from affect_jax.inference import export_folder, predict_files, speech_models
    from affect_jax.inference.output import parse_output

    _refuse_flags(
        _OF_RUNS, f"is for a run, but {folder} holds an export, which is one trial without its corpus; leave it out"
    )
    if not files:
        raise UserError(f"{folder} holds an export; name files to predict, as in: --run={folder} FILE")
    exported = export_folder.read_export(folder)
    if exported.description["trained"]["rate"]:
        return _predict_speech(speech_models.wrap_export(folder, exported), files)
    _refuse_flags(_OF_RECORDINGS, f"is for recordings, but the model reads {exported.modality!r}; leave it out")
    output = parse_output(FLAGS.out or "csv", what="features", forms=("csv",))
    return predict_files.predict_features(exported, files, output)


def _predict_speech(model: "SpeechModel", files: Sequence[str]) -> int:
    from affect_jax.inference import predict_files
    from affect_jax.inference.output import parse_output

    output = parse_output(FLAGS.out or "csv", what="recordings")
    return predict_files.predict_speech(model, files, output, window=FLAGS.window, hop=FLAGS.hop, plot=FLAGS.plot)


def _write_split(run: Path) -> None:
    from affect_jax.experiment.results_file import read_results
    from affect_jax.inference import deployment, speech_models, split_files

    if speech_models.is_converted(run):
        raise UserError(
            f"{run} holds a converted model, which has no corpus to predict a split of; name recordings, as in: "
            f"--run={run} talk.wav"
        )
    results = read_results(run)
    number = deployment.choose_trial(results, FLAGS.variant, FLAGS.trial)
    out = Path(FLAGS.out or run / "predictions" / FLAGS.split)
    paths = split_files.write_split_predictions(run, results, number, FLAGS.split, out)
    kind = " (from a synthetic corpus)" if results.corpus.synthetic else ""
    print(f"trial {number}, variant {results.trials[number].variant!r}{kind}: {len(paths)} files -> {out}")


if __name__ == "__main__":
    define_flags(FLAGS)
    cli.run(main)
