"""Several corpora read as one: to train on some and test on others, with a stated map of labels. See docs/across.md."""

from affect_jax.datasets.joined.reader import describe, inspect, load
from affect_jax.datasets.joined.settings import Settings
from affect_jax.datasets.joined.synthetic import synthesize
from affect_jax.datasets.settings import make_defaults

DEFAULTS = make_defaults(Settings)

__all__ = ["DEFAULTS", "Settings", "describe", "inspect", "load", "synthesize"]
