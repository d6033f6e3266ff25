"""Settings of several corpora read as one, see `datasets.settings` and docs/across.md."""

import dataclasses
from typing import Any

from affect_jax.datasets.manifest.settings import LOWEST_RATES
from affect_jax.datasets.settings import define_setting

ARROW = "->"
"""In a fold's name, between what is trained on and what is tested."""
OTHERS = "others"
"""config.corpus.train of a run that leaves one corpus out at a time."""
SHARED = ("data_dir", "modalities", "sound", "rate", "folds", "seed")
"""Settings that every part has from here, unless it has its own."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """`config.corpus` of several corpora.

    Attributes:
      name: of the corpus.
      parts: name -> the settings of a corpus, with its `name`, or the csv file of a manifest; two or more.
      label_map: part -> label -> the label that it counts as, '' for none: its recordings are left out. A part that is
        not here keeps its labels.
      train: parts that are trained on; None for all. ('others',): every part is tested once by what all others taught.
      test: parts that are tested; None for all.
      target: what the joined label is called; None for its name in the first part.
      data_dir: folder for built corpora; None is ~/.cache/affect_jax/corpora. Of all parts, like those below.
      modalities: which to read, by names that all parts have; None for a part's own.
      sound: what recordings of manifests become, see `datasets.manifest`.
      rate: sampling rate at which recordings are read, in Hz.
      folds: how many folds manifests draw that name none.
      seed: of that draw.
      pair: student and teachers among the modalities. Configs of co-learning read it; no reader here does.
      layout: item; a recording has one label.
    """

    name: str = "joined"
    parts: dict[str, Any] | None = None
    label_map: dict[str, Any] | None = None
    train: tuple[str, ...] | None = None
    test: tuple[str, ...] | None = None
    target: str | None = None
    data_dir: str | None = None
    modalities: tuple[str, ...] | None = None
    sound: str | None = define_setting(None, choices=tuple(LOWEST_RATES))
    rate: int | None = define_setting(None, least=1000, most=192_000)
    folds: int | None = define_setting(None, least=2)
    seed: int | None = define_setting(None, least=0)
    pair: str | None = None
    layout: str = define_setting("item", choices=("item",))
