"""Settings of the corpus of spoken conflict -> `Recordings`."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from affect_jax.datasets import build, manifest, release_files
from affect_jax.datasets.missing_values import MissingValues
from affect_jax.datasets.recordings import Recordings, add_fingerprint
from affect_jax.datasets.settings import resolve_settings
from affect_jax.datasets.spoken_conflict.settings import Settings
from affect_jax.datasets.spoken_conflict.synthetic import RATE, TARGET, synthesize

VERSION = "1.0.0"
"""To be raised whenever the generator gives other values."""


def load(corpus: Mapping[str, Any]) -> Recordings:
    """Generates what is missing below data_dir and reads it.

    A recording is a clip of a debate, its group; `voice` are samples at 8 kHz, `words` vectors [words, 16]. Its only
    target is `conflict`, from -10 to 10.

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
    folder = build.make_synthetic_folder("spoken_conflict", VERSION, sizes, data_dir, synthesize)
    own = {"manifest": str(folder / "manifest.csv"), "layout": "item", "sound": "waveform", "rate": RATE}
    recordings, missing = manifest.inspect(own | {"target": TARGET, "data_dir": str(data_dir)})
    return add_fingerprint(recordings._replace(corpus="spoken_conflict", form=TARGET)), missing
