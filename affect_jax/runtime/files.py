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
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


def expand_home(text: str | Path) -> Path:
    """A path whose `~` is the home folder; as it stands where that is of nobody (`~ laughs ~` is no path)."""
    return Path(os.path.expanduser(text))


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
    partial: dict[Path, Path] = {}
    with contextlib.ExitStack() as handles:
        try:
            for path, data in contents.items():
                try:
                    partial[path], handle = _open_partial(path)
                    # It stays open, and with it locked, until it has its name.
                    file = handles.enter_context(os.fdopen(handle, "wb"))
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                except OSError as error:
                    error.filename = str(path)  # a full disk is told without, other errors with the hidden name
                    raise
            for path in contents:
                os.replace(partial[path], path)
                del partial[path]
        finally:
            for temporary in partial.values():
                temporary.unlink(missing_ok=True)


def _open_partial(path: Path) -> tuple[Path, int]:
    """Opens a hidden file beside `path` that nobody else writes; returns its name and its handle.

    It is the one that a killed writer of `path` has left, where there is one, so that none stay behind. A writer holds
    the kernel's lock on it. Who comes meanwhile takes a name of its own, as does everybody where there are no locks:
    of two writers each publishes a whole file, and the last one stays.
    """
    # Cut where a file system would find it too long.
    stem = f".{os.fsencode(path.name)[:200].decode(errors='ignore')}"
    partial = path.with_name(f"{stem}{PARTIAL}")
    with contextlib.suppress(OSError):
        # Neither through a link that somebody has laid there, nor waiting for the reader of a pipe.
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Between the two calls above another writer may have given this very file its name.
            if os.path.samestat(os.fstat(handle), os.stat(partial)):
                os.ftruncate(handle, 0)
                return partial, handle
        except OSError as error:
            if error.errno in _NO_LOCKS:
                partial.unlink(missing_ok=True)
        os.close(handle)
    partial = path.with_name(f"{stem}.{os.getpid()}-{secrets.token_hex(4)}{PARTIAL}")
    return partial, os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)


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


def hash_files(folder: Path) -> dict[str, str]:
    """File -> sha256, of all files below `folder`."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hash_file(path) for path in paths}


def encode_json(value: Any) -> bytes:
    """JSON with sorted keys; NaN is refused, as JSON has none."""
    return (json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()


def write_json(path: Path, value: Any) -> None:
    """`as_json`, whole or not at all."""
    write_atomic(path, encode_json(value))


def check_ordinary(path: Path) -> None:
    """Refuses a folder, pipe or device without opening it: a pipe would be waited for. What is missing passes.

    Raises:
      UserError: see above.
    """
    if path.exists() and not path.is_file():
        raise UserError(f"{path} is no file but a folder, a pipe or a device; put the file itself there")


def stamp_file(path: Path) -> tuple[int, ...] | None:
    """What is another one once a file was written anew or changed; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def read_json(path: Path) -> Any:
    """Reads what `write_json` wrote.

    Raises:
      UserError: missing, no file, or not JSON.
    """
    check_ordinary(path)
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise UserError(f"{path} is missing; is {path.parent} a run folder made by launch.main?") from None
    except (ValueError, RecursionError) as error:  # brackets in brackets, by the thousand
        raise UserError(f"{path} is not valid JSON ({error}); restore it or delete the run folder") from error


def read_config_document(path: Path) -> dict[str, Any]:
    """Reads the config.json of a run folder: an object whose `config` is one, too.

    Raises:
      UserError: it is missing, or something else.
    """
    document = read_json(path)
    if not isinstance(document, dict) or not isinstance(document.get("config"), dict):
        raise UserError(f"{path} holds no 'config'; restore it, or train that run again with launch.main")
    return document


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
            if error.errno not in _NO_LOCKS:
                raise
        yield
    finally:
        os.close(handle)
