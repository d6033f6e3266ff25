"""Files written whole or not at all, JSON read with clear errors, and a lock that dies with its process."""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from affect_jax.errors import UserError

PARTIAL = ".partial"
"""How the name of a file ends that is still being written."""


def spell_path(path: str | os.PathLike[str]) -> str:
    r"""The text of a path whose names may be any bytes: those that are no text are written as `\xfc`.

    Names that differ stay different, and the text can be written anywhere.
    """
    return re.sub("[\udc80-\udcff]", lambda byte: f"\\x{ord(byte[0]) - 0xDC00:02x}", os.fspath(path))


def write_atomic(path: Path, data: bytes) -> None:
    """Writes a file so that a reader sees the old one or the new one, whatever happens in between."""
    write_together({path: data})


def write_together(contents: Mapping[Path, bytes]) -> None:
    """Writes files so that all stay as they were where one cannot be written, e.g. as the disk is full.

    A process that is killed while they get their names may leave some of the old and some of the new ones, each whole.
    """
    # Names of their own, so that of two writers each publishes a whole file of its own; the last one stays.
    partial = {path: _name_partial(path) for path in contents}
    try:
        for path, data in contents.items():
            try:
                with open(partial[path], "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as error:
                error.filename = error.filename or str(path)  # a full disk is told without
                raise
        for path, temporary in partial.items():
            os.replace(temporary, path)
    finally:
        for temporary in partial.values():
            temporary.unlink(missing_ok=True)


def _name_partial(path: Path) -> Path:
    """A hidden name beside `path` that nobody else has, cut where a file system would find it too long."""
    name = os.fsencode(path.name)[:200].decode(errors="ignore")
    return path.with_name(f".{name}.{os.getpid()}-{secrets.token_hex(4)}{PARTIAL}")


def remove_partial_files(folder: Path) -> None:
    """Removes what a writer of `folder` that was killed has left; only for who holds its lock."""
    for path in folder.glob(f".*{PARTIAL}"):
        path.unlink(missing_ok=True)


def hash_json(value: Any) -> str:
    """sha256 of what JSON makes of `value`: keys that were numbers are text by then."""
    return hashlib.sha256(json.dumps(json.loads(json.dumps(value)), sort_keys=True).encode()).hexdigest()


def hash_file(path: Path) -> str:
    """sha256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def encode_json(value: Any) -> bytes:
    """JSON with sorted keys; NaN is refused, as JSON has none."""
    return (json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()


def write_json(path: Path, value: Any) -> None:
    """`as_json`, whole or not at all."""
    write_atomic(path, encode_json(value))


def read_json(path: Path) -> Any:
    """Reads what `write_json` wrote.

    Raises:
      UserError: missing or not JSON.
    """
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise UserError(f"{path} is missing; is {path.parent} a run folder made by launch.main?") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not valid JSON ({error}); restore it or delete the run folder") from error


@contextlib.contextmanager
def lock_file(path: Path, refusal: str) -> Iterator[None]:
    """Holds the lock on the file `path`, which is made where it is not there and stays behind, empty.

    The lock is the kernel's (flock): it ends with the process, however that ends, so none is ever stale. A file system
    that has no such locks is used without.

    Raises:
      UserError: with `refusal`, where another process holds it.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(refusal) from None
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
                raise
        yield
    finally:
        os.close(handle)
