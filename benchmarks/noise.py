"""A corpus of noise in array_record files, as large as one likes: for timing how it is read, nothing to learn."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from affect_jax.datasets import build
from affect_jax.datasets.recordings import Recording

RATE = 8000


class _AnySize:
    """A builder of one part, whose config's name is a size."""

    VERSION = tfds.core.Version("1.0.0")

    @classmethod
    def get_builder_config(cls, name: str, version: Any = None) -> tfds.core.BuilderConfig:
        """Any size may be asked for, so none is listed in BUILDER_CONFIGS."""
        return tfds.core.BuilderConfig(name=name)

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        return {"train": self._generate_examples()}


class Noise(_AnySize, tfds.core.GeneratorBasedBuilder):
    """Clips of noise at 8 kHz; the config's name is `<clips>x<seconds>`."""

    def _info(self) -> tfds.core.DatasetInfo:
        speech = tfds.features.Tensor(shape=(None,), dtype=np.int16, encoding="bytes")
        features = {"id": tfds.features.Text(), "speech": speech, "level": tfds.features.Scalar(np.float32)}
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features), metadata=tfds.core.MetadataDict(), disable_shuffling=True
        )

    def _generate_examples(self) -> Iterator[tuple[str, dict[str, Any]]]:
        clips, seconds = map(int, self.builder_config.name.split("x"))
        draw = np.random.default_rng(0)
        for number in range(clips):
            speech = draw.integers(-6000, 6000, seconds * RATE, np.int16)
            yield f"{number:06d}", {"id": f"clip{number:06d}", "speech": speech, "level": draw.uniform(-1, 1)}


class NoiseFrames(_AnySize, tfds.core.GeneratorBasedBuilder):
    """Long recordings of frames with a label each; the config's name is `<recordings>x<frames>x<width>`."""

    def _info(self) -> tfds.core.DatasetInfo:
        frames = tfds.features.Tensor(shape=(None, None), dtype=np.float32, encoding="bytes")
        labels = tfds.features.Tensor(shape=(None,), dtype=np.float32, encoding="bytes")
        features = {"id": tfds.features.Text(), "features": {"audio": frames}, "level": labels}
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features), metadata=tfds.core.MetadataDict(), disable_shuffling=True
        )

    def _generate_examples(self) -> Iterator[tuple[str, dict[str, Any]]]:
        recordings, frames, width = map(int, self.builder_config.name.split("x"))
        draw = np.random.default_rng(0)
        for number in range(recordings):
            audio = draw.standard_normal((frames, width), np.float32)
            level = draw.uniform(-1, 1, frames).astype(np.float32)
            yield f"{number:06d}", {"id": f"recording{number:06d}", "features": {"audio": audio}, "level": level}


def clips(folder: Path, count: int, seconds: int) -> list[Recording]:
    """The clips, built below `folder` where they are not there yet; `build.leave_features` leaves them there."""
    return [_clip(example) for example in _examples(Noise, folder, f"{count}x{seconds}")]


def recordings(folder: Path, count: int, frames: int, width: int) -> list[Recording]:
    """Likewise long recordings [frames, width]."""
    return [_recording(example) for example in _examples(NoiseFrames, folder, f"{count}x{frames}x{width}")]


def _examples(builder_cls: type[tfds.core.GeneratorBasedBuilder], folder: Path, config: str) -> list[dict[str, Any]]:
    builder = build.build_once(builder_cls, config=config, data_dir=folder, source="noise", manual_dir=None)
    return build.read_examples(builder, "train")


def _clip(example: dict[str, Any]) -> Recording:
    name = example["id"].decode()
    target = np.array([example["level"]], np.float32)
    return Recording(name, name, (name,), {"speech": example["speech"]}, {"level": target})


def _recording(example: dict[str, Any]) -> Recording:
    name = example["id"].decode()
    steps = tuple(f"{name}@{n}" for n in range(len(example["level"])))
    return Recording(name, name, steps, example["features"], {"level": example["level"]})
