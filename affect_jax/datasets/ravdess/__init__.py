"""RAVDESS: eight emotions acted in speech by 24 actors (public; Livingstone & Russo, 2018; CC BY-NC-SA 4.0).

There are only two sentences, each said twice in every emotion and intensity: words tell nothing, and a model that knows
the actor from training knows part of the answer. So the folds (`actors.FOLDS`) separate the actors.
"""

from affect_jax.datasets.ravdess.labels import LABELS
from affect_jax.datasets.ravdess.reader import find_films, find_source_folder, inspect, list_remarks, load
from affect_jax.datasets.ravdess.settings import Settings
from affect_jax.datasets.ravdess.synthetic import synthesize
from affect_jax.datasets.settings import make_defaults

DEFAULTS = make_defaults(Settings)

__all__ = [
    "DEFAULTS",
    "LABELS",
    "Settings",
    "find_films",
    "find_source_folder",
    "inspect",
    "list_remarks",
    "load",
    "synthesize",
]
