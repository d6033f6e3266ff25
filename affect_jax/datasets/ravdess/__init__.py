"""RAVDESS: eight emotions acted in speech by 24 actors (public; Livingstone & Russo, 2018; CC BY-NC-SA 4.0).

Two sentences, each said twice in every emotion and intensity: words tell nothing, and a model that knows the actor from
training knows part of the answer. So the folds (`actors.FOLDS`) part the actors.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from affect_jax.datasets import build, missing_values, release_files
from affect_jax.datasets.ravdess import actors
from affect_jax.datasets.ravdess.builder import MODALITIES, Ravdess, name_config
from affect_jax.datasets.ravdess.release import EMOTIONS, SUFFIXES
from affect_jax.datasets.ravdess.synthetic import synthesize
from affect_jax.datasets.recordings import Fold, Recording, Recordings, check_choice, compute_fingerprint
from affect_jax.errors import UserError

__all__ = ["DEFAULTS", "LABELS", "inspect", "load", "source_folder", "synthesize"]

LABELS: dict[str, tuple[tuple[int, ...], tuple[str, ...]]] = {
    "emotion": ((0, 1, 2, 3, 4, 5, 6, 7), EMOTIONS),
    "emotion7": ((0, 0, 1, 2, 3, 4, 5, 6), tuple(name for name in EMOTIONS if name != "calm")),
    "intensity": ((0, 1), ("normal", "strong")),
}
"""config.corpus.labels -> the class of each of the release's numbers 1, 2, ..., and the names of the classes.

emotion: neutral, calm, happy, sad, angry, fearful, disgust, surprised, as the release counts them.
emotion7: calm is neutral. The release has it as a second baseline beside neutral, which has only half as many clips as
the others, and other corpora do not know it. Neutral then has 288 clips, the other six 192 each.
intensity: neutral is always normal.
"""

DEFAULTS: dict[str, Any] = {
    "name": "ravdess",
    "manual_dir": "",
    "data_dir": "",
    "rate": 8000,
    "modalities": ("speech",),
    "labels": "emotion",
    "synthetic": {
        "actors": 10,
        "statements": 2,
        "repetitions": 1,
        "rate": 16000,
        "seed": 0,
    },
}
"""config.corpus: what may be set, and what it is otherwise.

manual_dir: the release's folder; '' makes and uses the synthetic corpus that `synthetic` describes.
data_dir: where built corpora go; '' is ~/.cache/affect_jax/corpora.
rate: of the stored speech in Hz, and what MFCC are made of (which then hear up to rate / 2).
modalities: of speech (waveform), mfcc (40 and their two differences) and action_units (35 means, one row a clip).
labels: emotion, emotion7 or intensity; see `LABELS`.
"""


def load(corpus: Mapping[str, Any]) -> Recordings:
    """Builds what is missing below data_dir and reads it.

    A recording is one clip, named as its audio file, `03-01-05-02-01-01-12`, of the group `actor_12`, and has one step
    of the same name; the only target is named as `labels` says and counts classes from 0. There is one part, 'train',
    and five folds in it: see `actors.folds`.

    Raises:
      UserError: a setting, or the release, is not as it must be.
    """
    return inspect(corpus)[0]


def inspect(corpus: Mapping[str, Any]) -> tuple[Recordings, missing_values.MissingValues]:
    """`load`, and what was missing in the features: nothing ever, since a missing value is an error here."""
    settings = build.resolve_settings(corpus, DEFAULTS)
    check_choice("labels", settings["labels"], tuple(LABELS))
    if not settings["modalities"] or len(set(settings["modalities"])) < len(settings["modalities"]):
        raise UserError(
            f"config.corpus.modalities is {settings['modalities']!r}; name one or more of {', '.join(MODALITIES)}, each"
            " once"
        )
    for modality in settings["modalities"]:
        check_choice("modalities", modality, MODALITIES)
    if settings["rate"] < 1000:
        raise UserError(f"config.corpus.rate is {settings['rate']} Hz; give the speech 1000 Hz or more, such as 8000")
    data_dir = Path(settings["data_dir"] or release_files.find_default_data_dir()).expanduser().resolve()
    folder = source_folder(settings, data_dir)
    builder = build.build_once(
        Ravdess,
        config=name_config(settings["modalities"], settings["rate"]),
        data_dir=data_dir,
        manual_dir=folder,
        source=release_files.sign_files(folder, (*SUFFIXES, ".csv", ".json")),
    )
    clips = [_recording(example, settings["labels"]) for example in build.read_examples(builder, "train")]
    recordings = Recordings(
        corpus="ravdess",
        variant="+".join(settings["modalities"]),
        synthetic=builder.info.metadata["synthetic"],
        splits={"train": clips},
        draws={},
        folds=_folds(clips),
        fingerprint="",
        labels=LABELS[settings["labels"]][1],
    )
    return recordings._replace(fingerprint=compute_fingerprint(recordings)), missing_values.MissingValues(0, 0, "")


def source_folder(settings: Mapping[str, Any], data_dir: Path) -> Path:
    """The folder with the clips: the user's, or that of the synthetic corpus, which is made where it is not there.

    Raises:
      UserError: there is no such folder, or a size of the synthetic corpus that cannot be.
    """
    if settings["manual_dir"]:
        return release_files.find_release_folder(settings["manual_dir"], "Actor_01/, Actor_02/, ...")
    return build.make_synthetic_folder(Ravdess, settings["synthetic"], data_dir, synthesize)


def _recording(example: dict[str, Any], labels: str) -> Recording:
    name = example["id"].decode()
    number = int(example["intensity" if labels == "intensity" else "emotion"])
    return Recording(
        id=name,
        group=f"actor_{int(example['actor']):02d}",
        steps=(name,),
        features=example["features"],
        targets={labels: np.array([LABELS[labels][0][number - 1]], np.float32)},
    )


def _folds(clips: list[Recording]) -> dict[str, Fold]:
    ids: dict[int, list[str]] = {}
    for clip in clips:
        ids.setdefault(int(clip.group.rpartition("_")[2]), []).append(clip.id)
    return {
        name: Fold(*(tuple(i for actor in side for i in ids[actor]) for side in sides))
        for name, sides in actors.make_folds(tuple(ids)).items()
    }
