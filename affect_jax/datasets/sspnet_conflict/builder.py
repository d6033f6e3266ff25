"""The TFDS builder of the SSPNet Conflict Corpus: an example is one clip of a debate, resampled once."""

import dataclasses
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from affect_jax.datasets.release_files import read_marker
from affect_jax.datasets.sspnet_conflict import release
from affect_jax.errors import UserError
from affect_jax.features import audio, sound_files

CLIPPED = 0.01
"""A clip counts as clipped if a larger share of its samples is at full scale."""
_TOLERANCE = 0.5  # seconds that a clip may be longer or shorter than the others


@dataclasses.dataclass
class SspnetConflictConfig(tfds.core.BuilderConfig):
    """Sampling rate of the stored speech in Hz, and the csv of the partition ('' for the release's own)."""

    rate: int = 8000
    partition: str = ""


_CONFIGS: dict[str, SspnetConflictConfig] = {}  # by name, because TFDS asks for configs by name


def make_config(rate: int, partition: str) -> SspnetConflictConfig:
    """Makes the config of a rate in Hz and a partition's csv ('' for the release's), or returns an equal one."""
    name = f"speech_{rate}" + (f"_{hashlib.sha256(os.fsencode(partition)).hexdigest()[:8]}" if partition else "")
    return _CONFIGS.setdefault(name, SspnetConflictConfig(name=name, rate=rate, partition=partition))


class SspnetConflict(tfds.core.GeneratorBasedBuilder):
    """SSPNet Conflict Corpus: Kim et al., "Predicting continuous conflict perception with Bayesian Gaussian processes",
    IEEE Transactions on Affective Computing 5(2), 2014.
    """

    # To be raised whenever the reader or the generator gives other values: built corpora are then built again.
    VERSION = tfds.core.Version("1.1.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = "The corpus is given out on request by its owners (A. Vinciarelli, Glasgow)."

    @classmethod
    def get_builder_config(
        cls, name: str, version: str | tfds.core.Version | None = None
    ) -> SspnetConflictConfig | None:
        """The config that `make_config` made under this name: TFDS warns of configs that its class does not know."""
        return _CONFIGS.get(name)

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "id": tfds.features.Text(),
                    "debate": tfds.features.Text(),
                    "level": np.float32,
                    "speech": tfds.features.Tensor(shape=(None,), dtype=np.int16, encoding="bytes"),
                }
            ),
            metadata=tfds.core.MetadataDict(),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        folder, partition = Path(dl_manager.manual_dir), self.builder_config.partition
        sizes, synthetic = _find_sizes(folder)
        self.info.metadata.update(synthetic=synthetic, folder=str(folder), clipped={})
        clips = release.read_clips(folder, Path(partition) if partition else None, sizes)
        unusable: list[str] = []
        return {
            split: self._generate_examples(members, sizes.seconds, unusable, is_last=split == release.SPLITS[-1])
            for split, members in clips.items()
        }

    def _generate_examples(
        self, clips: list[release.Clip], seconds: float, unusable: list[str], *, is_last: bool
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Goes on after a clip that cannot be used, so that the error at the end can count such clips in all splits."""
        before = len(unusable)
        for clip in clips:
            try:
                speech, clipped = read_speech(clip.path, self.builder_config.rate, seconds)
            except UserError as error:
                unusable.append(str(error))
                continue
            if clipped > CLIPPED:
                self.info.metadata["clipped"][str(clip.path)] = clipped
            example = {"id": clip.name, "debate": clip.debate, "level": clip.level, "speech": speech}
            yield clip.name, example
        # A split without a single example would make TFDS raise an error that names no file.
        if unusable and (is_last or len(unusable) - before == len(clips)):
            more = f"{release.format_count(unusable, 'clip')} cannot be used, the first: " if len(unusable) > 1 else ""
            raise UserError(more + unusable[0])


def read_speech(path: Path, rate: int, seconds: float) -> tuple[np.ndarray, float]:
    """Reads int16 [T] mono at `rate`, and the share of samples at full scale before resampling.

    Raises:
      UserError: the file is not a whole sound file, has another length than `seconds`, or is silent once stored.
    """
    sound = sound_files.decode_audio(path)
    length = len(sound.samples) / sound.rate
    if abs(length - seconds) > _TOLERANCE:
        raise UserError(f"{path} is {length:.2f} s long, expected {seconds:g} s; copy it again")
    speech = audio.to_int16(audio.resample_audio(sound, rate))
    if not speech.any():
        raise UserError(f"{path} is silent throughout (its root mean square is 0); copy it again")
    return speech, sound.clipped


def _find_sizes(folder: Path) -> tuple[release.Sizes, bool]:
    """Finds what the folder must hold, and whether a generator wrote it."""
    marker = read_marker(folder, "sspnet_conflict", release.RELEASE._asdict())
    if marker is None:
        return release.RELEASE, False
    return release.Sizes(**marker["sizes"]), True
