"""Settings of the corpus of interactions, see `datasets.settings`."""

import dataclasses

from affect_jax.datasets.interacting.synthetic import TARGETS
from affect_jax.datasets.settings import define_setting


@dataclasses.dataclass(frozen=True)
class Synthetic:
    """Sizes of the corpus.

    Attributes:
      scenarios: how many independent scenarios; each is a fold.
      train: recordings of each scenario to train on.
      validation: recordings of each scenario to select by.
      test: recordings of each scenario to score on.
      steps: steps of each recording, each of which is drawn by itself and has labels.
      columns: features of each modality.
      seed: of all random numbers.
    """

    scenarios: int = define_setting(5, least=3)
    train: int = define_setting(64, least=1)
    validation: int = define_setting(8, least=1)
    test: int = define_setting(3, least=1)
    steps: int = define_setting(48, least=1)
    columns: int = define_setting(4, least=1)
    seed: int = define_setting(0, least=0)


@dataclasses.dataclass(frozen=True)
class Settings:
    """`config.corpus` of the corpus of interactions.

    Attributes:
      name: of the corpus.
      target: which label is learned, see `synthetic.TARGETS`.
      data_dir: folder for built corpora; None is ~/.cache/affect_jax/corpora.
      synthetic: sizes and the seed of the generator.
    """

    name: str = "interacting"
    target: str = define_setting("mixed", choices=tuple(TARGETS))
    data_dir: str | None = None
    synthetic: Synthetic = Synthetic()
