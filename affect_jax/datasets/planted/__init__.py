"""A weaker modality and five teachers with planted answers to "when does a third modality help?" (synthetic only).

Written as anybody would write their own corpus, and read by the same reader (`datasets.manifest`): an npy file a
recording and modality, labels per step. A fold is a world of its own, of which `synthetic` tells.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from affect_jax.datasets import build, manifest, missing_values, release_files
from affect_jax.datasets.planted.synthetic import (
    MODALITIES,
    SPLITS,
    TEACHERS,
    WEAK,
    name_recording,
    name_scenario,
    synthesize,
)
from affect_jax.datasets.recordings import Fold, Recordings, compute_fingerprint

__all__ = ["DEFAULTS", "MODALITIES", "TEACHERS", "WEAK", "inspect", "load", "synthesize"]

DEFAULTS: dict[str, Any] = {
    "name": "planted",
    "data_dir": "",
    "synthetic": {
        "worlds": 20,
        "train": 24,
        "validation": 8,
        "test": 24,
        "steps": 12,
        "columns": 60,
        "seed": 0,
    },
}
"""config.corpus: what may be set, and what it is otherwise.

data_dir: where built corpora go; '' is ~/.cache/affect_jax/corpora.
synthetic: sizes and the seed of the generator.
"""


class _Generator:
    """What `building.synthetic_folder` asks of a builder, where the reader is the manifest's."""

    name = "planted"
    # To be raised whenever the generator gives other values.
    VERSION = "1.1.0"


def load(corpus: Mapping[str, Any]) -> Recordings:
    """Generates what is missing below data_dir and reads it.

    A recording is its own group; its modalities are `MODALITIES`, its only target is 'affect' in (-1, 1), a step a
    label. The folds `world_0`, `world_1`, ... have no recording in common.

    Raises:
      UserError: a setting is not as it must be, or the files cannot be written.
    """
    return inspect(corpus)[0]


def inspect(corpus: Mapping[str, Any]) -> tuple[Recordings, missing_values.MissingValues]:
    """`load`, and what was missing in the features: nothing ever."""
    settings = build.resolve_settings(corpus, DEFAULTS)
    data_dir = Path(settings["data_dir"] or release_files.find_default_data_dir()).expanduser().resolve()
    folder = build.make_synthetic_folder(_Generator, settings["synthetic"], data_dir, synthesize)
    own = {"manifest": str(folder / "manifest.csv"), "layout": "steps", "data_dir": str(data_dir)}
    found, gaps = manifest.inspect(own)
    sizes = settings["synthetic"]
    folds = {}
    for world in range(sizes["worlds"]):
        sides = {side: tuple(name_recording(world, side, n) for n in range(sizes[side])) for side in SPLITS}
        folds[name_scenario(world)] = Fold(**sides)
    found = found._replace(corpus="planted", variant="several teachers", folds=folds)
    return found._replace(fingerprint=compute_fingerprint(found)), gaps
