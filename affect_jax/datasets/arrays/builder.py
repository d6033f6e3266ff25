"""The TFDS builder of arrays: an example is one item with its features, without padding. Labels stay in the files."""

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from affect_jax.datasets import build
from affect_jax.datasets.arrays.corpus import ArrayCorpus
from affect_jax.datasets.arrays.settings import Settings
from affect_jax.datasets.manifest.csv_table import Row

CHUNK = 200_000_000
"""Bytes to store together. TFDS keeps a split in memory while it writes it, and would need TensorFlow beyond 1 GB."""


@dataclasses.dataclass
class ArraysConfig(tfds.core.BuilderConfig):
    """What to store, besides the arrays themselves."""

    widths: tuple[tuple[str, int], ...] = ()
    """(modality, D)."""
    source: str = ""
    corpus: ArrayCorpus | None = dataclasses.field(default=None, repr=False, compare=False)


_CONFIGS: dict[str, ArraysConfig] = {}  # by name, because TFDS asks for configs by name


class Arrays(tfds.core.GeneratorBasedBuilder):
    """A corpus of padded arrays, as MMSA, MulT and others ship CMU-MOSI, CMU-MOSEI, CH-SIMS and IEMOCAP."""

    # To be raised whenever a reader or the generator gives other values: built corpora are then built again.
    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = "The files are those of config.corpus.path."

    @classmethod
    def get_builder_config(cls, name: str, version: str | tfds.core.Version | None = None) -> ArraysConfig | None:
        """The config that `build_features` made under this name."""
        return _CONFIGS.get(name)

    def _info(self) -> tfds.core.DatasetInfo:
        matrix = tfds.features.Tensor(shape=(None, None), dtype=np.float32, encoding="bytes")
        kinds = {modality: matrix for modality, _ in self.builder_config.widths}
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {"id": tfds.features.Text(), "features": tfds.features.FeaturesDict(kinds)}
            ),
            metadata=tfds.core.MetadataDict(),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        chunks: list[list[Row]] = [[]]
        chunk_bytes = 0
        for row in self.builder_config.corpus.rows:
            size = sum(4 * length * width for length, width in _measure(self.builder_config, row))
            if chunks[-1] and chunk_bytes + size > CHUNK:
                chunks.append([])
                chunk_bytes = 0
            chunks[-1].append(row)
            chunk_bytes += size
        return {f"chunk_{number:04d}": self._generate_examples(chunk) for number, chunk in enumerate(chunks)}

    def _generate_examples(self, rows: list[Row]) -> Iterator[tuple[int, dict[str, Any]]]:
        # TFDS cannot return empty tensors, so a missing modality is stored as one frame of zeros that nobody reads.
        absent = {m: np.zeros((1, width), np.float32) for m, width in self.builder_config.widths}
        for number, row in enumerate(rows):
            yield number, {"id": row.id, "features": {**absent, **self.builder_config.corpus.cut(row)}}


def _measure(config: ArraysConfig, row: Row) -> Iterator[tuple[int, int]]:
    """(T, D) of each modality of an item."""
    split, item = config.corpus.places[row.number]
    for modality, width in config.widths:
        yield int(config.corpus.modalities[modality][split].spans.lengths[item]), width


def build_features(corpus: ArrayCorpus, settings: Settings, data_dir: Path) -> dict[int, dict[str, np.ndarray]]:
    """Builds the features below `data_dir` where they are missing, and reads them.

    Returns:
      Row number -> modality -> float32 [T, D].

    Raises:
      UserError: the corpus cannot be written.
    """
    widths = tuple((m, next(iter(of_splits.values())).width) for m, of_splits in corpus.modalities.items())
    key = json.dumps([str(corpus.path.expanduser().resolve()), widths, settings.widths, settings.padding])
    source = _sign_files(corpus)
    config = ArraysConfig(
        name=f"arrays_{hashlib.sha256(key.encode()).hexdigest()[:12]}", widths=widths, source=source, corpus=corpus
    )
    _CONFIGS[config.name] = config
    try:
        folder = corpus.files[0].resolve().parent
        builder = build.build_once(Arrays, config=config, data_dir=data_dir, manual_dir=folder, source=source)
        examples = (e for chunk in sorted(builder.info.splits) for e in build.read_examples(builder, chunk))
        return {
            row.number: {m: example["features"][m] for m in row.files}
            for row, example in zip(corpus.rows, examples, strict=True)
        }
    finally:
        del _CONFIGS[config.name]  # whose arrays may be large


def _sign_files(corpus: ArrayCorpus) -> str:
    """sha256 of ids, and of the path, size and modification time of every file."""
    digest = hashlib.sha256("\0".join(row.id for row in corpus.rows).encode())
    for file in corpus.files:
        status = file.stat()
        digest.update(f"{file.resolve()}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
