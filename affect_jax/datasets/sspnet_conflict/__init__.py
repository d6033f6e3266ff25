"""SSPNet Conflict Corpus: 30-s clips of political debates on French television, each with one level of conflict as many
listeners perceive it (on request from its owners).
"""

from affect_jax.datasets.settings import make_defaults
from affect_jax.datasets.sspnet_conflict.reader import (
    inspect,
    list_remarks,
    load,
    read_planted,
    read_planted_tenths,
)
from affect_jax.datasets.sspnet_conflict.settings import Settings
from affect_jax.datasets.sspnet_conflict.synthetic import synthesize

DEFAULTS = make_defaults(Settings)

__all__ = [
    "DEFAULTS",
    "Settings",
    "inspect",
    "list_remarks",
    "load",
    "read_planted",
    "read_planted_tenths",
    "synthesize",
]
