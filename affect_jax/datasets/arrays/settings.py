"""Settings of arrays, see `datasets.settings` and docs/arrays.md."""

import dataclasses

from affect_jax.datasets.missing_values import POLICIES
from affect_jax.datasets.settings import define_setting

FORMS = ("pickle", "npz", "h5")
LAYOUTS = ("item", "group")


@dataclasses.dataclass(frozen=True)
class Synthetic:
    """Sizes of the synthetic corpus.

    Attributes:
      form: pickle (as MMSA writes it), npz or h5.
      videos: videos of all splits together.
      clips: utterances of a video.
      steps: steps to which every utterance is padded.
      seed: of all random numbers.
    """

    form: str = define_setting("pickle", choices=FORMS)
    videos: int = define_setting(30, least=5)
    clips: int = define_setting(6, least=2)
    steps: int = define_setting(12, least=2)
    seed: int = define_setting(0, least=0)


@dataclasses.dataclass(frozen=True)
class Settings:
    """`config.corpus` of arrays that are padded to one length.

    Attributes:
      name: of the corpus.
      path: a file (npz, h5 or a pickle), a folder of such files, or a pattern such as DIR/mosi_*.pkl; None uses the
        synthetic corpus.
      data_dir: folder for built corpora; None is ~/.cache/affect_jax/corpora.
      modalities: which to read; None reads all.
      target: which label is learned; None takes the first.
      pair: student and teachers among the modalities, as in 'vision+text'. Configs of co-learning read it; no reader
        here does.
      layout: item (an utterance is a recording with one label) or group (a video is a recording, its utterances are the
        steps).
      widths: modality:columns of each modality in an array X that has them side by side, as in ('text:300', 'audio:5').
      padding: zeros (rows of zeros at either end of an item are padding) or none (every row counts).
      folds: how many folds (or validation draws) to draw where the files have no such split.
      seed: of that draw.
      classes: whether numbers of the target are names of classes.
      nonfinite: what happens to NaN and infinite features: refuse, zero, or mean (of the item's own column).
      largest_file: MB that the arrays of an npz or h5 file may take in memory.
      synthetic: sizes of the synthetic corpus.
    """

    name: str = "arrays"
    path: str | None = None
    data_dir: str | None = None
    modalities: tuple[str, ...] | None = None
    target: str | None = None
    pair: str | None = None
    layout: str = define_setting("item", choices=LAYOUTS)
    widths: tuple[str, ...] | None = None
    padding: str = define_setting("zeros", choices=("zeros", "none"))
    folds: int = define_setting(5, least=2)
    seed: int = define_setting(0, least=0)
    classes: bool = False
    nonfinite: str = define_setting("zero", choices=POLICIES)
    largest_file: int = define_setting(16_000, least=1)
    synthetic: Synthetic = Synthetic()
