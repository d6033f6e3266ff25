"""Settings of RAVDESS, see `datasets.settings`."""

import dataclasses

from affect_jax.datasets.ravdess.labels import LABELS
from affect_jax.datasets.settings import define_setting

FORMS = ("audio", "video")
MODALITIES = ("speech", "mfcc", "log_mel", "action_units", "audio", "video")
EXTRACTED = ("audio", "video")
"""What extractors make."""


@dataclasses.dataclass(frozen=True)
class Synthetic:
    """Sizes of the synthetic corpus.

    Attributes:
      actors: how many actors.
      statements: sentences that each actor says.
      repetitions: how often each sentence is said in every emotion and intensity.
      rate: sampling rate of the files, in Hz.
      seed: of all random numbers.
    """

    actors: int = define_setting(10, least=3, most=24)
    statements: int = define_setting(2, least=1, most=2)
    repetitions: int = define_setting(1, least=1, most=2)
    rate: int = define_setting(16000, least=2000, most=192_000)
    seed: int = define_setting(0, least=0)


@dataclasses.dataclass(frozen=True)
class Settings:
    """`config.corpus` of RAVDESS.

    Attributes:
      name: of the corpus.
      manual_dir: folder of the release; None uses the synthetic corpus.
      data_dir: folder for built corpora; None is ~/.cache/affect_jax/corpora.
      rate: sampling rate of the stored speech, in Hz; MFCC and log-mels are computed from it and hear up to rate / 2.
      form: audio (03-01-*.wav) or video (01-01-*.mp4: sound and pictures of one file).
      modalities: of speech (a waveform), mfcc (40 and their two differences), log_mel (64 bands in decibels),
        action_units (35 means, one row a clip), audio and video (what `audio_features` and `video_features` make).
      audio_features: extractor of the sound, such as mfcc or a folder of wav2vec 2.0; None for no such modality.
      video_features: extractor of the pictures of the form video, such as faces+resnet101:FILE; likewise.
      frame_rate: pictures a second that it gets.
      labels: emotion, emotion7 or intensity, see `labels.LABELS`.
      synthetic: sizes of the synthetic corpus.
    """

    name: str = "ravdess"
    manual_dir: str | None = None
    data_dir: str | None = None
    rate: int = define_setting(8000, least=1000, most=192_000)
    form: str = define_setting("audio", choices=FORMS)
    modalities: tuple[str, ...] = define_setting(("speech",), choices=MODALITIES)
    audio_features: str | None = None
    video_features: str | None = None
    frame_rate: float = define_setting(3.0, least=0.01, most=200)
    labels: str = define_setting("emotion", choices=tuple(LABELS))
    synthetic: Synthetic = Synthetic()
