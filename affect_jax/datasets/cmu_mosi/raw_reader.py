"""Settings of CMU-MOSI in the form 'raw' -> `Recordings`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from affect_jax.datasets import build, clip_features, release_files
from affect_jax.datasets.cmu_mosi import raw_release
from affect_jax.datasets.cmu_mosi.settings import Settings
from affect_jax.datasets.cmu_mosi.synthetic import synthesize
from affect_jax.datasets.input_form import InputForm
from affect_jax.datasets.recordings import Recording, Recordings, add_fingerprint
from affect_jax.errors import UserError

if TYPE_CHECKING:
    from affect_jax.datasets.cmu_mosi.raw_builder import CmuMosiRaw


def load_raw(settings: Settings) -> Recordings:
    """Builds what is missing below data_dir and reads it.

    A recording is one utterance of one step, named `03bSnISJMiM_1`, whose group is its video. The only target has the
    name that `labels` has. The splits are the standard ones.

    Args:
      settings: of the form 'raw'.

    Raises:
      UserError: a setting, or the release, is not as it must be.
    """
    builder = build_raw(settings)
    splits = {
        split: [_make_recording(example, settings.labels) for example in build.read_examples(builder, split)]
        for split in raw_release.SPLITS
    }
    extracted = builder.info.metadata["extracted"]
    every = [recording for members in splits.values() for recording in members]
    forms = {
        m: clip_features.describe_modality(about, sum(m not in recording.features for recording in every))
        for m, about in extracted.items()
    }
    recordings = Recordings(
        corpus="cmu_mosi",
        form=f"raw {'+'.join(extracted)}",
        synthetic=builder.info.metadata["synthetic"],
        splits=splits,
        draws={},
        folds={},
        fingerprint="",
        inputs=InputForm(forms),
    )
    return add_fingerprint(recordings)


def build_raw(settings: Settings) -> CmuMosiRaw:
    """The built corpus.

    Raises:
      UserError: as `load_raw`.
    """
    # Imported here because it imports TensorFlow Datasets, which takes .6 s.
    from affect_jax.datasets.cmu_mosi.raw_builder import CmuMosiRaw, make_config

    named = {modality: getattr(settings, f"{modality}_features") for modality in raw_release.KINDS}
    extractors = {modality: name for modality, name in named.items() if name}
    if not extractors:
        raise UserError(
            "config.corpus.form is 'raw', so set config.corpus.text_features, audio_features or video_features to an"
            " extractor, such as wordllama, mfcc or faces+resnet101:FILE (docs/clips.md)"
        )
    if settings.download:
        raise UserError("config.corpus.download fetches the form 'poria' alone; set manual_dir instead")
    data_dir = release_files.resolve_data_dir(settings.data_dir)
    folder = find_raw_folder(settings, data_dir)
    return build.build_once(
        CmuMosiRaw,
        config=make_config(extractors, settings.frame_rate, data_dir),
        data_dir=data_dir,
        manual_dir=folder,
        source=release_files.sign_files(folder, (".csv", ".json", ".wav", ".mp4", ".annotprocessed")),
    )


def find_raw_folder(settings: Settings, data_dir: Path) -> Path:
    """The folder of the release: the user's, or the synthetic one, which is written where it is missing.

    Raises:
      UserError: there is no such folder.
    """
    from affect_jax.datasets.cmu_mosi.raw_builder import CmuMosiRaw

    if settings.manual_dir:
        return release_files.find_release_folder(settings.manual_dir, "Raw/Audio, Raw/Video, Raw/Transcript")
    sizes = dataclasses.asdict(settings.synthetic)
    parameters = {"form": "raw"} | {name: sizes[name] for name in ("train_videos", "test_videos", "seed")}
    return build.make_synthetic_folder("cmu_mosi", CmuMosiRaw.VERSION, parameters, data_dir, synthesize)


def _make_recording(example: dict[str, Any], labels: str) -> Recording:
    name, absent = example["id"].decode(), example["absent"].decode().split()
    return Recording(
        id=name,
        group=example["video"].decode(),
        steps=(name,),
        features={m: values for m, values in example["features"].items() if m not in absent},
        targets={labels: np.array([example[labels]], np.float32)},
    )
