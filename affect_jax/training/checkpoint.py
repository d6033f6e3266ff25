"""Checkpoints of trees by named leaves.

<folder>/000012/        the arrays, as orbax writes them
<folder>/000012.json    what goes with them, and the sha256 of every file; written last: without it there is
                        no checkpoint 12

Where there are several processes, each writes the shards that it has, and the first one everything else.
"""

import dataclasses
import errno
import json
import logging
import os
import shutil
import time
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import orbax.checkpoint as ocp

from affect_jax.errors import UserError
from affect_jax.runtime import files, hosts
from affect_jax.runtime.run_identity import RunIdentity, check_origin

# Orbax logs each step of each save at level INFO.
logging.getLogger("absl").setLevel(logging.WARNING)

SCHEMA = 1
"""Version of the .json file; the first checkpoints, which do not say theirs, have version 1."""

_META = "meta"  # its checksum is listed beside those of the files; the first checkpoints have none

# Orbax raises errors of its own that quote the system's message, but do not carry its number.
_ERRNO_OF_MESSAGE = {
    os.strerror(number): number for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS)
}


class Checkpoint(NamedTuple):
    """A checkpoint as read.

    Attributes:
      leaves: path -> array, on the host.
      meta: what was saved with them.
    """

    leaves: dict[str, np.ndarray]
    meta: dict[str, Any]


@dataclasses.dataclass
class CheckpointTimer:
    """Says when a checkpoint is due.

    Attributes:
      seconds: least time between two checkpoints; 0: always due.
      last: when the last one was written, on the monotonic clock.
      pause: seconds to wait from then on.
    """

    seconds: float
    last: float = dataclasses.field(default_factory=time.monotonic)
    pause: float = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        self.pause = self.seconds

    def is_due(self) -> bool:
        """Whether the pause is over."""
        return time.monotonic() - self.last >= self.pause

    def restart(self, begin: float) -> None:
        """Notes that a checkpoint was written, beginning at `begin`."""
        self.last = time.monotonic()
        if self.pause:
            # Slow disks: saving takes at most 5 % of the time, unless every epoch is to be saved.
            self.pause = max(self.seconds, 20 * (self.last - begin))


def flatten_leaves(tree: Any) -> dict[str, np.ndarray]:
    """A tree's leaves by path, on the host, e.g. `params/regressor/kernel`."""
    return {name: np.asarray(leaf) for name, leaf in name_leaves(tree).items()}


def name_leaves(tree: Any) -> dict[str, Any]:
    """A tree's leaves as they are, by path."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in leaves}


def _prepare_leaves(tree: Any) -> dict[str, Any]:
    """Leaves as orbax is to write them, by path: numpy arrays, but those that no process has whole as they are."""

    def is_shared(leaf: Any) -> bool:
        return isinstance(leaf, jax.Array) and not leaf.is_fully_addressable

    return {name: leaf if is_shared(leaf) else np.asarray(leaf) for name, leaf in name_leaves(tree).items()}


def restore_like(tree: Any, leaves: dict[str, np.ndarray], where: Path | str, *, check_shapes: bool = False) -> Any:
    """The inverse of `flatten_leaves`: puts leaves into the structure of `tree` (whose own values are not read).

    Args:
      tree: the structure.
      leaves: by path.
      where: the leaves are from, for the message.
      check_shapes: the shapes must be those of `tree`, too.

    Raises:
      UserError: names or shapes differ from those of `tree`: a checkpoint of another model.
    """
    paths, structure = jax.tree_util.tree_flatten_with_path(tree)
    names = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in paths]
    if set(names) != set(leaves):
        other = sorted(set(names) ^ set(leaves))[0]
        difference = "lacks" if other in names else "has"
        raise UserError(
            f"{where} is of another model: it {difference} {other!r}; "
            "use a run folder of this model, or start a new one"
        )
    for name, (_, leaf) in zip(names, paths, strict=True):
        if check_shapes and np.shape(leaf) != leaves[name].shape:
            raise UserError(
                f"{where} is of another model: its {name!r} is {list(leaves[name].shape)}, not {list(np.shape(leaf))}; "
                "use a run folder of this model, or start a new one"
            )
    return jax.tree_util.tree_unflatten(structure, [leaves[name] for name in names])


def split_by_prefix(leaves: dict[str, np.ndarray], names: tuple[str, ...]) -> list[dict[str, np.ndarray]]:
    """Splits named leaves by their first path element, e.g. `state/params/...` -> the entry of `state`."""
    return [{k[len(n) + 1 :]: v for k, v in leaves.items() if k.startswith(f"{n}/")} for n in names]


def nest_leaves(leaves: dict[str, np.ndarray]) -> dict[str, Any]:
    """The way back of `flatten_leaves`: nested dictionaries of arrays."""
    tree: dict[str, Any] = {}
    for path, leaf in leaves.items():
        *parents, last = path.split("/")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = leaf
    return tree


def _remove_arrays(arrays: Path) -> None:
    """Removes a checkpoint's arrays, finished or not."""
    for path in (arrays, *arrays.parent.glob(f"{arrays.name}.orbax-checkpoint-tmp*")):
        shutil.rmtree(path, ignore_errors=True)


