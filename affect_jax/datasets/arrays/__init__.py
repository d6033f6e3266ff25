"""Padded arrays, as peers ship CMU-MOSI, CMU-MOSEI, CH-SIMS, POM, MMMO and IEMOCAP. See docs/arrays.md.

split -> modality -> [N, T, D] in one file or several (npz, h5, pickle), with labels and perhaps lengths and ids.
"""

from affect_jax.datasets.arrays.reader import Description, describe, inspect, list_contents, list_remarks, load
from affect_jax.datasets.arrays.settings import Settings
from affect_jax.datasets.arrays.synthetic import synthesize
from affect_jax.datasets.settings import make_defaults

DEFAULTS = make_defaults(Settings)

__all__ = [
    "DEFAULTS",
    "Description",
    "Settings",
    "describe",
    "inspect",
    "list_contents",
    "list_remarks",
    "load",
    "synthesize",
]
