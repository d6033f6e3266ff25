"""Checkpoints of trees by named leaves.

<folder>/000012/        the arrays, as orbax writes them
<folder>/000012.json    what goes with them, and the sha256 of every file; written last: without it there is
                        no checkpoint 12
"""

import hashlib
import json
import logging
import shutil
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from affect_jax import files
from affect_jax.errors import UserError

logging.getLogger("absl").setLevel(logging.WARNING)


def named(tree: Any) -> dict[str, np.ndarray]:
    """A tree's leaves by path, on the host, e.g. `params/regressor/kernel`."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): np.asarray(leaf) for path, leaf in leaves}


def like(tree: Any, leaves: dict[str, np.ndarray], where: Path | str) -> Any:
    """The inverse of `named`: puts leaves into the structure of `tree` (whose own values are not read).

    Raises:
      UserError: other names or types than `tree` has: a checkpoint of another model.
    """
    paths, structure = jax.tree_util.tree_flatten_with_path(tree)
    names = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in paths]
    if set(names) != set(leaves):
        other = sorted(set(names) ^ set(leaves))[0]
        side = "lacks" if other in names else "has"
        raise UserError(
            f"{where} is of another model: it {side} {other!r}; use a run folder of this model, or start a new one"
        )
    return jax.tree_util.tree_unflatten(structure, [leaves[name] for name in names])


def parts(leaves: dict[str, np.ndarray], names: tuple[str, ...]) -> list[dict[str, np.ndarray]]:
    """Splits named leaves by their first path element, e.g. `state/params/...` -> the part `state`."""
    return [{k[len(n) + 1 :]: v for k, v in leaves.items() if k.startswith(f"{n}/")} for n in names]


def _digests(folder: Path) -> dict[str, str]:
    """File -> sha256, of all files below `folder`."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def save(folder: Path, step: int, tree: Any, meta: dict[str, Any], *, keep: int = 1) -> None:
    """Writes `tree` and `meta` as checkpoint `step` of `folder`, then removes all but the newest `keep`.

    Raises:
      OSError: the disk is full or not writable; the checkpoints before this one are untouched.
    """
    folder.mkdir(parents=True, exist_ok=True)
    arrays = folder / f"{step:06d}"
    shutil.rmtree(arrays, ignore_errors=True)  # what a process that died here left behind
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(arrays.absolute(), named(tree))
    files.write_json(arrays.with_suffix(".json"), {"meta": meta, "sha256": _digests(arrays)})
    for old in sorted(folder.glob("[0-9]*.json"))[:-keep]:
        old.unlink()
    for left in folder.glob("[0-9]*"):
        if left.is_dir() and not left.with_suffix(".json").exists():
            shutil.rmtree(left)


def restore(folder: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
    """The newest checkpoint of `folder` as (named leaves, meta), or None where there is none.

    Raises:
      UserError: it is damaged.
    """
    entries = sorted(folder.glob("[0-9]*.json"))
    if not entries:
        return None
    arrays = entries[-1].with_suffix("")
    try:
        entry = json.loads(entries[-1].read_text())
        good = entry["sha256"] == _digests(arrays)
    except (OSError, ValueError, KeyError, TypeError):
        good = False
    if not good:
        raise UserError(
            f"the checkpoint {arrays} is damaged (its files differ from their checksums); "
            f"delete {folder} to train this part again"
        )
    with ocp.StandardCheckpointer() as checkpointer:
        found = checkpointer.restore(arrays.absolute())
    return {name: np.asarray(leaf) for name, leaf in found.items()}, entry["meta"]
