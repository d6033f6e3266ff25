"""Settings of the debates from RAVDESS, see `datasets.settings`."""

import dataclasses

from affect_jax.datasets.ravdess.settings import Synthetic
from affect_jax.datasets.settings import define_setting
from affect_jax.features import turns


@dataclasses.dataclass(frozen=True)
class Settings:
    """`config.corpus` of the debates.

    Attributes:
      name: of the corpus.
      manual_dir: folder of the RAVDESS release; None uses the synthetic RAVDESS.
      data_dir: folder for built corpora; None is ~/.cache/affect_jax/corpora.
      train: clips of the training split.
      validation: clips of the validation split.
      test: clips of the test split.
      seconds: length of a clip; six seconds hold the longest utterance of the release with a pause.
      rate: sampling rate of the speech, in Hz.
      seed: of who says what and when.
      modalities: of speech (a waveform), log_mel (64 bands in decibels, a frame every 10 ms, made of it) and turns (of
        the same frames, how much of each somebody speaks in, and how much of it two people).
      synthetic: sizes of the synthetic RAVDESS.
    """

    name: str = "ravdess_debates"
    manual_dir: str | None = None
    data_dir: str | None = None
    train: int = define_setting(160, least=1)
    validation: int = define_setting(48, least=1)
    test: int = define_setting(64, least=1)
    seconds: int = define_setting(30, least=6)
    rate: int = define_setting(8000, least=1000, most=192_000)
    seed: int = define_setting(0, least=0)
    modalities: tuple[str, ...] = define_setting(("speech",), choices=("speech", "log_mel", turns.MODALITY))
    synthetic: Synthetic = Synthetic()
