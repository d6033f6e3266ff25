"""Building a corpus once: all of it or none of it, below `config.corpus.data_dir`, and again when the release changed.

    <data_dir>/synthetic/<corpus>-<hash of its parameters>/    the raw files that a generator wrote
    <data_dir>/built/<hash of the raw folder's path>/<corpus>/<config>/<version>/    array_record files of TFDS
    <data_dir>/downloads/                                      what a builder fetched

TFDS writes into `incomplete.*` and renames it when every file is closed, so a folder with its final name is whole.
"""

import contextlib
import contextvars
import errno
import hashlib
import io
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds
from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError

from affect_jax.datasets import stored_array
from affect_jax.datasets.cache import Cache
from affect_jax.datasets.release_files import MARKER
from affect_jax.errors import UserError, suggest_nearest

_LEFT: contextvars.ContextVar[Cache | None] = contextvars.ContextVar("features_left", default=None)


def resolve_settings(corpus: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """`config.corpus` over a package's defaults, down into its `synthetic` table.

    Raises:
      UserError: a key that the package does not know, or a value of another type than the default's.
    """

    def merge(given: Mapping[str, Any], base: Mapping[str, Any], prefix: str) -> dict[str, Any]:
        merged = dict(base)
        for key, value in given.items():
            name = f"{prefix}.{key}"
            if key not in base:
                raise UserError(
                    f"{name} is not a setting{suggest_nearest(key, base)}; choose {', '.join(sorted(base))}"
                )
            if isinstance(base[key], Mapping):
                merged[key] = merge(value, base[key], name)
                continue
            value = tuple(value) if isinstance(value, list) else value
            if type(value) is not type(base[key]):
                raise UserError(f"{name} is {value!r}, expected a value like the default {base[key]!r}")
            merged[key] = value
        return merged

    return merge(corpus, defaults, "config.corpus")


@contextlib.contextmanager
def report_write_errors(where: Path) -> Iterator[None]:
    """Turns a full disk, a folder that cannot be written and the like into a UserError that names `where`."""
    try:
        yield
    except (OSError, tfds.download.DownloadError) as error:
        if getattr(error, "errno", None) is None:  # requests' and TFDS' errors about a server, or the way to it
            raise UserError(
                f"the download failed ({error}); try again, or fetch the files by hand and set config.corpus.manual_dir"
            ) from error
        raise UserError(
            f"cannot build the corpus: {os.strerror(error.errno)} at {error.filename or where}; free space, mend"
            " permissions, or set config.corpus.data_dir to a folder that can be written"
        ) from error
    except RuntimeError as error:
        # array_record writes in C++ and reports a full disk as a RuntimeError.
        if "Failed to finalize writing" not in str(error):
            raise
        raise UserError(
            f"cannot write the corpus below {where} ({error}); free space or set config.corpus.data_dir to another"
            " folder"
        ) from error


@contextlib.contextmanager
def make_whole_folder(target: Path) -> Iterator[Path]:
    """A temporary folder beside `target` that gets its name only when the block ends without an error.

    Raises:
      UserError: `target` exists already (nothing is overwritten), or cannot be written.
    """
    if target.exists():
        raise UserError(f"{target} exists already; delete it or name another folder")
    with report_write_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f"incomplete.{target.name}.", dir=target.parent))
        try:
            yield temporary
            temporary.chmod(0o755)
            _rename_folder(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _rename_folder(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except OSError as error:
        # Another process was quicker with the same folder: its result is as good as ours.
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise


def make_synthetic_folder(
    builder_cls: type[tfds.core.GeneratorBasedBuilder],
    parameters: Mapping[str, Any],
    data_dir: Path,
    synthesize: Callable[..., None],
) -> Path:
    """The raw synthetic corpus of these parameters below `data_dir`, made where it is not there yet.

    Args:
      builder_cls: the corpus' builder; its version counts for the generator too.
      parameters: keyword arguments of `synthesize`; they are part of the folder's name.
      data_dir: where built corpora go.
      synthesize: (folder, **parameters), which writes the whole folder, marker file included.
    """
    described = json.dumps([str(builder_cls.VERSION), dict(parameters)], sort_keys=True)
    folder = data_dir / "synthetic" / f"{builder_cls.name}-{hashlib.sha256(described.encode()).hexdigest()[:12]}"
    if not (folder / MARKER).is_file():
        try:
            synthesize(folder, **parameters)
        except UserError:
            # Another process may have made the same folder meanwhile.
            if not (folder / MARKER).is_file():
                raise
    return folder


def build_once(
    builder_cls: type[tfds.core.GeneratorBasedBuilder],
    *,
    config: str,
    data_dir: Path,
    manual_dir: Path | None,
    source: str,
) -> tfds.core.GeneratorBasedBuilder:
    """The builder, prepared from `manual_dir` as it is now.

    Args:
      builder_cls: writes its metadata in `_split_generators`.
      config: name of its BuilderConfig.
      data_dir: where built corpora go.
      manual_dir: the release's folder; None for a builder that downloads.
      source: what the raw files are (`reading.signature`); kept with the built corpus, which is made again when it
        differs.

    Raises:
      UserError: from the reader, or the corpus cannot be downloaded or written.
    """
    key = hashlib.sha256(str(manual_dir or "download").encode()).hexdigest()[:12]
    folder = data_dir / "built" / key
    with report_write_errors(folder):
        builder = builder_cls(config=config, data_dir=folder, file_format="array_record")
        if _is_built(builder, source):
            return builder
        shutil.rmtree(builder.data_dir, ignore_errors=True)
        builder = builder_cls(config=config, data_dir=folder, file_format="array_record")
        builder.info.metadata["source"] = source
        if not sys.stderr.isatty():
            tfds.disable_progress_bar()
        settings = tfds.download.DownloadConfig(
            manual_dir=None if manual_dir is None else os.fspath(manual_dir), force_checksums_validation=True
        )
        try:
            # TFDS announces itself on standard output, which belongs to the caller.
            with contextlib.redirect_stdout(io.StringIO()):
                builder.download_and_prepare(download_dir=data_dir / "downloads", download_config=settings)
        except NonMatchingChecksumError as error:
            raise UserError(
                f"a downloaded file is not the registered one ({' '.join(str(error).split())}); delete"
                f" {data_dir / 'downloads'} and try again, or fetch the files by hand and set config.corpus.manual_dir"
            ) from error
        except OSError:
            # Another process may have built the same corpus meanwhile.
            builder = builder_cls(config=config, data_dir=folder, file_format="array_record")
            if not _is_built(builder, source):
                raise
    return builder


def _is_built(builder: tfds.core.GeneratorBasedBuilder, source: str) -> bool:
    finished = (Path(builder.data_dir) / "dataset_info.json").is_file()
    return finished and builder.info.metadata.get("source") == source


def read_examples(builder: tfds.core.GeneratorBasedBuilder, split: str) -> list[dict[str, Any]]:
    """All examples of a split, in the order in which the builder made them (`disable_shuffling`)."""
    source, cache = builder.as_data_source(split), _LEFT.get()
    return list(source) if cache is None else stored_array.store_features(source, cache)


@contextlib.contextmanager
def leave_features(megabytes: float) -> Iterator[None]:
    """What is loaded in this context has its features left in the built corpus' files, see `stored.Stored`.

    Args:
      megabytes: of features, of all that is loaded here together, that stay in the host's memory once they were read;
        0 for none.
    """
    token = _LEFT.set(Cache(megabytes * 1e6))
    try:
        yield
    finally:
        _LEFT.reset(token)
