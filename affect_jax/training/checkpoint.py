"""Checkpoints of trees by named leaves.

<folder>/000012/        the arrays, as orbax writes them
<folder>/000012.json    what goes with them, and the sha256 of every file; written last: without it there is
                        no checkpoint 12

Of several processes each writes the shards that it has, and the first one everything else.
"""

import errno
import hashlib
import json
import logging
import os
import shutil
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from affect_jax.errors import UserError
from affect_jax.runtime import files, hosts

logging.getLogger("absl").setLevel(logging.WARNING)

SCHEMA = 1
"""Of what a checkpoint says of itself; those of before it was written down are of schema 1."""

_META = "meta"  # its checksum stands beside those of the files; the first checkpoints have none

# What orbax' own errors say in words, with the number only in the text.
_SYSTEM = {
    os.strerror(number): number for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS)
}


def flatten_leaves(tree: Any) -> dict[str, np.ndarray]:
    """A tree's leaves by path, on the host, e.g. `params/regressor/kernel`."""
    return {name: np.asarray(leaf) for name, leaf in leaves_by_path(tree).items()}


def leaves_by_path(tree: Any) -> dict[str, Any]:
    """A tree's leaves as they are, by path."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in leaves}


def _writable(tree: Any) -> dict[str, Any]:
    """What orbax is to write, by path: numpy arrays, and as they are those arrays that no process has whole."""

    def apart(leaf: Any) -> bool:
        return isinstance(leaf, jax.Array) and not leaf.is_fully_addressable

    return {name: leaf if apart(leaf) else np.asarray(leaf) for name, leaf in leaves_by_path(tree).items()}


def restore_like(tree: Any, leaves: dict[str, np.ndarray], where: Path | str, *, sized: bool = False) -> Any:
    """The inverse of `named`: puts leaves into the structure of `tree` (whose own values are not read).

    Args:
      tree: the structure.
      leaves: by path.
      where: they are from, for the message.
      sized: the shapes must be those of `tree`, too.

    Raises:
      UserError: other names, or shapes, than `tree` has: a checkpoint of another model.
    """
    paths, structure = jax.tree_util.tree_flatten_with_path(tree)
    names = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in paths]
    if set(names) != set(leaves):
        other = sorted(set(names) ^ set(leaves))[0]
        side = "lacks" if other in names else "has"
        raise UserError(
            f"{where} is of another model: it {side} {other!r}; use a run folder of this model, or start a new one"
        )
    for name, (_, leaf) in zip(names, paths, strict=True):
        if sized and np.shape(leaf) != leaves[name].shape:
            raise UserError(
                f"{where} is of another model: its {name!r} is {list(leaves[name].shape)}, not {list(np.shape(leaf))}; "
                "use a run folder of this model, or start a new one"
            )
    return jax.tree_util.tree_unflatten(structure, [leaves[name] for name in names])


def split_by_prefix(leaves: dict[str, np.ndarray], names: tuple[str, ...]) -> list[dict[str, np.ndarray]]:
    """Splits named leaves by their first path element, e.g. `state/params/...` -> the part `state`."""
    return [{k[len(n) + 1 :]: v for k, v in leaves.items() if k.startswith(f"{n}/")} for n in names]


def hash_leaves(meta: Any) -> str:
    """sha256 of it as JSON gives it back: numbers as keys have become text."""
    return hashlib.sha256(json.dumps(json.loads(json.dumps(meta)), sort_keys=True).encode()).hexdigest()


def _hash_files(folder: Path) -> dict[str, str]:
    """File -> sha256, of all files below `folder`."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def _clear(arrays: Path) -> None:
    """Removes a checkpoint's arrays, finished or not."""
    for path in (arrays, *arrays.parent.glob(f"{arrays.name}.orbax-checkpoint-tmp*")):
        shutil.rmtree(path, ignore_errors=True)


def save_checkpoint(folder: Path, step: int, tree: Any, meta: dict[str, Any], *, keep: int = 1) -> None:
    """Writes `tree` and `meta` as checkpoint `step` of `folder`, then removes all but the newest `keep`.

    All processes call it.

    Raises:
      OSError: the disk is full or not writable; the checkpoints before this one are untouched.
    """
    arrays = folder / f"{step:06d}"
    if hosts.is_leader():
        folder.mkdir(parents=True, exist_ok=True)
        arrays.with_suffix(".json").unlink(missing_ok=True)
        _clear(arrays)  # what a process that died here left behind
    hosts.wait_for_all(f"save {arrays}")
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.CRITICAL)  # orbax logs the traceback of what it then raises
    try:
        with ocp.StandardCheckpointer() as checkpointer:
            checkpointer.save(arrays.absolute(), _writable(tree))
        if hosts.is_leader():
            sums = {**_hash_files(arrays), _META: hash_leaves(meta)}
            files.write_json(arrays.with_suffix(".json"), {"schema": SCHEMA, "meta": meta, "sha256": sums})
    except Exception as error:
        _clear(arrays)  # makes room, too
        number = next((number for words, number in _SYSTEM.items() if words in str(error)), None)
        if number is None or isinstance(error, OSError):
            raise
        raise OSError(number, os.strerror(number), str(arrays)) from error
    finally:
        logger.setLevel(level)
    if hosts.is_leader():
        _forget(folder, keep)
    hosts.wait_for_all(f"saved {arrays}")


def _forget(folder: Path, keep: int) -> None:
    """Removes all checkpoints but the newest `keep`, and arrays without an entry."""
    for old in sorted(folder.glob("[0-9]*.json"))[:-keep]:
        old.unlink()
    for left in folder.glob("[0-9]*"):
        if left.is_dir() and not left.with_suffix(".json").exists():
            shutil.rmtree(left)


def restore_checkpoint(folder: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
    """The newest checkpoint of `folder` as (named leaves, meta), or None where there is none.

    Raises:
      UserError: it is damaged, or of another schema.
    """
    entries = sorted(folder.glob("[0-9]*.json"))
    if not entries:
        return None
    arrays = entries[-1].with_suffix("")
    try:
        entry = json.loads(entries[-1].read_text())
        sums = entry["sha256"]
        good = sums == {**_hash_files(arrays), **({_META: hash_leaves(entry["meta"])} if _META in sums else {})}
    except (OSError, ValueError, KeyError, TypeError):
        good = False
    if not good:
        mend = f"delete {folder} to train this part again"
        if len(entries) > 1:
            mend = f"delete {arrays} and {entries[-1].name} beside it to go on from checkpoint {entries[-2].stem}"
        raise UserError(f"the checkpoint {arrays} is damaged (its files differ from their checksums); {mend}")
    if entry.get("schema", 1) != SCHEMA:
        raise UserError(
            f"the checkpoint {arrays} is of schema {entry['schema']}, this version of affect_jax reads {SCHEMA}; "
            f"use the version that wrote it, or delete {folder} to train this part again"
        )
    with ocp.PyTreeCheckpointer() as checkpointer:
        there = checkpointer.metadata(arrays.absolute()).item_metadata.tree
        whole = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), there)  # also what was sharded
        found = checkpointer.restore(arrays.absolute(), restore_args=whole)
    return {name: np.asarray(leaf) for name, leaf in found.items()}, entry["meta"]
