"""Settings of RAVDESS -> `Recordings`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from affect_jax.datasets import build, clip_features, release_files
from affect_jax.datasets.input_form import InputForm, ModalityForm
from affect_jax.datasets.missing_values import MissingValues
from affect_jax.datasets.ravdess import actors
from affect_jax.datasets.ravdess.labels import LABELS
from affect_jax.datasets.ravdess.release import SUFFIXES, VIDEOS
from affect_jax.datasets.ravdess.settings import EXTRACTED, Settings
from affect_jax.datasets.ravdess.synthetic import synthesize
from affect_jax.datasets.recordings import Fold, Recording, Recordings, add_fingerprint
from affect_jax.datasets.settings import resolve_settings
from affect_jax.errors import UserError

if TYPE_CHECKING:
    from affect_jax.datasets.ravdess.builder import Ravdess

_SOUNDS = {"speech": "waveform", "mfcc": "mfcc", "log_mel": "log_mel"}
"""Modality -> what its recordings became."""


def load(corpus: Mapping[str, Any]) -> Recordings:
    """Builds what is missing below data_dir and reads it.

    A recording is one clip, named as its audio file, `03-01-05-02-01-01-12`, of the group `actor_12`, and has a single
    step of the same name. The only target is named as `labels` says and counts classes from 0. There is one split,
    'train', with five folds in it, see `actors.make_folds`.

    Args:
      corpus: `config.corpus`, see `Settings`.

    Raises:
      UserError: a setting, or the release, is not as it must be.
    """
    return inspect(corpus)[0]


def inspect(corpus: Mapping[str, Any]) -> tuple[Recordings, MissingValues]:
    """Returns what `load` returns, and that no feature was missing: a missing value is an error here."""
    settings, builder = _build(corpus)
    clips = [_make_recording(example, settings.labels) for example in build.read_examples(builder, "train")]
    recordings = Recordings(
        corpus="ravdess",
        form="+".join(settings.modalities),
        synthetic=builder.info.metadata["synthetic"],
        splits={"train": clips},
        draws={},
        folds=_make_folds(clips),
        fingerprint="",
        labels=LABELS[settings.labels][1],
        inputs=_describe_inputs(settings, clips, builder.info.metadata.get("extracted", {})),
    )
    return add_fingerprint(recordings), MissingValues(0, 0, "")


def list_remarks(corpus: Mapping[str, Any]) -> tuple[str, ...]:
    """What to know beside the numbers: what is odd about files that features were extracted from.

    Raises:
      UserError: as `load`.
    """
    return tuple(_build(corpus)[1].info.metadata.get("notes", ()))


def find_films(corpus: Mapping[str, Any]) -> list[clip_features.Clip]:
    """The films of the form 'video', to be looked at; [] in the form 'audio'.

    Raises:
      UserError: as `load`.
    """
    from affect_jax.datasets.ravdess.builder import find_clips_and_kind

    settings = resolve_settings(corpus, Settings)
    if settings.form != "video":
        return []
    files, _ = find_clips_and_kind(_find_folder(settings, release_files.resolve_data_dir(settings.data_dir)), "video")
    return [clip_features.Clip(clip.id, str(path)) for clip, path in files.items()]


def _build(corpus: Mapping[str, Any]) -> tuple[Settings, Ravdess]:
    # Imported here because it imports TensorFlow Datasets, which takes .6 s.
    from affect_jax.datasets.ravdess.builder import Ravdess, make_config

    settings = resolve_settings(corpus, Settings)
    named = {"audio": settings.audio_features, "video": settings.video_features}
    clip_features.check_extractors(named, settings.modalities)
    if settings.video_features and settings.form != "video":
        raise UserError("config.corpus.video_features is for the form 'video'; set config.corpus.form to it")
    data_dir = release_files.resolve_data_dir(settings.data_dir)
    folder = _find_folder(settings, data_dir)
    suffixes = VIDEOS if settings.form == "video" else SUFFIXES
    builder = build.build_once(
        Ravdess,
        config=make_config(settings, data_dir),
        data_dir=data_dir,
        manual_dir=folder,
        source=release_files.sign_files(folder, (*suffixes, ".csv", ".json")),
    )
    return settings, builder


def _find_folder(settings: Settings, data_dir: Path) -> Path:
    parameters = dataclasses.asdict(settings.synthetic)
    if settings.form == "video":
        parameters["form"] = "video"
    return find_source_folder(settings.manual_dir, parameters, data_dir)


def _describe_inputs(settings: Settings, clips: list[Recording], extracted: Mapping[str, Any]) -> InputForm | None:
    """How the features were made of files; None of several kinds of one recording."""
    sounds = [name for name in settings.modalities if name not in ("action_units", *EXTRACTED)]
    if len(sounds) > 1:
        return None
    forms = {}
    for name in settings.modalities:
        have = [clip.features[name] for clip in clips if name in clip.features]
        if name in extracted:
            forms[name] = clip_features.describe_modality(extracted[name], len(clips) - len(have))
            continue
        width = 0 if name == "speech" else have[0].shape[1]
        forms[name] = ModalityForm(width, is_sound=name != "action_units", missing=len(clips) - len(have))
    return InputForm(forms, sound=_SOUNDS[sounds[0]] if sounds else "mfcc", rate=settings.rate)


def find_source_folder(manual_dir: str | None, synthetic: Mapping[str, Any], data_dir: Path) -> Path:
    """The folder with the clips: the user's, or the synthetic corpus, which is written where it is missing.

    Args:
      manual_dir: folder of the release; None for the synthetic corpus.
      synthetic: arguments of `synthesize`.
      data_dir: folder for built corpora.

    Raises:
      UserError: there is no such folder, or a size of the synthetic corpus is impossible.
    """
    from affect_jax.datasets.ravdess.builder import Ravdess

    if manual_dir:
        return release_files.find_release_folder(manual_dir, "Actor_01/, Actor_02/, ...")
    return build.make_synthetic_folder("ravdess", Ravdess.VERSION, synthetic, data_dir, synthesize)


def _make_recording(example: dict[str, Any], labels: str) -> Recording:
    name = example["id"].decode()
    absent = example.get("absent", b"").decode().split()
    number = int(example["intensity" if labels == "intensity" else "emotion"])
    return Recording(
        id=name,
        group=f"actor_{int(example['actor']):02d}",
        steps=(name,),
        features={name: values for name, values in example["features"].items() if name not in absent},
        targets={labels: np.array([LABELS[labels][0][number - 1]], np.float32)},
    )


def _make_folds(clips: list[Recording]) -> dict[str, Fold]:
    clips_of: dict[int, list[str]] = {}
    for clip in clips:
        clips_of.setdefault(int(clip.group.rpartition("_")[2]), []).append(clip.id)
    return {
        name: Fold(
            validation=tuple(clip for actor in validation for clip in clips_of[actor]),
            test=tuple(clip for actor in test for clip in clips_of[actor]),
        )
        for name, (validation, test) in actors.make_folds(tuple(clips_of)).items()
    }
