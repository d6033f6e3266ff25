"""The TFDS builder of a manifest: an example is one item with its features. Labels stay in the csv file."""

import collections
import dataclasses
import functools
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow_datasets as tfds

from affect_jax.datasets import build
from affect_jax.datasets.feature_frames import drop_columns
from affect_jax.datasets.manifest import frame_files, recording_pool
from affect_jax.datasets.manifest.cells import Cell, Reading, Survey
from affect_jax.datasets.manifest.csv_table import Row, Sheet
from affect_jax.errors import UserError
from affect_jax.features.segments import WHOLE, Segment

CHUNK = 200_000_000
"""Bytes to store together. TFDS keeps a split in memory while it writes it, and would need TensorFlow beyond 1 GB."""


@dataclasses.dataclass
class ManifestConfig(tfds.core.BuilderConfig):
    """Which files to read and how: all that the builder needs beside the files."""

    widths: tuple[tuple[str, int], ...] = ()
    """(modality, D), 0 for a waveform."""
    items: tuple[tuple[str, tuple[tuple[str, Path, Cell], ...], Segment], ...] = ()
    """(id, (modality, path, its measurements), stretch of these files); those of one file follow each other."""
    reading: Reading = Reading("mfcc", 8000)
    kept: Path | None = None
    """The folder where features of recordings may have been kept."""
    timed: tuple[str, ...] = ()
    """Modalities of features with times, which are stored beside them."""
    left_out: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(modality, names of columns that no features are made of)."""


_CONFIGS: dict[str, ManifestConfig] = {}  # by name, because TFDS asks for configs by name


class Manifest(tfds.core.GeneratorBasedBuilder):
    """A corpus of anybody's own files, listed in one csv file."""

    # To be raised whenever a reader gives other values: built corpora are then built again.
    VERSION = tfds.core.Version("2.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = "The files are those that the manifest names."

    @classmethod
    def get_builder_config(cls, name: str, version: str | tfds.core.Version | None = None) -> ManifestConfig | None:
        """The config that `build_features` made under this name."""
        return _CONFIGS.get(name)

    def _info(self) -> tfds.core.DatasetInfo:
        matrix = tfds.features.Tensor(shape=(None, None), dtype=np.float32, encoding="bytes")
        waveform = tfds.features.Tensor(shape=(None,), dtype=np.int16, encoding="bytes")
        kinds = {modality: matrix if width else waveform for modality, width in self.builder_config.widths}
        content = {"id": tfds.features.Text(), "features": tfds.features.FeaturesDict(kinds)}
        if self.builder_config.timed:
            clock = tfds.features.Tensor(shape=(None,), dtype=np.float64, encoding="bytes")
            content["times"] = tfds.features.FeaturesDict(dict.fromkeys(self.builder_config.timed, clock))
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(content),
            metadata=tfds.core.MetadataDict(),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        chunks: list[list[tuple]] = [[]]
        chunk_bytes = 0
        for item in self.builder_config.items:
            size = sum(cell.frames * (4 * cell.width or 2) for _, _, cell in item[1])
            if chunks[-1] and chunk_bytes + size > CHUNK:
                chunks.append([])
                chunk_bytes = 0
            chunks[-1].append(item)
            chunk_bytes += size
        options = self.builder_config.reading.options
        # One long file of each modality is held from chunk to chunk, while its segments are read.
        holders = {m: frame_files.make_readers(options, hold=True) for m, _ in self.builder_config.widths}
        return {f"chunk_{number:03d}": self._generate_examples(chunk, holders) for number, chunk in enumerate(chunks)}

    def _generate_examples(
        self, items: list[tuple], holders: dict[str, frame_files.Readers]
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        settings = self.builder_config
        # TFDS cannot return empty tensors, so a missing modality is stored as one frame of zeros that nobody reads.
        absent = {
            m: np.zeros((1, width), np.float32) if width else np.zeros(1, np.int16) for m, width in settings.widths
        }
        timeless = {m: np.full(1, np.nan) for m in settings.timed}
        left_out = collections.defaultdict(tuple, settings.left_out)
        plain = frame_files.make_readers(settings.reading.options)
        for number, (name, files, segment) in enumerate(items):
            features, times = {}, {}
            for m, path, cell in files:
                read = functools.partial(
                    frame_files.read_frames,
                    *(path, settings.reading.sound, settings.reading.rate),
                    readers=plain if segment == WHOLE else holders[m],
                    kept=settings.kept,
                    segment=segment,
                )
                frames = drop_columns(read(), left_out[m])
                features[m] = _check_read(frames.values, path, cell)
                if m in timeless and len(frames.times):
                    times[m] = frames.times
            clocks = {"times": {**timeless, **times}} if timeless else {}
            yield number, {"id": name, "features": {**absent, **features}, **clocks}


def _check_read(values: np.ndarray, path: Path, cell: Cell) -> np.ndarray:
    bad = int((~np.isfinite(values)).sum())
    # The file may have changed after it was measured, and everything else relies on the measurements.
    if (len(values), values.shape[1] if values.ndim > 1 else 0, bad) != (cell.frames, cell.width, cell.bad):
        raise UserError(f"{path} has changed since it was checked a moment ago; try again when it is complete")
    return values


class Built(NamedTuple):
    """What was built of the files of a manifest.

    Attributes:
      features: row number -> modality -> float32 [T, D] or int16 [T].
      times: row number -> modality -> float64 [T] in seconds, of features with times; what has another length is of a
        file without them.
    """

    features: dict[int, dict[str, np.ndarray]]
    times: dict[int, dict[str, np.ndarray]]


def build_features(sheet: Sheet, survey: Survey, reading: Reading, data_dir: Path) -> Built:
    """Builds the features below `data_dir` where they are missing, and reads them.

    Args:
      sheet: the manifest's table.
      survey: measurements of its files.
      reading: how they are read.
      data_dir: folder for built corpora.

    Raises:
      UserError: a file has changed meanwhile, or the corpus cannot be written.
    """
    cells = survey.cells
    widths = {m: next(cells[row.number, m].width for row in sheet.rows if m in row.files) for m in sheet.modalities}
    left_out = {m: names for m, names in survey.left_out.items() if names}
    rows = _order_by_file(sheet)
    timed = tuple(
        m
        for m in sheet.modalities
        if any(m in row.files and not frame_files.is_sound(row.files[m]) and cells[row.number, m].clock for row in rows)
    )
    key = json.dumps([str(sheet.path.resolve()), widths, reading, left_out, timed])
    config = ManifestConfig(
        name=f"manifest_{hashlib.sha256(key.encode()).hexdigest()[:12]}",
        widths=tuple(widths.items()),
        items=tuple(
            (row.id, tuple((m, path, cells[row.number, m]) for m, path in row.files.items()), row.segment)
            for row in rows
        ),
        reading=reading,
        kept=data_dir / recording_pool.KEPT,
        timed=timed,
        left_out=tuple(left_out.items()),
    )
    _CONFIGS[config.name] = config
    builder = build.build_once(
        Manifest, config=config, data_dir=data_dir, manual_dir=sheet.path.resolve().parent, source=_sign_files(sheet)
    )
    sounds = [(path, row.segment) for row in rows for path in row.files.values() if frame_files.is_sound(path)]
    recording_pool.forget_kept(sounds, reading, data_dir)
    examples = (e for chunk in sorted(builder.info.splits) for e in build.read_examples(builder, chunk))
    built = Built({}, {})
    for row, example in zip(rows, examples, strict=True):
        built.features[row.number] = {m: example["features"][m] for m in row.files}
        built.times[row.number] = {m: example["times"][m] for m in timed if m in row.files}
    return built


def _order_by_file(sheet: Sheet) -> list[Row]:
    """Rows of one file one after another, so that it is read once; otherwise in the order of the manifest."""
    first: dict[tuple[str, Path], int] = {}
    keys = {
        row.number: tuple(
            first.setdefault((m, row.files[m]), row.number) if m in row.files else row.number for m in sheet.modalities
        )
        for row in sheet.rows
    }
    return sorted(sheet.rows, key=lambda row: (keys[row.number], row.number))


def _sign_files(sheet: Sheet) -> str:
    """sha256 of ids, and of the path, size and modification time of every file; reads none of them."""
    digest = hashlib.sha256()
    for row in sheet.rows:
        digest.update(f"{row.id}\0".encode())
        if row.segment != WHOLE:
            digest.update(f"{row.segment}\0".encode())
        for modality, path in row.files.items():
            status = path.stat()
            digest.update(os.fsencode(f"{modality}\0{path}\0{status.st_size}\0{status.st_mtime_ns}\n"))
    return digest.hexdigest()
