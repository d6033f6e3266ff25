"""Settings of the SSPNet Conflict Corpus, see `datasets.settings`."""

import dataclasses

from affect_jax.datasets.settings import define_setting
from affect_jax.features import turns


@dataclasses.dataclass(frozen=True)
class Synthetic:
    """Sizes of the synthetic corpus.

    Attributes:
      train: clips of the training split.
      validation: clips of the validation split.
      test: clips of the test split.
      seconds: length of a clip; the release's are 30 s long.
      seed: of all random numbers.
    """

    train: int = define_setting(48, least=1)
    validation: int = define_setting(16, least=1)
    test: int = define_setting(16, least=1)
    seconds: int = define_setting(6, least=2)
    seed: int = define_setting(0, least=0)


@dataclasses.dataclass(frozen=True)
class Settings:
    """`config.corpus` of the SSPNet Conflict Corpus.

    Attributes:
      name: of the corpus.
      manual_dir: folder of the release; None uses the synthetic corpus.
      data_dir: folder for built corpora; None is ~/.cache/affect_jax/corpora.
      rate: sampling rate of the stored speech, in Hz.
      partition: csv with the columns Name and split; None takes the partition in manual_dir, see `release`.
      clipped: note or refuse clips with more than 1 % of their samples at full scale.
      modalities: of speech (a waveform), log_mel (64 bands in decibels, a frame every 10 ms, made of it) and turns (of
        the same frames, how much of each somebody speaks in, and how much of it two people; needs the diarization).
      synthetic: sizes of the synthetic corpus.
    """

    name: str = "sspnet_conflict"
    manual_dir: str | None = None
    data_dir: str | None = None
    rate: int = define_setting(8000, least=1000, most=192_000)
    partition: str | None = None
    clipped: str = define_setting("note", choices=("note", "refuse"))
    modalities: tuple[str, ...] = define_setting(("speech",), choices=("speech", "log_mel", turns.MODALITY))
    synthetic: Synthetic = Synthetic()
