"""IEMOCAP: ten actors in pairs, twelve hours of scripted and improvised talk, emotions by at least three annotators (on
request from its owners; Busso et al., 2008).

Two forms: `release`, IEMOCAP_full_release as its owners ship it, and `precomputed`, the features and folds of the
authors of AMH (Yoon et al., ICASSP 2020), which chapter 4 of the thesis uses.

In the release a speaker is the session and the letter of the *last* field of an utterance's name, and folds leave one
session out. In the precomputed form nobody's name is known: the folds are the authors' own, an utterance is its own
group, and a speaker may be on several sides, which makes the figures better than they would be for new speakers.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from affect_jax.datasets import build, missing_values, release_files
from affect_jax.datasets.iemocap import release
from affect_jax.datasets.iemocap.builder import MODALITIES, Iemocap, make_config
from affect_jax.datasets.iemocap.emotions import LABELS
from affect_jax.datasets.iemocap.synthetic import FORMS, synthesize
from affect_jax.datasets.recordings import Fold, Recording, Recordings, check_choice, compute_fingerprint
from affect_jax.errors import UserError

__all__ = ["DEFAULTS", "LABELS", "inspect", "load", "remarks", "source_folder", "synthesize"]

DEFAULTS: dict[str, Any] = {
    "name": "iemocap",
    "manual_dir": "",
    "data_dir": "",
    "form": "precomputed",
    "modalities": MODALITIES,
    "labels": "emotion7",
    "glove": "",
    "video_features": "",
    "synthetic": {
        "sessions": 5,
        "utterances": 24,
        "text": 16,
        "video": 12,
        "audio": 24,
        "width": 16,
        "seed": 0,
    },
}
"""config.corpus: what may be set, and what it is otherwise.

