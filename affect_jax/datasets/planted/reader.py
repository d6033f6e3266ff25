"""Settings of the planted corpus -> `Recordings`."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from affect_jax.datasets import build, manifest, release_files
from affect_jax.datasets.missing_values import MissingValues
from affect_jax.datasets.planted.settings import Settings
from affect_jax.datasets.planted.synthetic import name_scenario, synthesize
from affect_jax.datasets.recordings import Recordings, add_fingerprint
from affect_jax.datasets.scenarios import list_folds
from affect_jax.datasets.settings import resolve_settings

VERSION = "1.1.0"
"""To be raised whenever the generator gives other values."""


def load(corpus: Mapping[str, Any]) -> Recordings:
    """Generates what is missing below data_dir and reads it.

    A recording is its own group; its modalities are `MODALITIES`, its only target is 'affect' in (-1, 1), with a label
    for each step. The folds `world_0`, `world_1`, ... are the scenarios, which have no recording in common.

    Args:
      corpus: `config.corpus`, see `Settings`.

    Raises:
      UserError: a setting is not as it must be, or the files cannot be written.
    """
    return inspect(corpus)[0]


def inspect(corpus: Mapping[str, Any]) -> tuple[Recordings, MissingValues]:
    """Returns what `load` returns, and that no feature was missing."""
    settings = resolve_settings(corpus, Settings)
    data_dir = release_files.resolve_data_dir(settings.data_dir)
    sizes = dataclasses.asdict(settings.synthetic)
    folder = build.make_synthetic_folder("planted", VERSION, sizes, data_dir, synthesize)
    manifest_settings = {"manifest": str(folder / "manifest.csv"), "layout": "steps", "data_dir": str(data_dir)}
    recordings, missing = manifest.inspect(manifest_settings)
    recordings = recordings._replace(corpus="planted", form="several teachers", folds=list_folds(sizes, name_scenario))
    return add_fingerprint(recordings), missing
