"""The clips of a run's split as one looks at and listens to them: predictions, sound, explanations (thesis 3.4.1)."""

import io
from collections.abc import Callable, Container, Mapping, Set
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from affect_jax.errors import UserError
from affect_jax.evaluation.films import Film
from affect_jax.evaluation.read import Run
from affect_jax.experiment.predictions_file import read_trial_predictions
from affect_jax.experiment.results_file import Results
from affect_jax.features import audio, sound_files
from affect_jax.features.segments import cut_sound, hold_last
from affect_jax.features.sound_streams import SUFFIXES
from affect_jax.features.video import is_video, read_facts
from affect_jax.runtime.files import read_json

COLUMNS = 800
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


def read_clips(run: Path, results: Results, number: int, split: str) -> Clips:
    """The clips of a split that trial `number` predicts.

    Raises:
      UserError: no predictions or no labels of that split.
    """
    trial = results.trials[number]
    predictions = read_trial_predictions(run, trial.study, number, split) if trial.scores(split) is not None else None
    if predictions is None:
        raise UserError(f"{run} has no labelled predictions of the {split} split; use another --split")
    values = predictions.prediction[0].astype(np.float64)
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


def outline_sound(samples: np.ndarray, buckets: int = COLUMNS) -> np.ndarray:
    """int8 [B, 2]: the least and the greatest sample of up to `buckets` pieces, scaled to the clip's own peak."""
    buckets = min(buckets, len(samples))
    edges = np.linspace(0, len(samples), buckets, endpoint=False).astype(int)
    both = np.stack([np.minimum.reduceat(samples, edges), np.maximum.reduceat(samples, edges)], 1).astype(np.float64)
    return np.round(both * (127 / max(np.abs(both).max(), 1))).astype(np.int8)


def open_corpus(run: Run, wanted: Set[str]) -> Openers:
    """Sounds of clips: as the corpus stores them, which is what a model of raw speech heard; else of the recordings and
    films that a manifest names, or a corpus has.

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
    if not openers:
        openers = _open_files(run, wanted)
    if not openers:
        raise UserError(
            f"corpus {recordings.corpus} has no speech of the clips that the run predicts; "
            "choose a run on recordings, or name a folder of sound files by --audio_dir"
        )
    return openers


def _open_files(run: Run, wanted: Set[str]) -> Openers:
    """Sounds of clips whose features were extracted, from the files of these; else the recordings of a manifest."""
    from affect_jax.config.load import read_experiment
    from affect_jax.datasets.manifest import recorded_rows

    experiment = read_experiment(run.path)
    files = {
        name: film
        for name, film in _find_files(run, wanted).items()
        if not is_video(film.path) or read_facts(film.path).has_sound
    }
    if not files and experiment.corpus.settings.get("name") == "manifest":
        rows = recorded_rows.find_recordings(experiment.corpus.settings, experiment.data.modalities)
        files = {name: Film(row.path, row.segment) for name, row in rows.items() if name in wanted}
    decode = hold_last(sound_files.decode_audio)
    in_order = sorted(files, key=lambda name: files[name].path)  # clips that are stretches of one file after each other
    return {name: partial(_read_stretch, files[name], decode) for name in in_order}


def _read_stretch(film: Film, decode: Callable[[Path], audio.Sound]) -> audio.Sound:
    return cut_sound(decode(film.path), film.segment, str(film.path))


def _find_files(run: Run, wanted: Set[str]) -> dict[str, Film]:
    """Clip id -> the recording or video that its features were, or could have been, extracted from."""
    from affect_jax.config.load import read_experiment
    from affect_jax.datasets import catalog
    from affect_jax.datasets.manifest import recorded_rows

    settings = read_experiment(run.path).corpus.settings
    name = settings.get("name")
    if name == "manifest":
        rows = recorded_rows.find_clips(Path(settings["manifest"])) if settings.get("manifest") else {}
        return {name: Film(row.path, row.segment) for name, row in rows.items() if name in wanted}
    find = getattr(catalog.import_corpus(name), "find_films", None) if name else None
    clips = find(settings) if find else []
    return {clip.id: Film(Path(clip.content), clip.segment, clip.half) for clip in clips if clip.id in wanted}


def find_corpus_films(run: Run, wanted: Set[str]) -> dict[str, Film]:
    """Clip id -> its film: of a manifest whose features were extracted from videos, or of a corpus that has films."""
    return {
        name: film
        for name, film in _find_files(run, wanted).items()
        if is_video(film.path) and read_facts(film.path).has_pictures
    }


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
