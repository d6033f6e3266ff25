"""Builds a corpus once, completely or not at all, and again when the release has changed.

    <data_dir>/synthetic/<corpus>-<hash of its parameters>/    the raw files that a generator wrote
    <data_dir>/built/<hash of the raw folder's path>/<corpus>/<config>/<version>/    array_record files of TFDS
    <data_dir>/downloads/                                      what a builder fetched

`data_dir` is `config.corpus.data_dir`. TFDS writes into `incomplete.*` and renames that folder when every file is
closed, so a folder with its final name is complete.
"""

from __future__ import annotations

import contextlib
import contextvars
import hashlib
import io
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from affect_jax.datasets import stored_array
from affect_jax.datasets.cache import Cache
from affect_jax.datasets.release_files import MARKER
from affect_jax.datasets.whole_folder import build_below, make_download_error, report_write_errors
from affect_jax.errors import UserError

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

_CACHE: contextvars.ContextVar[Cache | None] = contextvars.ContextVar("feature_cache", default=None)


def make_synthetic_folder(
    name: str, version: str, parameters: Mapping[str, Any], data_dir: Path, synthesize: Callable[..., None]
) -> Path:
    """Finds the raw synthetic corpus of these parameters below `data_dir`; writes it where it is missing.

    Args:
      name: of the corpus.
      version: of its builder, which counts for the generator too.
      parameters: keyword arguments of `synthesize`; the folder's name depends on them.
      data_dir: folder for built corpora.
      synthesize: (folder, **parameters), which writes the whole folder, marker file included.
    """
    described = json.dumps([str(version), dict(parameters)], sort_keys=True)
    folder = data_dir / "synthetic" / f"{name}-{hashlib.sha256(described.encode()).hexdigest()[:12]}"
    if not (folder / MARKER).is_file():
        try:
            with report_write_errors(folder), build_below(folder.parent):
                synthesize(folder, **parameters)
        except UserError:
            # Another process may have written the same folder meanwhile.
            if not (folder / MARKER).is_file():
                raise
    return folder


def build_once(
    builder_cls: type[tfds.core.GeneratorBasedBuilder],
    *,
    config: str | tfds.core.BuilderConfig,
    data_dir: Path,
    manual_dir: Path | None,
    source: str,
) -> tfds.core.GeneratorBasedBuilder:
    """Returns the builder, prepared from `manual_dir` as it is now.

    Args:
      builder_cls: writes its metadata in `_split_generators`.
      config: its BuilderConfig, or the name of one.
      data_dir: folder for built corpora.
      manual_dir: folder of the release; None for a builder that downloads.
      source: identifies the raw files (`release_files.sign_files`). It is stored with the built corpus, which is built
        again when the two differ.

    Raises:
      UserError: from the reader, or the corpus cannot be downloaded or written.
    """
    # TensorFlow Datasets takes .6 s to import, which only those who build or read a corpus should wait for.
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError

    key = hashlib.sha256(os.fsencode(manual_dir or "download")).hexdigest()[:12]
    folder = data_dir / "built" / key
    with report_write_errors(folder), contextlib.ExitStack() as building:
        builder = builder_cls(config=config, data_dir=folder, file_format="array_record")
        if _is_built(builder, source):
            return builder
        shutil.rmtree(builder.data_dir, ignore_errors=True)
        building.enter_context(build_below(folder))
        builder = builder_cls(config=config, data_dir=folder, file_format="array_record")
        builder.info.metadata["source"] = source
        if not sys.stderr.isatty():
            tfds.disable_progress_bar()
        download_config = tfds.download.DownloadConfig(
            manual_dir=None if manual_dir is None else os.fspath(manual_dir), force_checksums_validation=True
        )
        try:
            # TFDS announces itself on standard output, which belongs to the caller.
            with contextlib.redirect_stdout(io.StringIO()):
                builder.download_and_prepare(download_dir=data_dir / "downloads", download_config=download_config)
        except NonMatchingChecksumError as error:
            raise UserError(
                f"a downloaded file is not the registered one ({' '.join(str(error).split())}); delete"
                f" {data_dir / 'downloads'} and try again, or fetch the files by hand and set config.corpus.manual_dir"
            ) from error
        except tfds.download.DownloadError as error:
            raise make_download_error(error) from error
        except OSError:
            # Another process may have built the same corpus meanwhile.
            builder = builder_cls(config=config, data_dir=folder, file_format="array_record")
            if not _is_built(builder, source):
                raise
    return builder


def _is_built(builder: tfds.core.GeneratorBasedBuilder, source: str) -> bool:
    is_complete = (Path(builder.data_dir) / "dataset_info.json").is_file()
    return is_complete and builder.info.metadata.get("source") == source


def read_examples(builder: tfds.core.GeneratorBasedBuilder, split: str) -> list[dict[str, Any]]:
    """Reads all examples of a split, in the order in which the builder wrote them (`disable_shuffling`)."""
    source, cache = builder.as_data_source(split), _CACHE.get()
    return list(source) if cache is None else stored_array.store_features(source, cache)


@contextlib.contextmanager
def leave_features(megabytes: float) -> Iterator[None]:
    """Corpora that are loaded in this context leave their features in the built files, see `StoredArray`.

    Args:
      megabytes: of features, of all corpora that are loaded here together, that stay in the host's memory once they
        were read; 0 for none.
    """
    token = _CACHE.set(Cache(megabytes * 1e6))
    try:
        yield
    finally:
        _CACHE.reset(token)
