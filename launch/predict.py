"""Predicts with a trained model: your own recordings or features, or one split of the corpus that it was trained on.

    python -m launch.predict --run=runs/fusion new.csv            # a list of items: id and a column for each modality
    python -m launch.predict --run=runs/fusion/export *.wav       # a folder that launch.export wrote
    python -m launch.predict --run=runs/sew/export features.csv
    python -m launch.predict --run=runs/sentiment a.txt b.txt      # or a csv with the columns id and that of the words
    python -m launch.predict --run=runs/fusion --ensemble new.csv  # all seeds of the best variant and fold together
    python -m launch.predict --run=runs/conflictnet talk.wav debate.mp3 --plot
    python -m launch.predict --run=runs/conflictnet --window=30 --hop=10 *.flac > timeline.csv
    python -m launch.predict --run=runs/clips talk.mp4 --transcript=talk.srt --subtitles=srt    # docs/clips.md
    python -m launch.predict --run=converted talk.wav             # a folder that launch.convert wrote
    python -m launch.predict --run=runs/seqsew_recola_arousal_geo_audio --split=test --variant=SeqSEW

Needs: a finished run or an export, and files as docs/own_data.md describes them, not standardised: recordings,
features, or a csv in the manifest's form without labels. Recordings and files of features become inputs exactly as in
training. For several modalities: a list, or npz, h5 or mat files with an array for each. Nothing is cut off: where
every step has a prediction, long files are read in the windows of the run's evaluation; where an item has one, windows
over all of it are averaged, which the column note and standard error say.
Writes a csv with the columns id, prediction, for classes the probability of each, and note, to standard output or to
--out. Where the run's validation predictions tell how far to trust it (docs/trust.md), probabilities are calibrated,
and set_90, or low_90 and high_90 of numbers, hold the truth in --coverage of cases like those of validation; of an
ensemble, disagreement says how far its seeds disagree. A file or row that cannot be read is named and skipped; the exit
status is then 2.

Of models of features that launch.prepare made by extractors: clips (videos, recordings) with transcripts, or a csv
with the same columns of clips as the manifest; extraction is as in training, and what is missing is said.

Of these clips, and of models of raw speech with recordings by name: timelines, of windows that slide over each file, as
csv or json, with the set or interval of each window, and a summary of each file on standard error; --plot draws
<name>_timeline.png beside the output, --subtitles writes <name>_predictions.srt or .vtt.

Needs, for a split of the corpus: any finished run.
Writes one file a recording below --out: RECOLA's in the arff form of its gold standard (which its owners score for the
unlabelled test split), others as csv with the columns id, prediction.

Without --variant and --trial, the best trial of the variant with the best mean validation score predicts.
"""

import shlex
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from affect_jax.errors import UserError
from launch import cli

if TYPE_CHECKING:  # --help does not wait for jax
    from affect_jax.inference.clip_features import Extractors
    from affect_jax.inference.predictor import Predictor
    from affect_jax.inference.speech_models import SpeechModel

FLAGS = flags.FLAGS
_OF_RECORDINGS = ("window", "hop", "plot", "subtitles")
_OF_CLIPS = ("transcript", "sources")
_OF_RUNS = ("split", "variant", "trial", "ensemble", "calibration")


def define_flags(values: flags.FlagValues) -> None:
    """Called by the program, not by importing this module: other launchers have flags of the same names."""
    run = "A finished run folder, or one of launch.convert or launch.export."
    flags.DEFINE_string("run", None, run, required=True, flag_values=values)
    flags.DEFINE_enum("split", "test", ["validation", "test"], "Split of the run's corpus.", flag_values=values)
    variant = "Variant whose best trial predicts. Default: the best on validation, by its mean."
    flags.DEFINE_string("variant", None, variant, flag_values=values)
    flags.DEFINE_integer("trial", None, "Trial of results.json, instead of a variant's best.", flag_values=values)
    together = "All seeds of that trial's variant and fold predict, and their answers are averaged."
    flags.DEFINE_bool("ensemble", False, together, flag_values=values)
    covers = "Of sets of classes, or of intervals: the share of cases in which they hold the truth."
    flags.DEFINE_enum("coverage", "0.9", ["0.8", "0.9", "0.95"], covers, flag_values=values)
    how = "How probabilities are calibrated on validation: by one temperature, or by a curve a class that never falls."
    flags.DEFINE_enum("calibration", "temperature", ["temperature", "isotonic"], how, flag_values=values)
    out = "Files: csv (default), for recordings also json, on standard output, or a file of these. A split: a folder."
    flags.DEFINE_string("out", None, out, flag_values=values)
    flags.DEFINE_float(
        "window", None, "Seconds of a window. Default: what the model reads at once.", flag_values=values
    )
    flags.DEFINE_float("hop", None, "Seconds between windows. Default: a third of a window.", flag_values=values)
    flags.DEFINE_bool("plot", False, "Draw each recording's timeline.", flag_values=values)
    subtitles = "Write each recording's timeline as subtitles, <name>_predictions.srt or .vtt."
    flags.DEFINE_enum("subtitles", None, ["srt", "vtt"], subtitles, flag_values=values)
    transcript = "Of clips: a transcript (srt, vtt, txt, or the words) for each, in their order."
    flags.DEFINE_multi_string("transcript", None, transcript, flag_values=values)
    sources = "Of clips: where extractors lie now, MODALITY=EXTRACTOR, ..., if not where they did in training."
    flags.DEFINE_string("sources", None, sources, flag_values=values)


