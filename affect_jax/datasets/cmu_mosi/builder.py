"""The TFDS builder of CMU-MOSI: an example is one video, its utterances in order of time."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from affect_jax.datasets.cmu_mosi import poria_release
from affect_jax.datasets.release_files import read_marker

URL = "https://raw.githubusercontent.com/SenticNet/contextual-sentiment-analysis/master/data/"
"""The public repository. checksums.tsv holds size and sha256 of each file, taken from a copy. That the branch is called
master could not be looked up, because there was no network where this was written: a wrong name gives a download error,
never other data."""


@dataclasses.dataclass
class CmuMosiConfig(tfds.core.BuilderConfig):
    """Where the files come from: `manual_dir`, or the public repository."""

    download: bool = False


class CmuMosi(tfds.core.GeneratorBasedBuilder):
    """CMU-MOSI (Zadeh et al., 2016), with the utterance features of Poria et al., "Context-dependent sentiment", ACL
    2017."""

    # To be raised whenever the reader or the generator gives other values: built corpora are then built again.
    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = "Copy the folder data of github.com/SenticNet/contextual-sentiment-analysis."
    BUILDER_CONFIGS = [CmuMosiConfig(name="poria"), CmuMosiConfig(name="poria_download", download=True)]

    def _info(self) -> tfds.core.DatasetInfo:
        # Bytes: the only encoding that is exact, takes two open dimensions, and is read back without a copy.
        matrix = tfds.features.Tensor(shape=(None, None), dtype=np.float32, encoding="bytes")
        vector = tfds.features.Tensor(shape=(None,), dtype=np.float32, encoding="bytes")
        numbers = tfds.features.Tensor(shape=(None,), dtype=np.int32, encoding="bytes")
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "id": tfds.features.Text(),
                    "segments": numbers,
                    "rows": numbers,
                    "words": tfds.features.Sequence(tfds.features.Text()),
                    "features": tfds.features.FeaturesDict(dict.fromkeys(poria_release.MODALITIES, matrix)),
                    "binary": vector,
                    "sentiment": vector,
                    "class7": vector,
                }
            ),
            homepage="https://github.com/SenticNet/contextual-sentiment-analysis",
            metadata=tfds.core.MetadataDict(),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        marker = None
        if self.builder_config.download:
            paths = dl_manager.download({name: URL + name for name in poria_release.FILES})
            files = {name: Path(path) for name, path in paths.items()}
        else:
            folder = Path(dl_manager.manual_dir)
            marker = read_marker(folder, "cmu_mosi", poria_release.RELEASE._asdict())
            files = poria_release.find_files(folder)
        sizes = poria_release.RELEASE if marker is None else poria_release.Sizes(**marker["sizes"])
        self.info.metadata.update(
            synthetic=marker is not None,
            scored=poria_release.LABELS_FILE in files,
            files={name: str(path) for name, path in files.items()},
        )
        return {
            split: self._generate_examples(videos) for split, videos in poria_release.read_release(files, sizes).items()
        }

    def _generate_examples(self, videos: list[poria_release.Video]) -> Iterator[tuple[str, dict[str, Any]]]:
        for video in videos:
            yield video.id, {**video._asdict(), "words": list(video.words)}
