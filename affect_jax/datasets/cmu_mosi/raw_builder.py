"""The TFDS builder of CMU-MOSI's raw release: an example is one utterance, with what extractors made of it."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from affect_jax.datasets import clip_features
from affect_jax.datasets.clip_features import Clip, Made
from affect_jax.datasets.cmu_mosi import raw_release
from affect_jax.datasets.cmu_mosi.raw_release import Folds, Utterance
from affect_jax.datasets.release_files import read_marker


@dataclasses.dataclass
class RawConfig(tfds.core.BuilderConfig):
    """What is made of the utterances.

    Attributes:
      extractors: (modality, extractor).
      frame_rate: pictures a second that these get.
      kept: folder below which they keep what they make.
    """

    extractors: tuple[tuple[str, str], ...] = ()
    frame_rate: float = clip_features.RATE
    kept: Path = Path()


_CONFIGS: dict[str, RawConfig] = {}  # by name, because TFDS asks for configs by name


def make_config(extractors: dict[str, str], frame_rate: float, kept: Path) -> RawConfig:
    """The config of these extractors."""
    name = f"raw_{'+'.join(extractors)}_{clip_features.sign_extractors(extractors, frame_rate)}"
    config = RawConfig(name=name, extractors=tuple(extractors.items()), frame_rate=frame_rate, kept=kept)
    _CONFIGS[name] = config
    return config


class CmuMosiRaw(tfds.core.GeneratorBasedBuilder):
    """CMU-MOSI: Zadeh et al., "MOSI: multimodal corpus of sentiment intensity", arXiv:1606.06259, 2016."""

    # To be raised whenever the reader or the generator gives other values: built corpora are then built again.
    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = "The raw release is linked from multicomp.cs.cmu.edu/resources/cmu-mosi-dataset."

    @classmethod
    def get_builder_config(cls, name: str, version: str | tfds.core.Version | None = None) -> RawConfig | None:
        """The config that `make_config` made under this name."""
        return _CONFIGS.get(name)

    def _info(self) -> tfds.core.DatasetInfo:
        matrix = tfds.features.Tensor(shape=(None, None), dtype=np.float32, encoding="bytes")
        number = tfds.features.Scalar(np.float32)
        modalities = [modality for modality, _ in self.builder_config.extractors]
        texts = {name: tfds.features.Text() for name in ("id", "video", "absent")}
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    **texts,
                    "features": tfds.features.FeaturesDict(dict.fromkeys(modalities, matrix)),
                    "binary": number,
                    "sentiment": number,
                    "class7": number,
                }
            ),
            homepage="http://multicomp.cs.cmu.edu/resources/cmu-mosi-dataset",
            metadata=tfds.core.MetadataDict(),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        folder = Path(dl_manager.manual_dir)
        marker = read_marker(folder, "cmu_mosi", {"form": "", "validation": ("",), "test": ("",)})
        folds = Folds()
        if marker is not None:
            folds = Folds(tuple(marker["sizes"]["validation"]), tuple(marker["sizes"]["test"]))
        utterances = raw_release.read_utterances(folder, folds, None if marker else raw_release.COUNTS)
        root = raw_release.find_root(folder)
        made = {
            name: self._extract(name, extractor, utterances, root) for name, extractor in self.builder_config.extractors
        }
        self.info.metadata.update(
            synthetic=marker is not None,
            extracted={modality: one.about for modality, one in made.items()},
            notes=[note for one in made.values() for note in one.notes],
        )
        return {
            split: self._generate_examples([u for u in utterances if u.split == split], made)
            for split in raw_release.SPLITS
        }

    def _extract(self, modality: str, name: str, utterances: list[Utterance], root: Path) -> Made:
        if modality == "text":
            words = raw_release.read_words(root, utterances)
            clips = [Clip(u.id, words[u.id], owner=u.video) for u in utterances]
        else:
            place, suffix = (raw_release.SOUND, ".wav") if modality == "audio" else (raw_release.FILM, ".mp4")
            clips = [Clip(u.id, str(root / place / f"{u.id}{suffix}")) for u in utterances]
        settings = self.builder_config
        kinds = (raw_release.KINDS[modality],)
        return clip_features.extract_clips(modality, name, clips, settings.kept, kinds=kinds, rate=settings.frame_rate)

    def _generate_examples(
        self, utterances: list[Utterance], made: dict[str, Made]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        for utterance in utterances:
            features = {m: clip_features.read_features(one, utterance.id) for m, one in made.items()}
            absent = [modality for modality, values in features.items() if values is None]
            # TFDS cannot return empty tensors.
            features |= {m: np.zeros((1, made[m].width), np.float32) for m in absent}
            yield (
                utterance.id,
                {
                    "id": utterance.id,
                    "video": utterance.video,
                    "absent": " ".join(absent),
                    "features": features,
                    "binary": utterance.binary,
                    "sentiment": utterance.sentiment,
                    "class7": utterance.class7,
                },
            )
