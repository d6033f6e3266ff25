"""Settings of IEMOCAP -> `Recordings`."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from affect_jax.datasets import build, clip_features, release_files
from affect_jax.datasets.iemocap import release
from affect_jax.datasets.iemocap.emotions import LABELS
from affect_jax.datasets.iemocap.settings import Settings
from affect_jax.datasets.iemocap.synthetic import FILMS, synthesize
from affect_jax.datasets.input_form import InputForm
from affect_jax.datasets.missing_values import MissingValues
from affect_jax.datasets.recordings import Fold, Recording, Recordings, add_fingerprint
from affect_jax.datasets.settings import resolve_settings
from affect_jax.errors import UserError

if TYPE_CHECKING:
    from affect_jax.datasets.iemocap.builder import Iemocap


def load(corpus: Mapping[str, Any]) -> Recordings:
    """Builds what is missing below data_dir and reads it.

    A recording is one utterance with a single step of its own name and one target, named as `labels` says, which counts
    classes from 0. In the release form its name is the release's (`Ses01F_impro01_M003`), its group is the speaker
    (`Ses01M`), and the folds are session1 to session5 (`sessions.assign_splits`). In the precomputed form its name is a
    hash of its arrays, its group is itself, and the folds are fold01 to fold05. There is one split, 'train'.

    Args:
      corpus: `config.corpus`, see `Settings`.

    Raises:
      UserError: a setting, or a file, is not as it must be.
    """
    return inspect(corpus)[0]


def inspect(corpus: Mapping[str, Any]) -> tuple[Recordings, MissingValues]:
    """Returns what `load` returns, and that no feature was missing: a missing value is an error here."""
    settings, builder = _build(corpus)
    classes = LABELS[settings.labels]
    utterances, assignments = [], {}
    for example in (e for chunk in sorted(builder.info.splits) for e in build.read_examples(builder, chunk)):
        number = classes.find_class(example["code"].decode())
        if number is not None:
            utterances.append(_make_recording(example, settings.labels, number))
            # 'train', 'dev' or 'test' in each fold; built corpora have stored this under 'sides' from the beginning.
            assignments[utterances[-1].id] = example["sides"].decode().split()
    folds = {
        name: Fold(
            validation=tuple(i for i, splits in assignments.items() if splits[fold] == "dev"),
            test=tuple(i for i, splits in assignments.items() if splits[fold] == "test"),
        )
        for fold, name in enumerate(builder.info.metadata["folds"])
    }
    recordings = Recordings(
        corpus="iemocap",
        form=f"{settings.form} {'+'.join(builder.builder_config.modalities)}",
        synthetic=builder.info.metadata["synthetic"],
        splits={"train": utterances},
        draws={},
        folds=folds,
        fingerprint="",
        labels=classes.names,
        inputs=_describe_inputs(builder, utterances),
    )
    return add_fingerprint(recordings), MissingValues(0, 0, "")


def _describe_inputs(builder: Iemocap, utterances: list[Recording]) -> InputForm | None:
    """How the features were made of files, where extractors made all of them."""
    extracted = builder.info.metadata.get("extracted", {})
    modalities = builder.builder_config.modalities
    if set(modalities) != set(extracted):
        return None
    missing = {m: sum(m not in utterance.features for utterance in utterances) for m in modalities}
    return InputForm({m: clip_features.describe_modality(extracted[m], missing[m]) for m in modalities})


def list_remarks(corpus: Mapping[str, Any]) -> tuple[str, ...]:
    """What to know beside the numbers: what was left out, and what the whole corpus has.

    Raises:
      UserError: as `load`.
    """
    settings, builder = _build(corpus)
    classes = LABELS[settings.labels]
    whole = ", ".join(f"{name} {count}" for name, count in zip(classes.names, classes.counts, strict=True))
    speakers = ("this form does not name speakers: one speaker may be in several splits of a fold",)
    return (
        *builder.info.metadata["notes"],
        *(speakers if settings.form == "precomputed" else ()),
        f"IEMOCAP has {sum(classes.counts)} utterances of {settings.labels}: {whole}",
    )


def find_films(corpus: Mapping[str, Any]) -> list[clip_features.Clip]:
    """The films of the release, to be looked at, of utterances whose dialog has one; [] in the form 'precomputed'.

    Raises:
      UserError: as `load`.
    """
    from affect_jax.datasets.iemocap import builder

    settings = resolve_settings(corpus, Settings)
    if settings.form != "release":
        return []
    folder = find_source_folder(settings, release_files.resolve_data_dir(settings.data_dir))
    return builder.find_films(folder)


def find_source_folder(settings: Settings, data_dir: Path) -> Path:
    """The folder with the files: the user's, or the synthetic corpus, which is written where it is missing.

    Raises:
      UserError: there is no such folder, or a size of the synthetic corpus is impossible.
    """
    from affect_jax.datasets.iemocap.builder import Iemocap

    if settings.manual_dir:
        content = "seven_category_120/" if settings.form == "precomputed" else "Session1/, Session2/, ..."
        return release_files.find_release_folder(settings.manual_dir, content)
    form = FILMS if "video" in _list_extractors(settings) else settings.form
    parameters = {**dataclasses.asdict(settings.synthetic), "form": form}
    return build.make_synthetic_folder("iemocap", Iemocap.VERSION, parameters, data_dir, synthesize)


def _build(corpus: Mapping[str, Any]) -> tuple[Settings, Iemocap]:
    # Imported here because it imports TensorFlow Datasets, which takes .6 s.
    from affect_jax.datasets.iemocap.builder import Iemocap, make_config

    settings = resolve_settings(corpus, Settings)
    if settings.form == "release" and "prosody" in settings.modalities:
        raise UserError(
            "config.corpus.modalities has 'prosody', which only the form 'precomputed' has; leave it out of the form"
            " 'release'"
        )
    data_dir = release_files.resolve_data_dir(settings.data_dir)
    extractors = _list_extractors(settings)
    if extractors and settings.form != "release":
        raise UserError(
            f"config.corpus.{next(iter(extractors))}_features is for the form 'release' only; leave it out, or set "
            "config.corpus.form"
        )
    folder = find_source_folder(settings, data_dir)
    outside = [name for name in ("glove", "video_features") if name.partition("_")[0] not in extractors]
    paths = {name: _resolve_outside_path(settings, name) for name in outside}
    glove, video_features = paths.get("glove", ""), paths.get("video_features", "")
    builder = build.build_once(
        Iemocap,
        config=make_config(
            settings.form,
            settings.modalities,
            glove=glove,
            video_features=video_features,
            extractors=tuple(extractors.items()),
            frame_rate=settings.frame_rate,
            kept=data_dir,
        ),
        data_dir=data_dir,
        manual_dir=folder,
        source=_sign_source(folder, settings.form, glove, video_features, "video" in extractors),
    )
    return settings, builder


def _list_extractors(settings: Settings) -> dict[str, str]:
    """Modality -> extractor, of those that are extracted and asked for."""
    named = {
        "text": settings.text_features,
        "video": settings.video_features,
        "audio": settings.audio_features,
    }
    if named["video"]:
        from affect_jax.extraction.sources import is_extractor  # JAX, which others need not wait for

        if not is_extractor(named["video"]):
            named["video"] = None  # a folder
    return {modality: name for modality, name in named.items() if name and modality in settings.modalities}


def _resolve_outside_path(settings: Settings, name: str) -> str:
    """The absolute path of a file or folder that the config names; '' where it names none."""
    value = getattr(settings, name)
    if not value:
        return ""
    if settings.form != "release":
        raise UserError(f"config.corpus.{name} is for the form 'release' only; leave it out, or set config.corpus.form")
    path = Path(value).expanduser().resolve()
    if not path.exists():
        raise UserError(f"config.corpus.{name} {value} does not exist; correct the path")
    return str(path)


def _sign_source(folder: Path, form: str, glove: str, video_features: str, has_films: bool) -> str:
    """Identifies the raw files; of the release, which has many more, only those that are read."""
    if form == "precomputed":
        return release_files.sign_files(folder, (".npy", ".json"))
    sessions = sorted([*folder.glob("Session?"), *folder.glob("IEMOCAP_full_release/Session?")])
    places = [path / name for path in sessions for name in release.FOLDERS]
    places.append(Path(video_features or folder / release.VIDEO_FOLDER))
    signatures = [release_files.sign_files(place, (".txt", ".wav", ".npy")) for place in places]
    if has_films:
        signatures += [release_files.sign_files(path / "dialog" / "avi", (".avi",)) for path in sessions]
    for path in (folder / release_files.MARKER, Path(glove or folder / release.GLOVE_FILE)):
        status = path.stat() if path.is_file() else None
        signatures.append(repr(status and (status.st_size, status.st_mtime_ns)))
    return hashlib.sha256("\n".join(signatures).encode()).hexdigest()


def _make_recording(example: dict[str, Any], labels: str, number: int) -> Recording:
    name, absent = example["id"].decode(), example.get("absent", b"").decode().split()
    return Recording(
        id=name,
        group=example["group"].decode(),
        steps=(name,),
        features={m: values for m, values in example["features"].items() if m not in absent},
        targets={labels: np.array([number], np.float32)},
    )
