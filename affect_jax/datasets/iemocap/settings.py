"""Settings of IEMOCAP, see `datasets.settings`."""

import dataclasses

from affect_jax.datasets.iemocap.emotions import LABELS
from affect_jax.datasets.settings import define_setting

FORMS = ("precomputed", "release")
MODALITIES = ("text", "video", "audio", "prosody")


@dataclasses.dataclass(frozen=True)
class Synthetic:
    """Sizes of the synthetic corpus.

    Attributes:
      sessions: sessions, of two speakers each.
      utterances: utterances of each speaker.
      text: words of the longest utterance.
      video: video frames of the longest utterance.
      audio: audio frames (of 10 ms) of the longest utterance.
      width: columns of video features.
      seed: of all random numbers.
    """

    sessions: int = define_setting(5, least=3, most=5)
    utterances: int = define_setting(24, least=1)
    text: int = define_setting(16, least=6)
    video: int = define_setting(12, least=6)
    audio: int = define_setting(24, least=8)
    width: int = define_setting(16, least=2)
    seed: int = define_setting(0, least=0)


@dataclasses.dataclass(frozen=True)
class Settings:
    """`config.corpus` of IEMOCAP.

    Attributes:
      name: of the corpus.
      manual_dir: folder of the files; None uses the synthetic corpus.
      data_dir: folder for built corpora; None is ~/.cache/affect_jax/corpora.
      form: precomputed (features of AMH's authors) or release (IEMOCAP_full_release).
      modalities: of text [T, 300], video [T, D], audio [T, 120] and prosody [1, 35] (precomputed form only).
      labels: emotion7, emotion6 or emotion4, see `emotions.LABELS`.
      glove: file of 300-d word vectors (release form only); None is glove.txt in manual_dir.
      text_features: extractor of the words (release form only), such as a folder of BERT; None for `glove`.
      video_features: folder of <utterance>.npy [T, D], or an extractor of the avi files, such as resnet101:FILE
        (release form only); None is video_features/ in manual_dir.
      audio_features: extractor of the sound (release form only), such as a folder of wav2vec 2.0; None for MFCC.
      frame_rate: pictures a second that an extractor of the avi files gets.
      synthetic: sizes of the synthetic corpus.
    """

    name: str = "iemocap"
    manual_dir: str | None = None
    data_dir: str | None = None
    form: str = define_setting("precomputed", choices=FORMS)
    modalities: tuple[str, ...] = define_setting(MODALITIES, choices=MODALITIES)
    labels: str = define_setting("emotion7", choices=tuple(LABELS))
    glove: str | None = None
    text_features: str | None = None
    video_features: str | None = None
    audio_features: str | None = None
    frame_rate: float = define_setting(3.0, least=0.01, most=200)
    synthetic: Synthetic = Synthetic()
