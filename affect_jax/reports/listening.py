"""A run's clips as one HTML page to look at and listen to: truth against prediction, waveforms, explanations.

The view of the thesis' section 3.4.1 (figure 3.3): every clip is a point, a click plays it. The page needs no network
and no other file.
"""

import io
import sys
from collections.abc import Callable, Container, Iterable, Mapping, Sequence, Set
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from affect_jax.errors import UserError, format_count
from affect_jax.evaluation import cases
from affect_jax.experiment.chosen_trial import Choice
from affect_jax.experiment.predictions_file import read_trial_predictions
from affect_jax.experiment.results_file import Results
from affect_jax.features import audio, sound_files
from affect_jax.features.sound_streams import SUFFIXES
from affect_jax.reports import render, trial_choice
from affect_jax.reports.read import Run
from affect_jax.runtime.files import read_json
from affect_jax.runtime.score_text import describe_score

BUCKETS = 800
"""Columns of a drawn waveform."""
_OPUS_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)
_BLOCK = 100_000  # frames a write: libsndfile's encoders keep a whole write on their stack

Openers = Mapping[str, Callable[[], audio.Sound]]
"""Clip id -> what reads its sound."""


class Clips(NamedTuple):
    """What one trial of a run says of one split of its corpus; F clips."""

    ids: tuple[str, ...]  # [F]
    groups: tuple[str, ...]  # speakers or debates, [F]
    targets: np.ndarray  # float [F]; classes are whole numbers
    predictions: np.ndarray  # float [F] of a regression; probabilities [F, C] of classes


class Heading(NamedTuple):
    """What the page says of itself."""

    title: str  # its first line; says what the corpus is
    target: str  # what the labels are called on the axes
    facts: Sequence[str] = ()  # further lines under the title
    classes: Sequence[str] = ()  # names of the classes; their numbers where there are none


def read_clips(run: Path, results: Results, number: int, split: str) -> Clips:
    """The clips of a split that trial `number` predicts.

    Raises:
      UserError: no predictions or no labels of that split.
    """
    trial = results.trials[number]
    predictions = read_trial_predictions(run, trial.study, number, split) if trial.scores(split) is not None else None
    if predictions is None:
        raise UserError(f"{run} has no labelled predictions of the {split} split; use another --split")
    values = predictions.prediction.astype(np.float64)
    if results.task == "binary":
        values = np.stack([1 - values, values], 1)
    elif results.task == "multiclass":
        values = np.exp(values - values.max(1, keepdims=True))
        values /= values.sum(1, keepdims=True)
    ids, groups = (tuple(map(str, names)) for names in (predictions.id, predictions.group))
    return Clips(ids, groups, predictions.target.astype(np.float64), values)


def measure_errors(clips: Clips) -> np.ndarray:
    """[F]: |truth - prediction|, or 1 - the true class' probability."""
    if clips.predictions.ndim == 1:
        return np.abs(clips.targets - clips.predictions)
    return 1 - clips.predictions[np.arange(len(clips.ids)), clips.targets.astype(int)]


def choose_audible(clips: Clips, limit: int, available: Container[str]) -> list[str]:
    """Ids of `limit` available clips, at even steps from the largest error to the smallest; of all where it is 0."""
    order = [i for i in np.argsort(-measure_errors(clips), kind="stable") if clips.ids[i] in available]
    if 0 < limit < len(order):
        order = [order[at] for at in np.linspace(0, len(order) - 1, limit).round().astype(int)]
    return [clips.ids[i] for i in order]


def read_explanations(folder: Path, number: int) -> dict[str, dict[str, Any]]:
    """Clip id -> what launch.explain found of trial `number`: `segments` in seconds, `lime`, how far to trust it.

    Args:
      folder: one JSON file a clip; {} where there is no such folder.

    Raises:
      UserError: a file that is no explanation.
    """
    explanations = {}
    for path in sorted(folder.glob("*.json")):
        entry = read_json(path)
        try:
            if entry["trial"] == number:
                explanations[entry["id"]] = {
                    "segments": [[float(start), float(end)] for start, end in entry["segments"]],
                    "lime": [float(weight) for weight in entry["lime"]],
                    "r2": float(entry["lime_r2"]),
                    "stability": entry.get("lime_stability"),
                    "of": entry.get("class", ""),
                    "notes": list(entry.get("notes", ())),
                }
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"{path} is no explanation ({error!r}); delete it or write it again with launch.explain"
            ) from None
    return explanations


