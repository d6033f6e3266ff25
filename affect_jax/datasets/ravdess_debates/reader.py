"""Settings of the debates -> `Recordings`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from affect_jax.datasets import build, release_files
from affect_jax.datasets.missing_values import MissingValues
from affect_jax.datasets.ravdess.reader import find_source_folder
from affect_jax.datasets.ravdess.release import SUFFIXES
from affect_jax.datasets.ravdess_debates.debate_plan import SPLIT_ACTORS, Planted
from affect_jax.datasets.ravdess_debates.settings import Settings
from affect_jax.datasets.recordings import Recording, Recordings, add_fingerprint
from affect_jax.datasets.settings import resolve_settings
from affect_jax.features import audio, turns

if TYPE_CHECKING:
    from affect_jax.datasets.ravdess_debates.builder import RavdessDebates


def load(corpus: Mapping[str, Any]) -> Recordings:
    """Builds what is missing below data_dir and reads it.

    A recording is one clip, `train_0007`, of the group `03+07+18`: its actors, who are in one split only
    (`SPLIT_ACTORS`). It has a single step of its own name, the modalities of the settings and the target 'planted' in
    [-1, 1] (a tenth of `debate_plan.compute_target`); with the modality 'turns' also the target 'overlap', the share of
    the time with speech in which two people speak.

    Args:
      corpus: `config.corpus`, see `Settings`.

    Raises:
      UserError: a setting, or the release, is not as it must be.
    """
    return inspect(corpus)[0]


def inspect(corpus: Mapping[str, Any]) -> tuple[Recordings, MissingValues]:
    """Returns what `load` returns, and that no feature was missing: bad speech is an error here."""
    builder, settings = _build(corpus), resolve_settings(corpus, Settings)
    clips = {split: build.read_examples(builder, split) for split in SPLIT_ACTORS}
    speech = "synthetic" if builder.info.metadata["synthetic_speech"] else "semi-synthetic: real"
    recordings = Recordings(
        corpus="ravdess_debates",
        form=f"{speech} speech, constructed target",
        synthetic=True,
        splits={split: [_make_recording(e, settings) for e in examples] for split, examples in clips.items()},
        draws={},
        folds={},
        fingerprint="",
    )
    return add_fingerprint(recordings), MissingValues(0, 0, "")


def read_planted(corpus: Mapping[str, Any]) -> dict[str, Planted]:
    """Clip -> what was planted in it and in which tenths, to compare explanations with.

    Args:
      corpus: `config.corpus`, as for `load`.

    Raises:
      UserError: as `load`.
    """
    builder = _build(corpus)
    return {
        example["id"].decode(): Planted(
            overlap=float(example["overlap"]),
            anger=float(example["anger"]),
            overlap_tenths=example["overlap_tenths"],
            anger_tenths=example["anger_tenths"],
        )
        for split in SPLIT_ACTORS
        for example in build.read_examples(builder, split)
    }


def read_planted_tenths(corpus: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Clip -> float32 [10], the sum of overlap and anger in each tenth."""
    return {name: planted.overlap_tenths + planted.anger_tenths for name, planted in read_planted(corpus).items()}


def _build(corpus: Mapping[str, Any]) -> RavdessDebates:
    # Imported here because it imports TensorFlow Datasets, which takes .6 s.
    from affect_jax.datasets.ravdess_debates.builder import RavdessDebates, name_config

    settings = resolve_settings(corpus, Settings)
    data_dir = release_files.resolve_data_dir(settings.data_dir)
    folder = find_source_folder(settings.manual_dir, dataclasses.asdict(settings.synthetic), data_dir)
    return build.build_once(
        RavdessDebates,
        config=name_config(dataclasses.asdict(settings)),
        data_dir=data_dir,
        manual_dir=folder,
        source=release_files.sign_files(folder, (*SUFFIXES, ".json")),
    )


def _make_recording(example: dict[str, Any], settings: Settings) -> Recording:
    name, features = example["id"].decode(), {"speech": example["speech"]}
    if "log_mel" in settings.modalities:
        features["log_mel"] = audio.compute_log_mel(features["speech"], settings.rate)
    targets = {"planted": np.array([example["target"] / 10], np.float32)}
    if turns.MODALITY in settings.modalities:
        features[turns.MODALITY] = turns.describe_clip(example["turns"], features["speech"], settings.rate)
        targets["overlap"] = np.array([turns.measure_overlap(features[turns.MODALITY])], np.float32)
    return Recording(
        id=name,
        group=example["actors"].decode(),
        steps=(name,),
        features={modality: features[modality] for modality in settings.modalities},
        targets=targets,
    )
