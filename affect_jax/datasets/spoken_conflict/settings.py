"""Settings of the corpus of spoken conflict, see `datasets.settings`."""

import dataclasses

from affect_jax.datasets.settings import define_setting


@dataclasses.dataclass(frozen=True)
class Synthetic:
    """Sizes of the corpus.

    Attributes:
      train: clips of the training split; of each split, half are heated and half are polite.
      validation: clips of the validation split.
      test: clips of the test split.
      seconds: length of a clip.
      seed: of all random numbers.
    """

    train: int = define_setting(120, least=2)
    validation: int = define_setting(40, least=2)
    test: int = define_setting(80, least=2)
    seconds: int = define_setting(2, least=2)
    seed: int = define_setting(0, least=0)


@dataclasses.dataclass(frozen=True)
class Settings:
    """`config.corpus` of the corpus of spoken conflict.

    Attributes:
      name: of the corpus.
      data_dir: folder for built corpora; None is ~/.cache/affect_jax/corpora.
      synthetic: sizes and the seed of the generator.
    """

    name: str = "spoken_conflict"
    data_dir: str | None = None
    synthetic: Synthetic = Synthetic()
