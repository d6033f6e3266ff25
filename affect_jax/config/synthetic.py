"""`config.synthetic`: what a config has otherwise on the small corpus that is generated where no release is given.

A schedule for a release's many thousand frames teaches nothing in a minute on a small corpus, and a user's first
command should learn something. What a flag sets explicitly stays as the flag says.
"""

from collections.abc import Collection, Mapping
from typing import Any

from affect_jax.config.changes import drop_paths, find_value, list_leaves, merge_changes
from affect_jax.config.corpus import is_synthetic

SECTION = "synthetic"


def apply_synthetic(document: Mapping[str, Any], given: Collection[str]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The config without the section, and a remark about what the section has changed.

    Args:
      document: a plain config, which may have a section `synthetic`: nested changes.
      given: dotted paths that flags set.
    """
    rest = {key: value for key, value in document.items() if key != SECTION}
    changes = document.get(SECTION) or {}
    if not changes or not is_synthetic(document["corpus"]):
        return rest, ()
    changes = drop_paths(changes, set(given))
    changed = [
        f"{path} {_show(value)} (instead of {_show(find_value(rest, path))})"
        for path, value in list_leaves(changes)
        if find_value(rest, path) != value
    ]
    if not changed:
        return rest, ()
    return merge_changes(rest, changes), (f"for the small synthetic corpus: {', '.join(changed)}",)


def _show(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a table" if value else "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
