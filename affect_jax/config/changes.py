"""Changes to a plain config: what a study, or a synthetic corpus, has otherwise than the config around it."""

import copy
from collections.abc import Collection, Iterator, Mapping
from typing import Any


def merge_changes(config: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `config` with `changes` in it.

    Tables are merged key by key, but for a model of another name, which takes the place of the model. None takes a
    table (a loss, a stage) away, and leaves anything else open.
    """
    merged = dict(config)
    for key, value in changes.items():
        old = merged.get(key)
        if isinstance(old, Mapping) and value is None:
            del merged[key]
        elif isinstance(old, Mapping) and isinstance(value, Mapping) and not _is_other_model(old, value):
            merged[key] = merge_changes(old, value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged


def _is_other_model(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return "name" in new and "name" in old and new["name"] != old["name"]


def list_leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yields (dotted path, value) of everything in nested mappings that is no mapping itself."""
    for key, value in tree.items():
        path = f"{prefix}.{key}" if prefix else key
        if isinstance(value, Mapping):
            yield from list_leaves(value, path)
        else:
            yield path, value


def find_value(tree: Mapping[str, Any], path: str, default: Any = None) -> Any:
    """The value at a dotted path, `default` where there is none."""
    node: Any = tree
    for key in path.split("."):
        if not isinstance(node, Mapping) or key not in node:
            return default
        node = node[key]
    return node


def drop_paths(tree: Mapping[str, Any], paths: set[str], prefix: str = "") -> dict[str, Any]:
    """Nested mappings without the values at these dotted paths, and without what is below them."""
    remaining = {}
    for key, value in tree.items():
        path = f"{prefix}.{key}" if prefix else key
        if path in paths:
            continue
        remaining[key] = drop_paths(value, paths, path) if isinstance(value, Mapping) else value
    return remaining


def was_given(path: str, given: Collection[str]) -> bool:
    """Whether a flag set the value at a dotted path, by itself or with the table that it is in."""
    return any(path == one or path.startswith(f"{one}.") for one in given)
