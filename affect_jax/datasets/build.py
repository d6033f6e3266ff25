"""Builds a corpus once, completely or not at all, and again when the release has changed.

    <data_dir>/synthetic/<corpus>-<hash of its parameters>/    the raw files that a generator wrote
    <data_dir>/built/<hash of the raw folder's path>/<corpus>/<config>/<version>/    array_record files of TFDS
    <data_dir>/downloads/                                      what a builder fetched

`data_dir` is `config.corpus.data_dir`. TFDS writes into `incomplete.*` and renames that folder when every file is
closed, so a folder with its final name is complete. Then it gets `checksums.json`, which all its files have to fit
whenever it is read; one that was damaged is built again.
"""

from __future__ import annotations

import contextlib
import contextvars
import hashlib
import io
import json
import os
import secrets
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
from affect_jax.runtime import files

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

_CHECKSUMS = "checksums.json"
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
        builder = _open_builder(builder_cls, config, folder)
        if _is_built(builder, source):
            _seal(Path(builder.data_dir))
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
            _seal(Path(builder.data_dir))
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
    try:
        is_complete = (Path(builder.data_dir) / "dataset_info.json").is_file()
        return is_complete and builder.info.metadata.get("source") == source
    except (ValueError, AttributeError, RecursionError):  # metadata.json, which TFDS reads only now, is no such file
        return False


def _open_builder(
    builder_cls: type[tfds.core.GeneratorBasedBuilder], config: str | tfds.core.BuilderConfig, folder: Path
) -> tfds.core.GeneratorBasedBuilder:
    """The builder, which reads what is built below `folder`; files that were damaged since are removed before.

    Raises:
      UserError: what is built there cannot be read, and has no checksums yet: an older version built it, or a process
        that was killed just then.
    """
    of_config = folder / builder_cls.name / (config if isinstance(config, str) else config.name)
    built = [path.parent for path in of_config.glob("[0-9]*/dataset_info.json")]
    for place in built:
        if (place / _CHECKSUMS).exists() and not _is_unchanged(place):
            removed = place.with_name(f"incomplete.{place.name}.{secrets.token_hex(4)}")
            place.rename(removed)  # at once: half of it without its checksums would be taken for a corpus
            shutil.rmtree(removed)
    try:
        return builder_cls(config=config, data_dir=folder, file_format="array_record")
    except Exception as error:  # protobuf, json and TFDS raise many types for a damaged file
        if isinstance(error, OSError) or not built:
            raise
        raise _make_unreadable(built[0], error) from error


def _seal(place: Path) -> None:
    """Writes the checksums of a built corpus, where it has none and may be written."""
    if not (place / _CHECKSUMS).exists():
        with contextlib.suppress(OSError):  # others may write there, we perhaps not
            files.write_json(place / _CHECKSUMS, files.hash_files(place))


def _is_unchanged(place: Path) -> bool:
    """Whether the files of a built corpus are those that its checksums were made of."""
    try:
        sums = files.hash_files(place)
        sums.pop(_CHECKSUMS, None)
        return (place / _CHECKSUMS).read_bytes() == files.encode_json(sums)
    except FileNotFoundError:  # another process removes it just now
        return True


def _make_unreadable(place: Path, error: Exception) -> UserError:
    reason = " ".join(str(error).split())[:200]
    return UserError(
        f"the built corpus {place} cannot be read ({type(error).__name__}: {reason}); delete that folder, and it is "
        "built again"
    )


def read_examples(builder: tfds.core.GeneratorBasedBuilder, split: str) -> list[dict[str, Any]]:
    """Reads all examples of a split, in the order in which the builder wrote them (`disable_shuffling`).

    Raises:
      UserError: a file is damaged, and has no checksum.
    """
    cache = _CACHE.get()
    try:
        source = builder.as_data_source(split)
        return list(source) if cache is None else stored_array.store_features(source, cache)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # array_record's and protobuf's own
        raise _make_unreadable(Path(builder.data_dir), error) from error


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
