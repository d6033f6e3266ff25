"""Checkpoints of trees by named leaves: orbax stores the arrays, a digest tells a damaged one from a good one."""

import hashlib
import logging
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

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


def digest(leaves: dict[str, np.ndarray]) -> str:
    """sha256 over names, types, shapes and bytes."""
    sha = hashlib.sha256()
    for name in sorted(leaves):
        leaf = np.ascontiguousarray(leaves[name])
        sha.update(f"{name}|{leaf.dtype}|{leaf.shape}|".encode())
        sha.update(leaf.data)
    return sha.hexdigest()


def _manager(folder: Path, keep: int) -> ocp.CheckpointManager:
    options = ocp.CheckpointManagerOptions(max_to_keep=keep, enable_async_checkpointing=False)
    return ocp.CheckpointManager(folder.absolute(), options=options)


def save(folder: Path, step: int, tree: Any, meta: dict[str, Any], *, keep: int = 2) -> None:
    """Writes `tree` and `meta` as checkpoint `step` of `folder`; orbax makes it appear at once and whole."""
    leaves = named(tree)
    with _manager(folder, keep) as manager:
        manager.save(
            step,
            args=ocp.args.Composite(
                arrays=ocp.args.StandardSave(leaves), meta=ocp.args.JsonSave({**meta, "digest": digest(leaves)})
            ),
        )


def restore(folder: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
    """The newest checkpoint of `folder` as (named leaves, meta), or None where there is none.

    Raises:
      UserError: it cannot be read or its digest differs.
    """
    if not folder.is_dir():
        return None
    try:
        with _manager(folder, 2) as manager:
            step = manager.latest_step()
            if step is None:
                return None
            found = manager.restore(
                step, args=ocp.args.Composite(arrays=ocp.args.StandardRestore(), meta=ocp.args.JsonRestore())
            )
        leaves = {name: np.asarray(leaf) for name, leaf in found["arrays"].items()}
        meta = dict(found["meta"])
        good = meta.pop("digest", None) == digest(leaves)
    except Exception as error:  # orbax and tensorstore raise many types for a damaged file
        raise UserError(
            f"the checkpoint in {folder} cannot be read ({type(error).__name__}); delete that folder to train "
            "this part again"
        ) from error
    if not good:
        raise UserError(
            f"the checkpoint in {folder} is damaged (its digest differs); delete that folder to train it again"
        )
    return leaves, meta
