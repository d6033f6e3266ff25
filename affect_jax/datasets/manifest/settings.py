"""Settings of a manifest, see `datasets.settings` and docs/own_data.md."""

import dataclasses

from affect_jax.datasets.array_files import LARGEST_FILE
from affect_jax.datasets.missing_values import POLICIES
from affect_jax.datasets.settings import define_setting

LAYOUTS = ("item", "steps", "group")
LOWEST_RATES = {"mfcc": 8000, "log_mel": 8000, "waveform": 1000, "egemaps": 8000}
"""config.corpus.sound -> the lowest config.corpus.rate that makes sense for it, in Hz."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """`config.corpus` of one's own files.

    Attributes:
      name: of the corpus.
      manifest: the csv file; must be set.
      data_dir: folder for built corpora; None is ~/.cache/affect_jax/corpora.
      modalities: which columns of paths to read; None reads all.
      target: which label column is learned; None takes the first.
      pair: student and teachers among the modalities, as in 'face+voice'. Configs of co-learning read it; no reader
        here does.
      layout: item (an item is a recording with one label), steps (labels per step) or group (a group is a recording,
        its items are the steps); None is steps where the target's cells are files of labels, else item.
      sound: what recordings become: mfcc (120 columns, a frame every 10 ms), log_mel (64 columns, likewise), waveform,
        or egemaps (25 columns, likewise, computed by openSMILE).
      rate: sampling rate at which recordings are read, in Hz.
      folds: how many folds (or validation draws) to draw where the csv file does not name them.
      seed: of that draw.
      classes: whether numbers in the target's column are names of classes.
      unusable: what happens to files that cannot be used (missing, damaged, silent, too long): refuse names them all
        and builds nothing; leave_out goes on as if their cells were empty, and rows without any file were gone.
      unlabelled: what happens to rows whose cell of the target is empty: refuse; or train, which keeps those of the
        split train for the losses that need no label.
      nonfinite: what happens to missing, NaN and infinite features: refuse, zero, or mean (of the item's own column).
      min_confidence: frames of less confidence, or without success, count as missing, where files have such columns
        (OpenFace); None reads them as they are.
      array: which array to read of npz, HDF5 and MATLAB files that have several.
      feature_rate: frames a second of files of features without times, in Hz; the first is at 0 s.
      label_rate: labels a second of files of labels per step without times, likewise.
      clock_tolerance: seconds by which labels per step and features with times may begin, or end, at other times.
      annotation_delay: seconds by which labels per step lag behind what they are of; configs read it, no reader here.
      largest_file: MB that a file of features or labels, or the csv file, may take in memory.
    """

    name: str = "manifest"
    manifest: str | None = None
    data_dir: str | None = None
    modalities: tuple[str, ...] | None = None
    target: str | None = None
    pair: str | None = None
    layout: str | None = define_setting(None, choices=LAYOUTS)
    sound: str = define_setting("mfcc", choices=tuple(LOWEST_RATES))
    rate: int = define_setting(8000, least=min(LOWEST_RATES.values()), most=192_000)
    folds: int = define_setting(5, least=2)
    seed: int = define_setting(0, least=0)
    classes: bool = False
    unusable: str = define_setting("refuse", choices=("refuse", "leave_out"))
    unlabelled: str = define_setting("refuse", choices=("refuse", "train"))
    nonfinite: str = define_setting("refuse", choices=POLICIES)
    min_confidence: float | None = define_setting(None, least=0, most=1)
    array: str | None = None
    feature_rate: float | None = define_setting(None, least=0.001)
    label_rate: float | None = define_setting(None, least=0.001)
    clock_tolerance: float = define_setting(1.0, least=0)
    annotation_delay: float = define_setting(0.0, least=0, most=60)
    largest_file: int = define_setting(LARGEST_FILE, least=1)