def encode_sound(sound: audio.Sound) -> bytes:
    """Ogg Opus, which browsers play: about 20 kbit/s for 8 kHz. A rate that Opus lacks is raised to one that it has."""
    import soundfile  # here, as it loads a library that nothing else here needs

    rate = next((rate for rate in _OPUS_RATES if rate >= sound.rate), _OPUS_RATES[-1])
    samples = audio.to_int16(audio.resample_audio(audio.Sound(audio.to_float(sound.samples), sound.rate), rate))
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", rate, 1, format="OGG", subtype="OPUS") as out:
        for at in range(0, len(samples), _BLOCK):
            out.write(samples[at : at + _BLOCK])
    return file.getvalue()


def outline_sound(samples: np.ndarray, buckets: int = BUCKETS) -> np.ndarray:
    """int8 [B, 2]: the least and the greatest sample of up to `buckets` pieces, scaled to the clip's own peak."""
    buckets = min(buckets, len(samples))
    edges = np.linspace(0, len(samples), buckets, endpoint=False).astype(int)
    both = np.stack([np.minimum.reduceat(samples, edges), np.maximum.reduceat(samples, edges)], 1).astype(np.float64)
    return np.round(both * (127 / max(np.abs(both).max(), 1))).astype(np.int8)


def render_clips(
    clips: Clips,
    heading: Heading,
    *,
    sounds: Iterable[tuple[str, audio.Sound]] = (),
    audible: Container[str] = (),
    explained: Mapping[str, Mapping[str, Any]],
) -> bytes:
    """The whole page, UTF-8.

    Args:
      sounds: (clip id, samples), one after the other; a clip without one is shown without a waveform.
      audible: ids whose sound goes into the page; the others only show their waveform.
      explained: from `read_explanations`; those of other clips are passed over.
    """
    number = {name: i for i, name in enumerate(clips.ids)}
    numbers = zip(clips.targets.tolist(), clips.predictions.round(6).tolist(), strict=True)
    entries: list[dict[str, Any]] = [
        {"id": name, "group": group, "target": round(target, 6), "prediction": prediction, "sound": False}
        for name, group, (target, prediction) in zip(clips.ids, clips.groups, numbers, strict=True)
    ]
    encoded = []
    for name, sound in sounds:
        entry = entries[number[name]]
        entry["seconds"] = round(len(sound.samples) / sound.rate, 3)
        entry["outline"] = render.encode_base64(outline_sound(sound.samples).tobytes())
        entry["sound"] = name in audible
        if name in audible:
            encoded.append((number[name], render.encode_base64(encode_sound(sound))))
    for name in number.keys() & explained.keys():
        entries[number[name]]["explanation"] = explained[name]
    classes, kinds = heading.classes, list(cases.NAMES.values())
    if clips.predictions.ndim == 2:
        classes = classes or [str(c) for c in range(clips.predictions.shape[1])]
        kinds = ["predicted right", "predicted wrong"]
    data = {
        "target": heading.target,
        "facts": list(heading.facts),
        "classes": list(classes),
        "cases": kinds,
        "margin": 100 * cases.MARGIN,
        "clips": entries,
    }
    values = {"title": heading.title, "data": data, "sounds": encoded}
    return render.render_page("listening", values, scripts=("listening_figures.js", "listening.js"))


def write_heading(choice: Choice, split: str, target: str) -> Heading:
    """What was run, on what; a corpus that was made up is called so, where its form does not say it."""
    results, trial, corpus = choice.results, choice.trial, choice.results.corpus
    kind = " (synthetic corpus)" if corpus.synthetic and "synthetic" not in corpus.form else ""
    scores = [describe_score(value, name) for name, value in (trial.scores(split) or {}).items() if value is not None]
    facts = [f"trial {choice.number}: {trial.variant}, fold {trial.fold}, seed {trial.seed}", *scores]
    return Heading(
        f"{results.name}: {split} split of {corpus.name}, {corpus.form}{kind}",
        target,
        [*facts, choice.reason, *filter(None, [trial_choice.compare_with_mean(choice)])],
        corpus.labels,
    )


