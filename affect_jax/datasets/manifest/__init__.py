"""Anybody's own corpus: one csv file that lists items, their labels, and one file per modality. See docs/own_data.md.

id,group,label,face,voice
a1,anna,happy,face/a1.npy,voice/a1.wav
b1,bert,sad,,voice/b1.wav
"""

from affect_jax.datasets.manifest.reader import (
    Column,
    Description,
    Label,
    describe,
    inspect,
    list_contents,
    load,
)
from affect_jax.datasets.manifest.settings import Settings
from affect_jax.datasets.manifest.shards import compute_shard
from affect_jax.datasets.manifest.synthetic import synthesize
from affect_jax.datasets.settings import make_defaults

DEFAULTS = make_defaults(Settings)

__all__ = [
    "DEFAULTS",
    "Column",
    "Description",
    "Label",
    "Settings",
    "compute_shard",
    "describe",
    "inspect",
    "list_contents",
    "load",
    "synthesize",
]
