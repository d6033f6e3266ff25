"""Three modalities whose labels are sums, products of two and products of three: how much is interaction is known.

It answers for `launch.interactions` what `planted` does for co-learning (synthetic only). The corpus is written as
anybody would write their own, and read by the same reader (`datasets.manifest`). Each fold is a scenario of its own.
"""

from affect_jax.datasets.interacting.reader import inspect, load
from affect_jax.datasets.interacting.settings import Settings
from affect_jax.datasets.interacting.synthetic import MODALITIES, TARGETS, synthesize
from affect_jax.datasets.settings import make_defaults

DEFAULTS = make_defaults(Settings)

__all__ = ["DEFAULTS", "MODALITIES", "TARGETS", "Settings", "inspect", "load", "synthesize"]