def main(argv: Sequence[str]) -> None:
    """Predicts what the flags and arguments choose; exits with status 2 where a file was skipped."""
    from affect_jax.inference import export_folder, speech_models

    run, files = Path(FLAGS.run), argv[1:]
    if export_folder.is_export(run):
        skipped = _predict_with_export(run, files)
    elif files:
        _refuse_flags(("split",), "is for a split of the corpus, but files are named; leave one of the two out")
        if speech_models.is_converted(run):
            _refuse_flags(("ensemble",), f"is for a run, but {run} holds one converted model; leave it out")
            skipped = _predict_speech(speech_models.load_speech_model(run, FLAGS.variant, FLAGS.trial), files)
        else:
            skipped = _predict_with_run(run, files)
    else:
        _refuse_flags(
            (*_OF_RECORDINGS, *_OF_CLIPS),
            f"is for recordings, but none is named; name files, as in: --run={run} talk.wav",
        )
        _write_split(run)
        skipped = 0
    print(f"next: {_choose_next(run, files)}", file=sys.stderr)  # stdout holds the table alone
    if skipped:
        sys.exit(2)


def _choose_next(run: Path, files: Sequence[str]) -> str:
    """The command that follows: to look at a run's own clips, or to keep what an export answers."""
    from affect_jax.inference import export_folder, speech_models

    if export_folder.is_export(run) or speech_models.is_converted(run):
        words = shlex.join([f"--run={run}", *files])
        return f"python -m launch.predict {words} > predictions.csv    # keeps the table"
    return f"python -m launch.explore --run={shlex.quote(str(run))}    # its own test clips, to look at and listen to"


def _refuse_flags(names: Iterable[str], reason: str) -> None:
    given = [name for name in names if FLAGS[name].present]
    if given:
        raise UserError(f"--{given[0]} {reason}")


def _predict_with_export(folder: Path, files: Sequence[str]) -> int:
    from affect_jax.inference import export_folder, predictor, speech_models

    _refuse_flags(
        _OF_RUNS, f"is for a run, but {folder} holds an export, which is one trial without its corpus; leave it out"
    )
    if not files:
        raise UserError(f"{folder} holds an export; name files to predict, as in: --run={folder} FILE")
    exported = export_folder.read_export(folder)
    model = predictor.wrap_export(folder, exported)
    if model.trained["rate"] and not _are_lists(model, files):
        return _predict_speech(speech_models.wrap_export(folder, exported), files)
    return _predict_inputs(model, files)


def _predict_with_run(run: Path, files: Sequence[str]) -> int:
    from affect_jax.experiment import chosen_trial, trial_choice
    from affect_jax.inference import deployment, predictor, speech_models

    choice = chosen_trial.choose_trial(run, FLAGS.variant, FLAGS.trial)
    members = chosen_trial.choose_members(choice) if FLAGS.ensemble else ()
    deployed = deployment.load_calibrated(run, choice, members, FLAGS.calibration)
    print(trial_choice.describe_choice(choice), file=sys.stderr)
    model = predictor.wrap_deployed(deployed)
    if deployed.trained["rate"] and not _are_lists(model, files):
        return _predict_speech(speech_models.wrap_deployed(run, deployed), files)
    return _predict_inputs(model, files)


def _are_lists(model: "Predictor", files: Sequence[str]) -> bool:
    """Whether files list what to predict; of a model of raw speech, which would make a timeline of each recording."""
    from affect_jax.datasets.manifest import unlabelled

    lists = [file for file in files if model.form and unlabelled.is_listing(Path(file), model.form)]
    if lists and len(lists) < len(files):
        raise UserError(
            f"{lists[0]} lists items, which get one prediction each, and the recordings beside it would get timelines; "
            "predict them in two calls"
        )
    return bool(lists)


def _predict_clips(model: "Predictor", files: Sequence[str]) -> int | None:
    """Predicts clips, or lists of them, of a model whose inputs were extracted from clips; None of anything else."""
    from affect_jax.inference import clip_features

    paths = [Path(file) for file in files]
    if not clip_features.list_extracted(model.form):
        return None
    clips = [path for path in paths if clip_features.is_clip(path, model.form)]
    lists = [path for path in paths if clip_features.is_list(path, model.form)]
    if not clips and not lists:
        return None
    if len(clips) < len(paths) and len(lists) < len(paths):
        other = next(path for path in paths if path not in (clips or lists))
        raise UserError(
            f"{other} is no {'clip' if clips else 'list of clips'} as the other files; predict it by itself"
        )
    extractors = clip_features.load_extractors(model.form, clip_features.parse_places(FLAGS.sources or ""))
    return _predict_listed(model, extractors, lists) if lists else _predict_timelines(model, extractors, clips)