def save_checkpoint(
    folder: Path, step: int, tree: Any, meta: dict[str, Any], identity: RunIdentity | None = None, *, keep: int = 1
) -> None:
    """Writes `tree` and `meta` as checkpoint `step` of the run `identity`, then removes all but the newest `keep`.

    All processes call it.

    Raises:
      OSError: the disk is full or not writable; the checkpoints before this one are untouched.
    """
    arrays = folder / f"{step:06d}"
    meta = {**meta, "identity": identity._asdict() if identity else None}
    if hosts.is_leader():
        folder.mkdir(parents=True, exist_ok=True)
        arrays.with_suffix(".json").unlink(missing_ok=True)
        _remove_arrays(arrays)  # a process that died here may have left some
    # Nobody may write before the leader has cleared the place.
    hosts.wait_for_all(f"save {arrays}")
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.CRITICAL)  # orbax logs the traceback of what it then raises, too
    try:
        with ocp.StandardCheckpointer() as checkpointer:
            checkpointer.save(arrays.absolute(), _prepare_leaves(tree))
        if hosts.is_leader():
            sums = {**files.hash_files(arrays), _META: files.hash_json(meta)}
            files.write_json(arrays.with_suffix(".json"), {"schema": SCHEMA, "meta": meta, "sha256": sums})
    except Exception as error:
        _remove_arrays(arrays)  # half a checkpoint is worth nothing, and the disk may be full
        number = next((number for words, number in _ERRNO_OF_MESSAGE.items() if words in str(error)), None)
        if number is None or isinstance(error, OSError):
            raise
        raise OSError(number, os.strerror(number), str(arrays)) from error
    finally:
        logger.setLevel(level)
    # Only now: until the new checkpoint is complete, the old one is all there is.
    if hosts.is_leader():
        _remove_old(folder, keep)
    hosts.wait_for_all(f"saved {arrays}")


def _remove_old(folder: Path, keep: int) -> None:
    """Removes all checkpoints but the newest `keep`, and arrays without an entry."""
    for old in sorted(folder.glob("[0-9]*.json"))[:-keep]:
        old.unlink()
    for arrays in folder.glob("[0-9]*"):
        if arrays.is_dir() and not arrays.with_suffix(".json").exists():
            shutil.rmtree(arrays)


def read_meta(folder: Path) -> dict[str, Any] | None:
    """What the newest checkpoint of `folder` says about itself, without reading it; None where it is not there."""
    entries = [entry for entry in sorted(folder.glob("[0-9]*.json")) if entry.with_suffix("").is_dir()]
    return files.read_json(entries[-1])["meta"] if entries else None


def restore_checkpoint(folder: Path, identity: RunIdentity | None = None) -> Checkpoint | None:
    """Reads the newest checkpoint of `folder`; None where there is none.

    Raises:
      UserError: it is damaged, of another schema, or of another run than `identity`.
    """
    entries = sorted(folder.glob("[0-9]*.json"))
    if not entries:
        return None
    arrays = entries[-1].with_suffix("")
    files.check_ordinary(entries[-1])
    try:
        entry = json.loads(entries[-1].read_text())
        sums = entry["sha256"]
        is_intact = sums == {
            **files.hash_files(arrays),
            **({_META: files.hash_json(entry["meta"])} if _META in sums else {}),
        }
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        is_intact = False
    if not is_intact:
        remedy = f"delete {folder} to train this stage again"
        if len(entries) > 1:
            remedy = f"delete {arrays} and {entries[-1].name} beside it to go on from checkpoint {entries[-2].stem}"
        raise UserError(f"the checkpoint {arrays} is damaged (its files differ from their checksums); {remedy}")
    if entry.get("schema", 1) != SCHEMA:
        raise UserError(
            f"the checkpoint {arrays} is of schema {entry['schema']}, this version of affect_jax reads {SCHEMA}; "
            f"use the version that wrote it, or delete {folder} to train this stage again"
        )
    meta = dict(entry["meta"])
    check_origin(identity, meta.pop("identity", None), f"the checkpoint {arrays}")
    with ocp.PyTreeCheckpointer() as checkpointer:
        stored = checkpointer.metadata(arrays.absolute()).item_metadata.tree
        # As numpy, also what was sharded: this run may have other devices than the one that saved.
        whole = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), stored)
        arrays_by_path = checkpointer.restore(arrays.absolute(), restore_args=whole)
    leaves = {name: np.asarray(leaf) for name, leaf in arrays_by_path.items()}
    return Checkpoint(leaves, meta)
