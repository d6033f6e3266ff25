"""The config of a finished run, as config.json beside its results keeps it."""

from pathlib import Path
from typing import Any

import ml_collections

from affect_jax.runtime.files import read_json


def read_run_config(folder: Path) -> ml_collections.ConfigDict:
    """The resolved config that the run in `folder` was made with.

    Raises:
      UserError: config.json is missing or damaged.
    """
    return ml_collections.ConfigDict(_make_tuples(read_json(folder / "config.json")["config"]))


def _make_tuples(value: Any) -> Any:
    """JSON's lists as the tuples that a config has, and that a model needs to be hashed."""
    if isinstance(value, dict):
        return {key: _make_tuples(of_key) for key, of_key in value.items()}
    return tuple(map(_make_tuples, value)) if isinstance(value, list) else value
