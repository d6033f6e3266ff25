"""Settings of RECOLA, see `datasets.settings`."""

import dataclasses

from affect_jax.datasets.missing_values import POLICIES
from affect_jax.datasets.settings import define_setting


@dataclasses.dataclass(frozen=True)
class Synthetic:
    """Sizes of the synthetic corpus.

    Attributes:
      recordings: recordings of each of the three splits.
      frames: frames (of 40 ms) of each recording.
      audio: columns of audio features.
      video_geometric: columns of geometric video features.
      video_appearance: columns of appearance video features.
      seed: of all random numbers.
      test_labels: the test split has its labels, which the release keeps back.
    """

    recordings: int = define_setting(3, least=1)
    frames: int = define_setting(250, least=4)
    audio: int = define_setting(88, least=1)
    video_geometric: int = define_setting(632, least=1)
    video_appearance: int = define_setting(168, least=1)
    seed: int = define_setting(0, least=0)
    test_labels: bool = False


@dataclasses.dataclass(frozen=True)
class Settings:
    """`config.corpus` of RECOLA.

    Attributes:
      name: of the corpus.
      manual_dir: folder of the release; None uses the synthetic corpus.
      data_dir: folder for built corpora; None is ~/.cache/affect_jax/corpora.
      target: arousal or valence.
      form: avec (the features of AVEC 2016) or native (the owners' own release).
      raters: reads the single raters' ratings too, and adds the modality `disagreement`: their standard deviation.
      nonfinite: what happens to NaN and infinite features: refuse, zero, or mean (of the recording's own column).
      synthetic: sizes of the synthetic corpus.
    """

    name: str = "recola"
    manual_dir: str | None = None
    data_dir: str | None = None
    target: str = define_setting("arousal", choices=("arousal", "valence"))
    form: str = define_setting("avec", choices=("avec", "native"))
    raters: bool = False
    nonfinite: str = define_setting("refuse", choices=POLICIES)
    synthetic: Synthetic = Synthetic()
