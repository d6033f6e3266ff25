"""Settings of the SSPNet Conflict Corpus -> `Recordings`."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from affect_jax.datasets import build, release_files
from affect_jax.datasets.missing_values import MissingValues
from affect_jax.datasets.recordings import Recording, Recordings, add_fingerprint
from affect_jax.datasets.settings import resolve_settings
from affect_jax.datasets.sspnet_conflict import diarization, release
from affect_jax.datasets.sspnet_conflict.settings import Settings
from affect_jax.datasets.sspnet_conflict.synthetic import PLANTED_FILE, synthesize
from affect_jax.errors import UserError
from affect_jax.features import audio, turns

if TYPE_CHECKING:
    from affect_jax.datasets.sspnet_conflict.builder import SspnetConflict


def load(corpus: Mapping[str, Any]) -> Recordings:
    """Builds what is missing below data_dir and reads it.

    A recording is one clip, its group is the debate (yy-mm-dd), and it has a single step, named as the clip, and the
    modalities of the settings. The target is `conflict`: a tenth of the level, so in [-1, 1]; with the modality `turns`
    also `overlap`, the share of the time with speech in which two or more people speak.

    Args:
      corpus: `config.corpus`, see `Settings`.

    Raises:
      UserError: a setting, or the release, is not as it must be.
    """
    return inspect(corpus)[0]


def inspect(corpus: Mapping[str, Any]) -> tuple[Recordings, MissingValues]:
    """Returns what `load` returns, and that no feature was missing: a sample that is not finite is an error here."""
    builder, settings = _build(corpus), resolve_settings(corpus, Settings)
    folder = Path(builder.info.metadata["folder"])
    splits = {
        split: [_make_recording(e, settings, folder) for e in build.read_examples(builder, split)]
        for split in release.SPLITS
    }
    if turns.MODALITY in settings.modalities:
        turns.check_overlap([r.targets["overlap"].item() for r in splits["train"]], "sspnet_conflict")
    recordings = Recordings(
        corpus="sspnet_conflict",
        form="speech",
        synthetic=builder.info.metadata["synthetic"],
        splits=splits,
        draws={},
        folds={},
        fingerprint="",
    )
    return add_fingerprint(recordings), MissingValues(0, 0, "")


def read_planted(corpus: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Clip -> its tenths, 0 to 9, with planted conflict: what an explanation should point at.

    Args:
      corpus: `config.corpus`, as for `load`.

    Raises:
      UserError: as `load`; or no generator made the corpus.
    """
    folder = Path(_build(corpus).info.metadata["folder"])
    path = folder / PLANTED_FILE
    if not path.is_file():
        raise UserError(
            f"{folder} has no {PLANTED_FILE}: only a synthetic corpus knows where its conflict is; leave out"
            " config.corpus.manual_dir"
        )
    return {name: tuple(map(int, tenths.split())) for name, tenths, *_ in release_files.read_rows(path)[1:]}


def read_planted_tenths(corpus: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Clip -> float32 [10], 1 in the tenths with planted conflict; {} for the release, which people recorded."""
    if not _build(corpus).info.metadata["synthetic"]:
        return {}
    return {name: np.isin(np.arange(10), tenths).astype(np.float32) for name, tenths in read_planted(corpus).items()}


def list_remarks(corpus: Mapping[str, Any]) -> tuple[str, ...]:
    """What to know beside the numbers: how many clips are clipped.

    Raises:
      UserError: as `load`.
    """
    clipped = _build(corpus).info.metadata["clipped"]
    return (_describe_clipped(clipped),) if clipped else ()


def _build(corpus: Mapping[str, Any]) -> SspnetConflict:
    # Imported here because it imports TensorFlow Datasets, which takes .6 s.
    from affect_jax.datasets.sspnet_conflict.builder import SspnetConflict, make_config

    settings = resolve_settings(corpus, Settings)
    data_dir = release_files.resolve_data_dir(settings.data_dir)
    if settings.manual_dir:
        content = f"{release.AUDIO_FOLDER}/, {release.LABELS_FILE}"
        folder = release_files.find_release_folder(settings.manual_dir, content)
    else:
        parameters = dataclasses.asdict(settings.synthetic)
        folder = build.make_synthetic_folder(
            "sspnet_conflict", SspnetConflict.VERSION, parameters, data_dir, synthesize
        )
    source = release_files.sign_files(folder, (".wav", ".WAV", ".csv", ".json"))
    partition = ""
    if settings.partition:
        path = Path(settings.partition).expanduser().resolve()
        if not path.is_file():
            raise UserError(
                f"config.corpus.partition {settings.partition} is not a file; give a csv with the columns Name and"
                " split, or leave it out"
            )
        partition = str(path)
        source += hashlib.sha256(path.read_bytes()).hexdigest()
    builder = build.build_once(
        SspnetConflict,
        config=make_config(settings.rate, partition),
        data_dir=data_dir,
        manual_dir=folder,
        source=source,
    )
    clipped = builder.info.metadata["clipped"]
    if clipped and settings.clipped == "refuse":
        raise UserError(f"{_describe_clipped(clipped)}; leave them out, or set config.corpus.clipped to 'note'")
    return builder


def _describe_clipped(clipped: Mapping[str, float]) -> str:
    from affect_jax.datasets.sspnet_conflict.builder import CLIPPED

    path, share = next(iter(clipped.items()))
    return (
        f"{release.format_count(clipped, 'clip')} with more than {100 * CLIPPED:g} % of the samples at full scale, the"
        f" first is {path} ({100 * share:.1f} %)"
    )


def _make_recording(example: dict[str, Any], settings: Settings, folder: Path) -> Recording:
    name, features = example["id"].decode(), {"speech": example["speech"]}
    targets = {"conflict": np.array([example["level"] / release.LARGEST], np.float32)}
    if "log_mel" in settings.modalities:
        features["log_mel"] = audio.compute_log_mel(features["speech"], settings.rate)
    if turns.MODALITY in settings.modalities:
        seconds = len(features["speech"]) / settings.rate
        rows = diarization.read_turns(folder / diarization.FOLDER / f"{name}.csv", seconds)
        features[turns.MODALITY] = turns.describe_clip(rows, features["speech"], settings.rate)
        targets["overlap"] = np.array([turns.measure_overlap(features[turns.MODALITY])], np.float32)
    return Recording(
        id=name,
        group=example["debate"].decode(),
        steps=(name,),
        features={modality: features[modality] for modality in settings.modalities},
        targets=targets,
    )
