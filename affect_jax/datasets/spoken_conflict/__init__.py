"""Clips in which people quarrel in the sound alone or disagree in words alone: conflict that one modality cannot find.

Synthetic only. The corpus is written as anybody would write their own, and read by the same reader
(`datasets.manifest`).
"""

from affect_jax.datasets.settings import make_defaults
from affect_jax.datasets.spoken_conflict.reader import inspect, load
from affect_jax.datasets.spoken_conflict.settings import Settings
from affect_jax.datasets.spoken_conflict.synthetic import KINDS, MODALITIES, synthesize

DEFAULTS = make_defaults(Settings)

__all__ = ["DEFAULTS", "KINDS", "MODALITIES", "Settings", "inspect", "load", "synthesize"]