def open_corpus(run: Run, wanted: Set[str]) -> Openers:
    """Sounds of clips: as the corpus stores them, which is what a model of raw speech heard; of a manifest whose
    features were made of recordings, these.

    Raises:
      UserError: the corpus has no speech, or none of these clips.
    """
    from affect_jax.config.load import read_experiment
    from affect_jax.data import splits  # which needs jax

    experiment = read_experiment(run.path)
    recordings, settings = splits.load_recordings(experiment.corpus), experiment.corpus.settings
    if recordings.fingerprint != run.results.corpus.fingerprint:
        raise UserError(
            f"the corpus has changed since {run.path} was trained, so what is heard may not be what it saw; restore "
            "its files, or name a folder of sound files by --audio_dir"
        )
    speech = experiment.data.modalities[0] if settings.get("sound") == "waveform" else "speech"
    openers: Openers = {
        recording.steps[0]: partial(audio.Sound, recording.features[speech], settings["rate"])
        for recording in (r for members in recordings.splits.values() for r in members)
        if len(recording.steps) == 1 and recording.steps[0] in wanted and speech in recording.features
    }
    if not openers and settings.get("name") == "manifest":
        from affect_jax.datasets.manifest import recorded_rows

        rows = recorded_rows.find_recordings(settings, experiment.data.modalities)
        openers = {name: partial(recorded_rows.read_recorded_row, row) for name, row in rows.items() if name in wanted}
    if not openers:
        raise UserError(
            f"corpus {recordings.corpus} has no speech of the clips that the run predicts; "
            "choose a run on recordings, or name a folder of sound files by --audio_dir"
        )
    return openers


def open_folder(folder: Path, wanted: Set[str]) -> Openers:
    """Sounds of clips from the files of their names below `folder`; a clip without a file has no sound.

    Raises:
      UserError: no such folder, none of the clips in it, or two files of one clip.
    """
    if not folder.is_dir():
        raise UserError(f"--audio_dir={folder} is not a folder; name the one that holds the clips' sound")
    files: dict[str, Path] = {}
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.stem in wanted):
        if path.stem in files:
            raise UserError(f"{files[path.stem]} and {path} are both of one clip; keep one of them in --audio_dir")
        files[path.stem] = path
    if not files:
        raise UserError(
            f"--audio_dir={folder} has no file named like a clip of the run, such as {min(wanted)}.wav; "
            "name another folder, or leave the flag out"
        )
    return {name: partial(sound_files.decode_audio, path) for name, path in files.items()}


def explore_run(run: Run, choice: Choice, split: str, *, audio_dir: str = "", limit: int = 0) -> tuple[bytes, str]:
    """The page of a trial's clips, and a line that says what is in it.

    Args:
      audio_dir: a folder with the clips' own sound; '' takes the corpus'.
      limit: how many sounds go into the page; 0 for all.

    Raises:
      UserError: what the page shows is missing or damaged.
    """
    from rich.console import Console
    from rich.progress import track

    clips = read_clips(run.path, run.results, choice.number, split)
    wanted = set(clips.ids)
    openers = open_folder(Path(audio_dir), wanted) if audio_dir else open_corpus(run, wanted)
    audible = choose_audible(clips, limit, openers)
    explained = read_explanations(run.path / "explanations", choice.number)
    heading = write_heading(choice, split, run.config["data"]["target"])
    console = Console(file=sys.stderr)
    tracked = track(openers.items(), "clips", console=console, disable=not console.is_terminal)
    sounds = ((name, opener()) for name, opener in tracked)  # read one by one: they may be large
    data = render_clips(clips, heading, sounds=sounds, audible=set(audible), explained=explained)
    amounts = f"{len(audible)} with sound, {len(wanted & explained.keys())} with LIME weights"
    return data, f"{format_count(len(clips.ids), 'clip')}, {amounts}, {len(data) / 1e6:.1f} MB"
