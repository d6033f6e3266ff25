"""IEMOCAP: ten actors in pairs, twelve hours of scripted and improvised talk, emotions by at least three annotators (on
request from its owners; Busso et al., 2008).

There are two forms: `release` is IEMOCAP_full_release as its owners ship it; `precomputed` are the features and folds
of the authors of AMH (Yoon et al., ICASSP 2020), which chapter 4 of the thesis uses.

In the release a speaker is the session and the letter of the *last* field of an utterance's name, and folds leave one
session out. The precomputed form names nobody: the folds are the authors' own, every utterance is its own group, and a
speaker may be in several splits of a fold, which makes the figures better than they would be for new speakers.
"""

from affect_jax.datasets.iemocap.emotions import LABELS
from affect_jax.datasets.iemocap.reader import find_films, find_source_folder, inspect, list_remarks, load
from affect_jax.datasets.iemocap.settings import Settings
from affect_jax.datasets.iemocap.synthetic import synthesize
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
