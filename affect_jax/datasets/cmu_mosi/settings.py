"""Settings of CMU-MOSI, see `datasets.settings`."""

import dataclasses

from affect_jax.datasets.missing_values import POLICIES
from affect_jax.datasets.settings import define_setting


@dataclasses.dataclass(frozen=True)
class Synthetic:
    """Sizes of the synthetic corpus.

    Attributes:
      train_videos: videos of the training split.
      test_videos: videos of the test split.
      text: columns of text features.
      audio: columns of audio features.
      video: columns of video features.
      seed: of all random numbers.
    """

    train_videos: int = define_setting(24, least=2)
    test_videos: int = define_setting(12, least=1)
    text: int = define_setting(100, least=1)
    audio: int = define_setting(73, least=1)
    video: int = define_setting(100, least=1)
    seed: int = define_setting(0, least=0)


@dataclasses.dataclass(frozen=True)
class Settings:
    """`config.corpus` of CMU-MOSI.

    Attributes:
      name: of the corpus.
      manual_dir: folder of the release; None uses the synthetic corpus, or downloads where `download` says so.
      data_dir: folder for built corpora; None is ~/.cache/affect_jax/corpora.
      form: poria (features, videos of utterances) or raw (films, sound and words of utterances, for extractors).
      text_features: extractor of the words of the form raw, such as wordllama or a folder of BERT; None for no text.
      audio_features: extractor of its sound, such as mfcc; likewise.
      video_features: extractor of its films, such as faces+resnet101:FILE; likewise.
      frame_rate: pictures a second that it gets.
      download: whether to fetch the public files.
      labels: binary (0, 1), class7 (0..6 for -3..3, halves rounded away from zero) or sentiment (-3..3); the last two
        need mosi_labels.csv.
      nonfinite: what happens to NaN and infinite features: refuse, zero, or mean (of the video's own column).
      validation: ids of the training videos that form the draw 'given'; None for no such draw.
      synthetic: sizes of the synthetic corpus.
    """

    name: str = "cmu_mosi"
    manual_dir: str | None = None
    data_dir: str | None = None
    form: str = define_setting("poria", choices=("poria", "raw"))
    text_features: str | None = None
    audio_features: str | None = None
    video_features: str | None = None
    frame_rate: float = define_setting(3.0, least=0.01, most=200)
    download: bool = False
    labels: str = define_setting("binary", choices=("binary", "class7", "sentiment"))
    nonfinite: str = define_setting("refuse", choices=POLICIES)
    validation: tuple[str, ...] | None = None
    synthetic: Synthetic = Synthetic()
