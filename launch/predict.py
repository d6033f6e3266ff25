"""What a trained model says: of one's own recordings, or of one part of the corpus that it was trained on.

    python -m launch.predict --run=runs/conflictnet talk.wav debate.mp3 --plot
    python -m launch.predict --run=runs/conflictnet --window=30 --hop=10 *.flac > timeline.csv
    python -m launch.predict --run=converted talk.wav             # a folder that launch.convert wrote
    python -m launch.predict --run=runs/sew/export features.csv   # a folder that launch.export wrote
    python -m launch.predict --run=runs/seqsew_recola_arousal_geo_audio --split=test --variant=SeqSEW

Needs, for recordings: a run of raw speech, and wav, flac, ogg or mp3 files of any rate and length, mono or more.
Writes their timelines to standard output (csv) or into --out, a summary of each file to standard error; --plot draws
<name>_timeline.png beside the output. Windows slide over each file. A file that cannot be heard is named and skipped;
if there was one, the exit status is 2 in the end.

Needs, for features: an export of a model that reads them, and npy, npz, csv or arff files as docs/own_data.md describes
them, each an item or a recording, as they are before standardisation. For several modalities: npz files with an array
of each by its name; one that is left out is missing.
Writes a csv with columns id, prediction, and of classes the probability of each, to standard output or into --out.

Needs, for a part of the corpus: any finished run.
Writes one file a recording below --out: RECOLA's in the arff form of its gold standard (to be sent to its owners for
the unlabelled test part), others' as csv with columns id, prediction.

Without --trial, the best trial on validation of the variant is taken.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from affect_jax.errors import UserError
from launch import cli

FLAGS = flags.FLAGS
_OF_RECORDINGS = ("window", "hop", "plot")
_OF_RUNS = ("split", "variant", "trial")


def define_flags(values: flags.FlagValues) -> None:
    """Called by the program, not by importing this module: other launchers have flags of the same names."""
    run = "A finished run folder, or one of launch.convert or launch.export."
    flags.DEFINE_string("run", None, run, required=True, flag_values=values)
    flags.DEFINE_enum("split", "test", ["validation", "test"], "Part of the run's corpus.", flag_values=values)
    flags.DEFINE_string(
        "variant", "", "Variant whose best trial predicts. Default: the run's first.", flag_values=values
    )
    flags.DEFINE_integer("trial", -1, "Trial of results.json, instead of a variant's best.", flag_values=values)
    out = "Files: csv (default), of recordings also json, on standard output, or a file of these. A part: a folder."
    flags.DEFINE_string("out", "", out, flag_values=values)
    flags.DEFINE_float("window", None, "Seconds of a window. Default: what the model hears.", flag_values=values)
    flags.DEFINE_float("hop", None, "Seconds between windows. Default: a third of a window.", flag_values=values)
    flags.DEFINE_bool("plot", False, "Draw each recording's timeline.", flag_values=values)


def main(argv: Sequence[str]) -> None:
    """Predicts what the flags and arguments choose."""
    from affect_jax.inference import deployment, export_folder, speech_models
    from affect_jax.runtime import run_folder

    recordings = argv[1:]
    if export_folder.is_export(Path(FLAGS.run)):
        _export(Path(FLAGS.run), recordings)
        return
    wrong = ("split",) if recordings else _OF_RECORDINGS
    given = [name for name in wrong if FLAGS[name].present]
    if given:
        raise UserError(
            f"--{given[0]} is of a part of the corpus, but recordings are named; leave one of the two out"
            if recordings
            else f"--{given[0]} is of recordings, but none is named; name files, as in: --run={FLAGS.run} talk.wav"
        )
    run = Path(FLAGS.run)
    if recordings:
        _hear(speech_models.load_speech_model(run, FLAGS.variant, FLAGS.trial), recordings)
        return
    if speech_models.is_converted(run):
        raise UserError(
            f"{run} holds a converted model, which has no corpus to predict a part of; name recordings, as in: "
            f"--run={run} talk.wav"
        )
    results = run_folder.read_json(run / "results.json")
    _split(run, results, deployment.choose_trial(results, FLAGS.variant, FLAGS.trial))


def _export(folder: Path, paths: Sequence[str]) -> None:
    """Predicts of files with what launch.export wrote; ends the program with status 2 where one could not be read."""
    from affect_jax.inference import export_folder, speech_models

    given = [name for name in _OF_RUNS if FLAGS[name].present]
    if given:
        raise UserError(f"{folder} holds an export, which is one trial without its corpus; leave --{given[0]} out")
    if not paths:
        raise UserError(f"{folder} holds an export; name files to predict of, as in: --run={folder} FILE")
    found = export_folder.read_export(folder)
    if found.description["trained"]["rate"]:
        _hear(speech_models.wrap_export(folder, found), paths)
        return
    given = [name for name in _OF_RECORDINGS if FLAGS[name].present]
    if given:
        raise UserError(f"--{given[0]} is of recordings, but the model takes {found.modality!r}; leave it out")
    form, target = _output(FLAGS.out or "csv")
    if form != "csv":
        raise UserError(f"--out is {FLAGS.out!r}; of features give csv, or a file that ends in .csv")
    _features(found, paths, target)


def _features(found: Any, paths: Sequence[str], target: Path | None) -> None:
    """Writes what an export says of files of features."""
    from affect_jax.inference import feature_files, split_files

    ids, values, failed = [], [], 0
    for path in paths:
        try:
            names, said = feature_files.predict_feature_file(found, Path(path))
        except UserError as error:
            print(f"skipped: {error}", file=sys.stderr)
            failed += 1
            continue
        ids += names
        values.append(said)
    if values:
        text = split_files.format_predictions(ids, np.concatenate(values), found.description["trained"]["labels"])
        _put(text, target)
    kind = " (trained on a synthetic corpus)" if found.description["trained"]["corpus"]["synthetic"] else ""
    said = f"{len(paths) - failed} of {len(paths)} files predicted{kind}"
    print(said + (f", {failed} skipped" if failed else "") + (f" -> {target}" if target else ""), file=sys.stderr)
    if failed:
        sys.exit(2)


def _put(text: str, target: Path | None) -> None:
    """To standard output, or into a file whole or not at all."""
    from affect_jax.runtime.files import write_atomic

    if target is None:
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        write_atomic(target, text.encode())


def _split(run: Path, results: dict[str, Any], number: int) -> None:
    from affect_jax.inference import split_files

    out = Path(FLAGS.out or run / "predictions" / FLAGS.split)
    files = split_files.write_split_predictions(run, results, number, FLAGS.split, out)
    kind = " (from a synthetic corpus)" if results["corpus"]["synthetic"] else ""
    print(f"trial {number}, variant {results['trials'][number]['variant']!r}{kind}: {len(files)} files -> {out}")


def _hear(hearer: Any, recordings: Sequence[str]) -> None:
    """Writes the timelines of recordings; ends the program with status 2 where one could not be heard."""
    form, target = _output(FLAGS.out or "csv")
    from affect_jax.inference import timeline_files, timelines

    rate, task, labels, name = hearer.rate, hearer.task, hearer.labels, hearer.target
    cut = timelines.plan_windows(rate, hearer.deployed.steps, FLAGS.window, FLAGS.hop)
    console = Console(file=sys.stderr)

    def say(line: str) -> None:
        console.print(line, highlight=False, markup=False, soft_wrap=True)

    say(f"{hearer.title}: windows of {cut.window / rate:g} s every {cut.hop / rate:g} s, predicting {name!r}")
    described, names, taken = [], (), set()
    with _bar(console) as bar:
        windows = bar.add_task("hearing", total=timelines.count_windows(recordings, cut))
        for heard in timelines.predict_recordings(
            recordings, timelines.compile_model(hearer.deployed), cut, lambda count: bar.advance(windows, count)
        ):
            described.append(timeline_files.describe_timeline(heard, task, labels))
            say(timeline_files.format_summary(described[-1]))
            if heard.error:
                continue
            names = timeline_files.name_classes(task, labels, heard.prediction.shape[-1])
            if FLAGS.plot:
                picture = _free((target or Path()).parent, Path(heard.file).stem, taken)
                timeline_files.plot_timeline(picture, heard, task, labels, name)
                say(f"wrote {picture}")
    about = {
        **hearer.about,
        "task": task,
        "target": name,
        "rate": rate,
        "window": round(cut.window / rate, 6),
        "hop": round(cut.hop / rate, 6),
    }
    text = (
        timeline_files.format_json(described, about) if form == "json" else timeline_files.format_csv(described, names)
    )
    _put(text, target)
    if target:
        say(f"wrote {target}")
    failed = sum("error" in file for file in described)
    say(f"{len(described) - failed} of {len(described)} recordings heard" + (f", {failed} skipped" if failed else ""))
    if failed:
        sys.exit(2)


def _output(out: str) -> tuple[str, Path | None]:
    """(csv or json, the file or None for standard output).

    Raises:
      UserError: neither, or a file in a folder that is not there.
    """
    if out in ("csv", "json"):
        return out, None
    path = Path(out)
    if path.suffix not in (".csv", ".json"):
        raise UserError(f"--out is {out!r}; for recordings give csv, json, or a file that ends in .csv or .json")
    if not path.parent.is_dir():
        raise UserError(f"--out is {out!r} but there is no folder {path.parent}; make it, or name another file")
    return path.suffix[1:], path


def _free(folder: Path, stem: str, taken: set[Path]) -> Path:
    """A picture's name that no other recording of this call has: a_timeline.png, a_2_timeline.png, ..."""
    number = 1
    while (path := folder / f"{stem}{'' if number == 1 else f'_{number}'}_timeline.png") in taken:
        number += 1
    taken.add(path)
    return path


def _bar(console: Console) -> Progress:
    """Windows done of all, on a terminal; elsewhere each file's summary is progress enough."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("windows"))
    times = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    return Progress(*columns, *times, console=console, disable=not console.is_terminal)


if __name__ == "__main__":
    define_flags(FLAGS)
    cli.run(main)
