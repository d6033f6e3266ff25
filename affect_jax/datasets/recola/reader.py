"""Settings of RECOLA -> `Recordings`."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from affect_jax.datasets import build, release_files
from affect_jax.datasets.missing_values import MissingValues, replace_missing_values
from affect_jax.datasets.recola.avec_release import FRAME_SECONDS
from affect_jax.datasets.recola.settings import Settings
from affect_jax.datasets.recola.synthetic import synthesize
from affect_jax.datasets.recordings import Recording, Recordings, add_fingerprint
from affect_jax.datasets.settings import resolve_settings


def load(corpus: Mapping[str, Any]) -> Recordings:
    """Builds what is missing below data_dir and reads it.

    A recording is one speaker's five minutes and its own group; steps are named `train_1@0.04`; the only target is
    `arousal` or `valence`; the release's dev split is 'validation'. The test split has no target.

    Args:
      corpus: `config.corpus`, see `Settings`.

    Raises:
      UserError: a setting, or the release, is not as it must be.
    """
    return inspect(corpus)[0]


def inspect(corpus: Mapping[str, Any]) -> tuple[Recordings, MissingValues]:
    """Returns what `load` returns, and how many values were missing in the features."""
    # Imported here because it imports TensorFlow Datasets, which takes .6 s.
    from affect_jax.datasets.recola.builder import Recola, name_config

    settings = resolve_settings(corpus, Settings)
    data_dir = release_files.resolve_data_dir(settings.data_dir)
    if settings.manual_dir:
        content = "features_audio/, ratings_gold_standard/, ..."
        folder = release_files.find_release_folder(settings.manual_dir, content)
    else:
        parameters = dataclasses.asdict(settings.synthetic)
        folder = build.make_synthetic_folder("recola", Recola.VERSION, parameters, data_dir, synthesize)
    config = name_config(settings.target, settings.form, settings.raters)
    source = release_files.sign_files(folder, (".arff", ".csv", ".json"))
    builder = build.build_once(Recola, config=config, data_dir=data_dir, manual_dir=folder, source=source)
    metadata = builder.info.metadata

    def locate(recording: Recording, modality: str, step: int, column: int) -> str:
        path = folder / metadata["files"][recording.id][modality]
        seconds = recording.steps[step].partition("@")[2]
        return f"{path} column {metadata['columns'][modality][column]} at {seconds} s"

    splits = {
        split: [_make_recording(example, settings.target) for example in build.read_examples(builder, split)]
        for split in ("train", "validation", "test")
        if split in builder.info.splits
    }
    splits, missing = replace_missing_values(splits, settings.nonfinite, locate)
    recordings = Recordings(
        corpus="recola",
        form=config,
        synthetic=metadata["synthetic"],
        splits=splits,
        draws={},
        folds={},
        fingerprint="",
    )
    return add_fingerprint(recordings), missing


def _make_recording(example: dict[str, Any], target: str) -> Recording:
    name = example["id"].decode()
    frames = range(int(example["start"]), int(example["start"]) + len(example["target"]))
    return Recording(
        id=name,
        group=name,
        steps=tuple(f"{name}@{frame * FRAME_SECONDS:.2f}" for frame in frames),
        features=example["features"],
        targets={target: example["target"]} if example["labelled"] else {},
    )
