"""A weaker modality and five teachers with planted answers to "when does a third modality help?" (synthetic only).

The corpus is written as anybody would write their own, and read by the same reader (`datasets.manifest`): an npy file
for each recording and modality, labels per step. Each fold is a scenario of its own, see `synthetic`.
"""

from affect_jax.datasets.planted.reader import inspect, load
from affect_jax.datasets.planted.settings import Settings
from affect_jax.datasets.planted.synthetic import MODALITIES, TEACHERS, WEAK, synthesize
from affect_jax.datasets.settings import make_defaults

DEFAULTS = make_defaults(Settings)

__all__ = ["DEFAULTS", "MODALITIES", "TEACHERS", "WEAK", "Settings", "inspect", "load", "synthesize"]