def _predict_timelines(model: "Predictor", extractors: "Extractors", files: Sequence[Path]) -> int:
    from affect_jax.inference import clips
    from affect_jax.inference.output import parse_output

    texts = FLAGS.transcript or []
    if texts and len(texts) != len(files):
        raise UserError(f"--transcript has {len(texts)}, but {len(files)} clips are named; give one for each, in order")
    return clips.predict_clips(
        model,
        extractors,
        list(zip(files, texts or [""] * len(files), strict=True)),
        parse_output(FLAGS.out or "csv", what="clips"),
        clips.Wishes(FLAGS.window, FLAGS.hop, FLAGS.plot, FLAGS.subtitles, FLAGS.coverage),
    )


def _predict_listed(model: "Predictor", extractors: "Extractors", files: Sequence[Path]) -> int:
    from affect_jax.inference import clip_features, inputs, predict_inputs
    from affect_jax.inference.output import parse_output

    _refuse_flags((*_OF_RECORDINGS, "transcript"), "is for clips by name, but lists of them are named; leave it out")
    output = parse_output(FLAGS.out or "csv", what="items and features", forms=("csv",))
    items, remarks = (), ()
    with tempfile.TemporaryDirectory() as folder:
        for path in files:
            listed = clip_features.collect_rows(extractors, path, Path(folder), _say)
            items, remarks = (*items, *listed.items), (*remarks, *listed.remarks)
        return predict_inputs.predict_requests(model, inputs.Requests(items, remarks), output, FLAGS.coverage)


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _predict_inputs(model: "Predictor", files: Sequence[str]) -> int:
    skipped = _predict_clips(model, files)
    if skipped is not None:
        return skipped
    _refuse_flags(_OF_CLIPS, "is for models of features that launch.prepare --features made of clips; leave it out")
    return _predict_features(model, files)


def _predict_features(model: "Predictor", files: Sequence[str]) -> int:
    from affect_jax.inference import predict_inputs
    from affect_jax.inference.output import parse_output

    reads = "items that are listed get one prediction each" if model.trained["rate"] else f"it reads {model.modality!r}"
    _refuse_flags(_OF_RECORDINGS, f"is for timelines of clips or of raw speech, but {reads}; leave it out")
    output = parse_output(FLAGS.out or "csv", what="items and features", forms=("csv",))
    if not model.trained.get("words"):
        return predict_inputs.predict_inputs(model, files, output, FLAGS.coverage)
    from affect_jax.inference.word_inputs import number_texts

    with tempfile.TemporaryDirectory() as folder:
        numbered = number_texts(model, Path(FLAGS.run), files, Path(folder))
        return predict_inputs.predict_inputs(model, numbered, output, FLAGS.coverage)


def _predict_speech(model: "SpeechModel", files: Sequence[str]) -> int:
    from affect_jax.inference.output import parse_output
    from affect_jax.inference.predict_speech import predict_speech

    output = parse_output(FLAGS.out or "csv", what="recordings")
    _refuse_flags(_OF_CLIPS, "is for models of features that launch.prepare --features made of clips; leave it out")
    cuts = dict(window=FLAGS.window, hop=FLAGS.hop)
    return predict_speech(
        model, files, output, **cuts, plot=FLAGS.plot, subtitles=FLAGS.subtitles, coverage=FLAGS.coverage
    )


def _write_split(run: Path) -> None:
    from affect_jax.experiment import calibrations, chosen_trial, trial_choice
    from affect_jax.inference import speech_models, split_files

    if speech_models.is_converted(run):
        raise UserError(
            f"{run} holds a converted model, which has no corpus to predict a split of; name recordings, as in: "
            f"--run={run} talk.wav"
        )
    choice = chosen_trial.choose_trial(run, FLAGS.variant, FLAGS.trial)
    out = Path(FLAGS.out or run / "predictions" / FLAGS.split)
    numbers = chosen_trial.choose_members(choice) if FLAGS.ensemble else (choice.number,)
    fitted = calibrations.calibrate_trials(run, choice.results, numbers, FLAGS.calibration)
    affine = None if FLAGS.ensemble else choice.trial.affine
    trust = split_files.Trust(fitted, FLAGS.coverage, affine)
    paths = split_files.write_split_predictions(run, choice.results, numbers, FLAGS.split, out, trust)
    if fitted is not None:
        print(f"note: {split_files.describe_calibration(fitted, FLAGS.coverage)}", file=sys.stderr)
    print(f"{trial_choice.describe_choice(choice)}\n{len(paths)} files -> {out}")


if __name__ == "__main__":
    define_flags(FLAGS)
    cli.run(main, trains=False)  # one network after another on all cores
