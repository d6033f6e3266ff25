"""Writes a run's clips as one HTML page to look at and listen to; it opens from a file, without a network.

    python -m launch.explore --run=runs/conflictnet
    python -m launch.explore --run=runs/conflictnet --split=validation --variant=ConflictNET --limit=100
    python -m launch.explore --run=runs/fusion_trimodal_ravdess --audio_dir=RAVDESS_DIR

Needs: a finished run whose examples are clips. Sound is what its corpus has, or the files of --audio_dir. Without
--trial, the best trial on validation of the variant is taken.
Writes: RUN/listening/SPLIT_trial_N.html, about 100 kB a clip of 30 s at 8 kHz. A regression gives truth against
prediction, classes give a confusion matrix. Waveforms show the LIME weights that launch.explain left in the run folder.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from functools import partial
from pathlib import Path
from typing import Any

import ml_collections
from absl import flags
from rich.console import Console
from rich.progress import track

from affect_jax.errors import UserError
from affect_jax.features import audio
from launch import cli

FLAGS = flags.FLAGS
ENDINGS = (".wav", ".flac", ".ogg", ".mp3")


def define_flags(values: flags.FlagValues) -> None:
    """Called by the program, not by importing this module: other launchers have flags of the same names."""
    flags.DEFINE_string("run", None, "A finished run folder.", required=True, flag_values=values)
    flags.DEFINE_enum("split", "test", ["validation", "test"], "Which part.", flag_values=values)
    flags.DEFINE_string(
        "variant", "", "Variant whose best trial is shown. Default: the run's first.", flag_values=values
    )
    flags.DEFINE_integer("trial", -1, "Trial of results.json, instead of a variant's best.", flag_values=values)
    flags.DEFINE_string("out", "", "The page. Default: RUN/listening/SPLIT_trial_N.html.", flag_values=values)
    flags.DEFINE_integer(
        "limit",
        0,
        "Put the sound of so many clips into the page, from the largest error to the smallest; all are shown. 0: all.",
        lower_bound=0,
        flag_values=values,
    )
    flags.DEFINE_string(
        "audio_dir", "", "Folder with the clips' own sound, ID.wav (flac, ogg, mp3) at any depth.", flag_values=values
    )


def main(argv: Sequence[str]) -> None:
    """Writes the page that the flags ask for."""
    cli.refuse_arguments(argv)
    from affect_jax.inference import deployment
    from affect_jax.reports import listening
    from affect_jax.runtime import run_folder

    run = Path(FLAGS.run)
    results = run_folder.read_json(run / "results.json")
    number = deployment.choose_trial(results, FLAGS.variant, FLAGS.trial)
    config = ml_collections.ConfigDict(run_folder.read_json(run / "config.json")["config"])
    clips = listening.read(run, results, number, FLAGS.split)
    wanted = set(clips.ids)
    openers = in_folder(Path(FLAGS.audio_dir), wanted) if FLAGS.audio_dir else in_corpus(config, results, wanted)
    audible = listening.spread(clips, FLAGS.limit, openers)
    explained = listening.explanations(run / "explanations", number)
    data = listening.page(
        clips,
        title=title(results, FLAGS.split),
        target=config.data.target,
        facts=facts(results, number, FLAGS.split),
        classes=results["corpus"].get("labels", ()),
        sounds=opened(openers),
        audible=set(audible),
        explained=explained,
    )
    out = Path(FLAGS.out or run / "listening" / f"{FLAGS.split}_trial_{number}.html")
    out.parent.mkdir(parents=True, exist_ok=True)
    run_folder.write_atomic(out, data)
    print(
        f"{len(clips.ids)} clips, {len(audible)} with sound, {len(wanted & explained.keys())} with LIME weights, "
        f"{len(data) / 1e6:.1f} MB -> {out}"
    )


def title(results: Mapping[str, Any], split: str) -> str:
    """What was run, on what; a corpus that was made up is called so, where its variant does not say it."""
    corpus = results["corpus"]
    made = " (synthetic corpus)" if corpus["synthetic"] and "synthetic" not in corpus["variant"] else ""
    return f"{results['name']}: {split} part of {corpus['name']}, {corpus['variant']}{made}"


def facts(results: Mapping[str, Any], number: int, split: str) -> list[str]:
    """Which trial the page shows, and its scores."""
    trial = results["trials"][number]
    scores = [f"{name} {value:.3f}" for name, value in trial[split].items() if value is not None]
    return [f"trial {number}: {trial['variant']}, fold {trial['fold']}, seed {trial['seed']}", *scores]


def in_corpus(
    config: ml_collections.ConfigDict, results: Mapping[str, Any], wanted: Set[str]
) -> dict[str, Callable[[], audio.Sound]]:
    """Clip id -> its sound as the corpus stores it, which is what the model heard.

    Raises:
      UserError: the corpus has no speech, or none of these clips.
    """
    from affect_jax.data import splits

    recordings = splits.load_recordings(config)
    if recordings.fingerprint != results["corpus"]["fingerprint"]:
        print("note: the corpus has changed since the run; what is heard may differ from what it saw", file=sys.stderr)
    found = {}
    speech = config.data.modalities[0] if config.corpus.get("sound") == "waveform" else "speech"
    for recording in (r for members in recordings.splits.values() for r in members):
        if recording.steps[0] in wanted and len(recording.steps) == 1 and speech in recording.features:
            found[recording.steps[0]] = partial(audio.Sound, recording.features[speech], config.corpus.rate)
    if not found:
        raise UserError(
            f"corpus {recordings.corpus} has no speech of the clips that the run predicts; "
            "choose a run on raw speech, or name a folder of sound files by --audio_dir"
        )
    return found


def in_folder(folder: Path, wanted: Set[str]) -> dict[str, Callable[[], audio.Sound]]:
    """Clip id -> the file of that name below `folder`; a clip without a file has no sound.

    Raises:
      UserError: no such folder, none of the clips in it, or two files of one clip.
    """
    if not folder.is_dir():
        raise UserError(f"--audio_dir={folder} is not a folder; name the one that holds the clips' sound")
    found: dict[str, Path] = {}
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in ENDINGS and p.stem in wanted):
        if path.stem in found:
            raise UserError(f"{found[path.stem]} and {path} are both of one clip; keep one of them in --audio_dir")
        found[path.stem] = path
    if not found:
        raise UserError(
            f"--audio_dir={folder} has no file named like a clip of the run, such as {min(wanted)}.wav; "
            "name another folder, or leave the flag out"
        )
    return {name: partial(audio.decode_audio, path) for name, path in found.items()}


def opened(openers: Mapping[str, Callable[[], audio.Sound]]) -> Iterator[tuple[str, audio.Sound]]:
    """Every clip and its sound, read one by one, with a bar on a terminal."""
    console = Console(file=sys.stderr)
    for name, opener in track(openers.items(), "clips", console=console, disable=not console.is_terminal):
        yield name, opener()


if __name__ == "__main__":
    define_flags(FLAGS)
    cli.run(main)