manual_dir: the folder of the files; '' makes and uses the synthetic corpus that `synthetic` describes.
data_dir: where built corpora go; '' is ~/.cache/affect_jax/corpora.
form: precomputed or release.
modalities: of text [T, 300], video [T, D], audio [T, 120] and prosody [1, 35] (precomputed form only).
labels: emotion7, emotion6 or emotion4; see `LABELS`.
glove: of the release form, a file of 300 numbers a word; '' is glove.txt in manual_dir.
video_features: of the release form, a folder of <utterance>.npy [T, D]; '' is video_features/ in manual_dir.
"""


def load(corpus: Mapping[str, Any]) -> Recordings:
    """Builds what is missing below data_dir and reads it.

    A recording is one utterance with one step of its own name and one target, named as `labels` says, which counts
    classes from 0. In the release form its name is the release's (`Ses01F_impro01_M003`) and its group the speaker
    (`Ses01M`); the folds are session1, ..., session5 (`sessions.sides`). In the precomputed form its name is a hash of
    its arrays and its group is itself; the folds are fold01, ..., fold05. There is one part, 'train'.

    Raises:
      UserError: a setting, or a file, is not as it must be.
    """
    return inspect(corpus)[0]


def inspect(corpus: Mapping[str, Any]) -> tuple[Recordings, missing_values.MissingValues]:
    """`load`, and what was missing in the features: nothing ever, since a missing value is an error here."""
    settings, builder = _builder(corpus)
    classes = LABELS[settings["labels"]]
    utterances, sides = [], {}
    for example in (e for chunk in sorted(builder.info.splits) for e in build.read_examples(builder, chunk)):
        number = classes.number(example["code"].decode())
        if number is not None:
            utterances.append(_recording(example, settings["labels"], number))
            sides[utterances[-1].id] = example["sides"].decode().split()
    recordings = Recordings(
        corpus="iemocap",
        variant=f"{settings['form']} {'+'.join(builder.builder_config.modalities)}",
        synthetic=builder.info.metadata["synthetic"],
        splits={"train": utterances},
        draws={},
        folds={
            name: Fold(*(tuple(i for i, mine in sides.items() if mine[fold] == side) for side in ("dev", "test")))
            for fold, name in enumerate(builder.info.metadata["folds"])
        },
        fingerprint="",
        labels=classes.names,
    )
    return recordings._replace(fingerprint=compute_fingerprint(recordings)), missing_values.MissingValues(0, 0, "")


def remarks(corpus: Mapping[str, Any]) -> tuple[str, ...]:
    """What a person who prepares the corpus should know beside its numbers: what was left out, and what there would be.

    Raises:
      UserError: as `load`.
    """
    settings, builder = _builder(corpus)
    classes = LABELS[settings["labels"]]
    whole = ", ".join(f"{name} {count}" for name, count in zip(classes.names, classes.counts, strict=True))
    speakers = ("speakers are not known in this form: one may be on several sides of a fold",)
    return (
        *builder.info.metadata["notes"],
        *(speakers if settings["form"] == "precomputed" else ()),
        f"IEMOCAP has {sum(classes.counts)} utterances of {settings['labels']}: {whole}",
    )


def source_folder(settings: Mapping[str, Any], data_dir: Path) -> Path:
    """The folder with the files: the user's, or that of the synthetic corpus, which is made where it is not there.

    Raises:
      UserError: there is no such folder, or a size of the synthetic corpus that cannot be.
    """
    if settings["manual_dir"]:
        what = "seven_category_120/" if settings["form"] == "precomputed" else "Session1/, Session2/, ..."
        return release_files.find_release_folder(settings["manual_dir"], what)
    return build.make_synthetic_folder(
        Iemocap, {**settings["synthetic"], "form": settings["form"]}, data_dir, synthesize
    )


def _builder(corpus: Mapping[str, Any]) -> tuple[dict[str, Any], Iemocap]:
    settings = build.resolve_settings(corpus, DEFAULTS)
    check_choice("labels", settings["labels"], tuple(LABELS))
    check_choice("form", settings["form"], FORMS)
    if not settings["modalities"] or len(set(settings["modalities"])) < len(settings["modalities"]):
        raise UserError(
            f"config.corpus.modalities is {settings['modalities']!r}; name one or more of {', '.join(MODALITIES)}, each"
            " once"
        )
    for modality in settings["modalities"]:
        check_choice("modalities", modality, MODALITIES)
    if settings["form"] == "release" and "prosody" in settings["modalities"]:
        raise UserError(
            "config.corpus.modalities has 'prosody', which only the form 'precomputed' has; leave it out of the form"
            " 'release'"
        )
    data_dir = Path(settings["data_dir"] or release_files.find_default_data_dir()).expanduser().resolve()
    folder = source_folder(settings, data_dir)
    outside = {name: _outside(settings, name) for name in ("glove", "video_features")}
    builder = build.build_once(
        Iemocap,
        config=make_config(settings["form"], settings["modalities"], **outside),
        data_dir=data_dir,
        manual_dir=folder,
        source=_signature(folder, settings["form"], *outside.values()),
    )
    return settings, builder


def _outside(settings: Mapping[str, Any], name: str) -> str:
    """The absolute path of a file or folder that the config names; '' where it names none."""
    if not settings[name]:
        return ""
    if settings["form"] != "release":
        raise UserError(f"config.corpus.{name} is for the form 'release' only; leave it out, or set config.corpus.form")
    path = Path(settings[name]).expanduser().resolve()
    if not path.exists():
        raise UserError(f"config.corpus.{name} {settings[name]} is not there; correct it")
    return str(path)


def _signature(folder: Path, form: str, glove: str, video_features: str) -> str:
    """What the raw files are; of the release, which has many more, only those that are read."""
    if form == "precomputed":
        return release_files.sign_files(folder, (".npy", ".json"))
    sessions = sorted([*folder.glob("Session?"), *folder.glob("IEMOCAP_full_release/Session?")])
    places = [path / name for path in sessions for name in release.FOLDERS]
    places.append(Path(video_features or folder / release.VIDEO_FOLDER))
    found = [release_files.sign_files(place, (".txt", ".wav", ".npy")) for place in places]
    for path in (folder / release_files.MARKER, Path(glove or folder / release.GLOVE_FILE)):
        status = path.stat() if path.is_file() else None
        found.append(repr(status and (status.st_size, status.st_mtime_ns)))
    return hashlib.sha256("\n".join(found).encode()).hexdigest()


def _recording(example: dict[str, Any], labels: str, number: int) -> Recording:
    name = example["id"].decode()
    return Recording(
        id=name,
        group=example["group"].decode(),
        steps=(name,),
        features=example["features"],
        targets={labels: np.array([number], np.float32)},
    )
