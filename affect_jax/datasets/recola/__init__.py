"""RECOLA: arousal and valence of French speakers at a shared task, 40 ms a step (on request from its owners)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from affect_jax.datasets import build, missing_values, release_files
from affect_jax.datasets.recola.avec_release import FRAME_SECONDS
from affect_jax.datasets.recola.builder import Recola
from affect_jax.datasets.recola.synthetic import synthesize
from affect_jax.datasets.recordings import Recording, Recordings, check_choice, compute_fingerprint

__all__ = ["DEFAULTS", "inspect", "load", "synthesize"]

DEFAULTS: dict[str, Any] = {
    "name": "recola",
    "manual_dir": "",
    "data_dir": "",
    "target": "arousal",
    "form": "avec",
    "nonfinite": "refuse",
    "synthetic": {
        "recordings": 3,
        "frames": 250,
        "audio": 88,
        "video_geometric": 632,
        "video_appearance": 168,
        "seed": 0,
    },
}
"""config.corpus: what may be set, and what it is otherwise.

manual_dir: the release's folder; '' makes and uses the synthetic corpus that `synthetic` describes.
data_dir: where built corpora go; '' is ~/.cache/affect_jax/corpora.
target: arousal or valence.  form: avec or native.  nonfinite: refuse, zero or mean.
"""


def load(corpus: Mapping[str, Any]) -> Recordings:
    """Builds what is missing below data_dir and reads it.

    A recording is one speaker's five minutes and its own group; steps are named `train_1@0.04`; the only target is
    `arousal` or `valence`; the release's dev part is 'validation'. The test part has no target.

    Raises:
      UserError: a setting, or the release, is not as it must be.
    """
    return inspect(corpus)[0]


def inspect(corpus: Mapping[str, Any]) -> tuple[Recordings, missing_values.MissingValues]:
    """`load`, and what was missing in the features."""
    settings = build.resolve_settings(corpus, DEFAULTS)
    check_choice("target", settings["target"], ("arousal", "valence"))
    check_choice("form", settings["form"], ("avec", "native"))
    check_choice("nonfinite", settings["nonfinite"], missing_values.POLICIES)
    data_dir = Path(settings["data_dir"] or release_files.find_default_data_dir()).expanduser().resolve()
    if settings["manual_dir"]:
        folder = release_files.find_release_folder(
            settings["manual_dir"], "features_audio/, ratings_gold_standard/, ..."
        )
    else:
        folder = build.make_synthetic_folder(Recola, settings["synthetic"], data_dir, synthesize)
    config = settings["target"] if settings["form"] == "avec" else f"{settings['target']}_native"
    builder = build.build_once(
        Recola,
        config=config,
        data_dir=data_dir,
        manual_dir=folder,
        source=release_files.sign_files(folder, (".arff", ".csv", ".json")),
    )
    metadata = builder.info.metadata

    def locate(recording: Recording, modality: str, step: int, column: int) -> str:
        where = folder / metadata["files"][recording.id][modality]
        return f"{where} column {metadata['columns'][modality][column]} at {recording.steps[step].partition('@')[2]} s"

    splits = {
        part: [_recording(example, settings["target"]) for example in build.read_examples(builder, part)]
        for part in ("train", "validation", "test")
        if part in builder.info.splits
    }
    splits, gaps = missing_values.replace_missing_values(splits, settings["nonfinite"], locate)
    recordings = Recordings("recola", config, metadata["synthetic"], splits, {}, {}, "")
    return recordings._replace(fingerprint=compute_fingerprint(recordings)), gaps


def _recording(example: dict[str, Any], target: str) -> Recording:
    name = example["id"].decode()
    frames = range(int(example["start"]), int(example["start"]) + len(example["target"]))
    return Recording(
        id=name,
        group=name,
        steps=tuple(f"{name}@{frame * FRAME_SECONDS:.2f}" for frame in frames),
        features=example["features"],
        targets={target: example["target"]} if example["labelled"] else {},
    )
