"""Settings of CMU-MOSI -> `Recordings`."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from affect_jax.datasets import build, clip_features, release_files
from affect_jax.datasets.cmu_mosi import raw_release, validation_draws
from affect_jax.datasets.cmu_mosi.poria_release import LABELS_FILE, MODALITIES
from affect_jax.datasets.cmu_mosi.raw_reader import build_raw, find_raw_folder, load_raw
from affect_jax.datasets.cmu_mosi.settings import Settings
from affect_jax.datasets.cmu_mosi.synthetic import synthesize
from affect_jax.datasets.missing_values import MissingValues, replace_missing_values
from affect_jax.datasets.recordings import Recording, Recordings, add_fingerprint
from affect_jax.datasets.settings import resolve_settings
from affect_jax.errors import UserError

if TYPE_CHECKING:
    from affect_jax.datasets.cmu_mosi.builder import CmuMosi


def load(corpus: Mapping[str, Any]) -> Recordings:
    """Builds what is missing below data_dir and reads it.

    A recording is one video and its own group. A step is one utterance, named `03bSnISJMiM_1`; steps are in order of
    time. The only target has the name that `labels` has. There is no validation split, but there are validation draws:
    draw_0 to draw_4, and 'given' where `validation` is set. In the form 'raw' it is as `raw_reader.load_raw` says.

    Args:
      corpus: `config.corpus`, see `Settings`.

    Raises:
      UserError: a setting, the release or the download is not as it must be.
    """
    return inspect(corpus)[0]


def inspect(corpus: Mapping[str, Any]) -> tuple[Recordings, MissingValues]:
    """Returns what `load` returns, and how many values were missing in the features."""
    settings = resolve_settings(corpus, Settings)
    if settings.form == "raw":
        return load_raw(settings), MissingValues(0, 0, "")
    named = [f"{m}_features" for m in MODALITIES if getattr(settings, f"{m}_features")]
    if named:
        raise UserError(
            f"config.corpus.{named[0]} is for the form 'raw'; set config.corpus.form to it, or leave it out"
        )
    builder = _build(settings, release_files.resolve_data_dir(settings.data_dir))
    metadata = builder.info.metadata
    if settings.labels != "binary" and not metadata["scored"]:
        raise UserError(
            f"config.corpus.labels is {settings.labels!r}, but the release has no {LABELS_FILE}; put it beside the"
            " other files, or set labels to 'binary'"
        )
    examples = {split: build.read_examples(builder, split) for split in ("train", "test")}
    rows = {(split, e["id"].decode()): e["rows"].tolist() for split, members in examples.items() for e in members}

    def locate(recording: Recording, modality: str, step: int, column: int) -> str:
        split = "train" if ("train", recording.id) in rows else "test"
        path = metadata["files"][f"{modality}/{modality}_{split}0.csv"]
        return f"{path} column {column + 1} row {rows[split, recording.id][step]} ({recording.steps[step]})"

    splits = {split: [_make_recording(e, settings.labels) for e in members] for split, members in examples.items()}
    splits, missing = replace_missing_values(splits, settings.nonfinite, locate)
    recordings = Recordings(
        corpus="cmu_mosi",
        form="poria",
        synthetic=metadata["synthetic"],
        splits=splits,
        draws=_make_draws(splits, metadata["synthetic"], settings.validation or ()),
        folds={},
        fingerprint="",
    )
    return add_fingerprint(recordings), missing


def list_remarks(corpus: Mapping[str, Any]) -> tuple[str, ...]:
    """What to know beside the numbers: what is odd about files that features were extracted from.

    Raises:
      UserError: as `load`.
    """
    settings = resolve_settings(corpus, Settings)
    return tuple(build_raw(settings).info.metadata["notes"]) if settings.form == "raw" else ()


def find_films(corpus: Mapping[str, Any]) -> list[clip_features.Clip]:
    """The films of utterances that the form 'raw' has, to be looked at; [] in the form 'poria'.

    Raises:
      UserError: there is no such folder.
    """
    settings = resolve_settings(corpus, Settings)
    if settings.form != "raw":
        return []
    root = raw_release.find_root(find_raw_folder(settings, release_files.resolve_data_dir(settings.data_dir)))
    return [clip_features.Clip(path.stem, str(path)) for path in sorted((root / raw_release.FILM).glob("*.mp4"))]


def _build(settings: Settings, data_dir: Path) -> CmuMosi:
    # Imported here because it imports TensorFlow Datasets, which takes .6 s.
    from affect_jax.datasets.cmu_mosi.builder import CmuMosi

    if settings.download:
        if settings.manual_dir:
            raise UserError("config.corpus sets both manual_dir and download; keep one")
        registered = "".join(f"{url} {info.checksum}\n" for url, info in sorted(CmuMosi.url_infos.items()))
        source = hashlib.sha256(registered.encode()).hexdigest()
        return build.build_once(CmuMosi, config="poria_download", data_dir=data_dir, manual_dir=None, source=source)
    if settings.manual_dir:
        folder = release_files.find_release_folder(settings.manual_dir, "transcripts.csv, text/, audio/, video/, ...")
    else:
        parameters = dataclasses.asdict(settings.synthetic)
        folder = build.make_synthetic_folder("cmu_mosi", CmuMosi.VERSION, parameters, data_dir, synthesize)
    source = release_files.sign_files(folder, (".csv", ".json"))
    return build.build_once(CmuMosi, config="poria", data_dir=data_dir, manual_dir=folder, source=source)


def _make_recording(example: dict[str, Any], labels: str) -> Recording:
    name = example["id"].decode()
    return Recording(
        id=name,
        group=name,
        steps=tuple(f"{name}_{segment}" for segment in example["segments"].tolist()),
        features=example["features"],
        targets={labels: example[labels]},
    )


def _make_draws(
    splits: dict[str, list[Recording]], synthetic: bool, validation: tuple[str, ...]
) -> dict[str, tuple[str, ...]]:
    lengths = {recording.id: len(recording.steps) for recording in splits["train"]}
    if synthetic:
        # As large a share as 10 of 62 videos. No number of utterances is required, because the lengths of a few videos
        # may not add up to it.
        videos = max(1, round(len(lengths) * validation_draws.VIDEOS / 62))
        draws = validation_draws.make_draws(lengths, videos=videos, utterances=None)
    else:
        draws = dict(validation_draws.DRAWS)
    if validation:
        test = [recording.id for recording in splits["test"]]
        draws["given"] = validation_draws.check_given_videos(validation, list(lengths), test)
    return draws
