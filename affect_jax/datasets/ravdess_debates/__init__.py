"""Debates put together from RAVDESS: real speech, constructed target.

Two or three actors take turns for half a minute, interrupt each other more or less, and are more or less angry. Both
amounts are planted, and the target is a stated function of them (`debate_plan`): it says how well a model hears overlap
and anger in voices that it has not met, and nothing about what people would call a conflict. The speech is real, but
nobody speaks to anybody, all say one of two sentences, and the room is a studio. Utterances keep their natural levels,
so a shout is 20 dB louder than a neutral sentence and may cover it.

Without a release the synthetic RAVDESS takes its place.
"""

from affect_jax.datasets.ravdess import synthesize
from affect_jax.datasets.ravdess_debates.debate_plan import SPLIT_ACTORS, Planted
from affect_jax.datasets.ravdess_debates.reader import inspect, load, read_planted, read_planted_tenths
from affect_jax.datasets.ravdess_debates.settings import Settings
from affect_jax.datasets.settings import make_defaults

DEFAULTS = make_defaults(Settings)

__all__ = [
    "DEFAULTS",
    "SPLIT_ACTORS",
    "Planted",
    "Settings",
    "inspect",
    "load",
    "read_planted",
    "read_planted_tenths",
    "synthesize",
]
