"""RECOLA: arousal and valence of French speakers at a shared task, 40 ms a step (on request from its owners)."""

from affect_jax.datasets.recola.reader import inspect, load
from affect_jax.datasets.recola.settings import Settings
from affect_jax.datasets.recola.synthetic import synthesize
from affect_jax.datasets.settings import make_defaults

DEFAULTS = make_defaults(Settings)

__all__ = ["DEFAULTS", "Settings", "inspect", "load", "synthesize"]
