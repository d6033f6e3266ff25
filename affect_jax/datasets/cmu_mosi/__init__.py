"""CMU-MOSI: sentiment of utterances in English film reviews on video (public).

A trap: the text and video features come from networks that were trained on the labels of the whole training split.
Cross-validated inside that split, a linear model reaches .98 (text) and .92 (video); on the test split it reaches .76
and .52. Audio has no such leak. So validation draws say little about text and video, and must not be trusted as a
stopping rule for them.
"""

from affect_jax.datasets.cmu_mosi.reader import find_films, inspect, list_remarks, load
from affect_jax.datasets.cmu_mosi.settings import Settings
from affect_jax.datasets.cmu_mosi.synthetic import synthesize
from affect_jax.datasets.settings import make_defaults

DEFAULTS = make_defaults(Settings)

__all__ = ["DEFAULTS", "Settings", "find_films", "inspect", "list_remarks", "load", "synthesize"]
