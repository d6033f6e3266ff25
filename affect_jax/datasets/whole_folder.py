"""Folders that are written whole or not at all, and what users are told when a disk does not take them."""

import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from affect_jax.errors import UserError


@contextlib.contextmanager
def report_write_errors(target: Path) -> Iterator[None]:
    """Turns a full disk, a folder that cannot be written or a failed download into a UserError that names `target`."""
    try:
        yield
    except OSError as error:
        # Errors of `requests` are OSErrors without a number.
        if error.errno is None:
            raise make_download_error(error) from error
        raise UserError(
            f"cannot build the corpus: {os.strerror(error.errno)} at {error.filename or target}; free space, correct"
            " the permissions, or set config.corpus.data_dir to a folder that can be written"
        ) from error
    except RuntimeError as error:
        # array_record writes in C++ and reports a full disk as a RuntimeError.
        if "Failed to finalize writing" not in str(error):
            raise
        raise UserError(
            f"cannot write the corpus below {target} ({error}); free space or set config.corpus.data_dir to another"
            " folder"
        ) from error


@contextlib.contextmanager
def build_below(folder: Path) -> Iterator[None]:
    """Marks `folder`, made where it is missing, as one that somebody builds in.

    Who comes while nobody builds there removes what builders that were killed have left, which may be as large as a
    corpus. The marks are shared locks of the kernel, so they end with their processes; a file system that has none is
    left as it is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)  # a folder can be locked, too: nothing is left behind
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for left in [path for path in folder.rglob("incomplete.*") if path.is_dir()]:
                shutil.rmtree(left, ignore_errors=True)
        except OSError:  # somebody builds, or there are no locks here
            pass
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


def make_download_error(error: Exception) -> UserError:
    """The error for a server that refuses, or cannot be reached."""
    return UserError(
        f"the download failed ({error}); try again, or fetch the files by hand and set config.corpus.manual_dir"
    )


@contextlib.contextmanager
def make_whole_folder(target: Path) -> Iterator[Path]:
    """Yields a temporary folder beside `target`, which gets that name only when the block ends without an error.

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
        # Another process has written the same folder meanwhile; its content equals ours.
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
