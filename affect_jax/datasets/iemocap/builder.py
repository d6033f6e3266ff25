"""The TFDS builder of IEMOCAP: an example is one utterance with one of the seven emotions."""

import dataclasses
import functools
import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow_datasets as tfds

from affect_jax.datasets import clip_features
from affect_jax.datasets.clip_features import Made
from affect_jax.datasets.iemocap import emotions, precomputed, release, sessions
from affect_jax.datasets.iemocap.settings import MODALITIES
from affect_jax.datasets.release_files import read_marker
from affect_jax.errors import UserError
from affect_jax.features.segments import Segment

CHUNK = 250
"""Utterances to store together. TFDS keeps a split in memory while it writes it, and would need TensorFlow beyond 1 GB;
the whole corpus has 2.5 GB, at most 0.9 MB per utterance in the precomputed form."""


@dataclasses.dataclass
class IemocapConfig(tfds.core.BuilderConfig):
    """The form of the files, what to store of each utterance, and what is not in their folder.

    Attributes:
      form: 'precomputed' or 'release'.
      modalities: to store.
      glove: file of word vectors of the release form; '' if it is in the folder.
      video_features: folder of video features of the release form; '' if it is in the folder.
      extractors: (modality, extractor) of those that extractors make of the release form.
      frame_rate: pictures a second that these get.
      kept: folder below which they keep what they make.
    """

    form: str = "precomputed"
    modalities: tuple[str, ...] = MODALITIES
    glove: str = ""
    video_features: str = ""
    extractors: tuple[tuple[str, str], ...] = ()
    frame_rate: float = clip_features.RATE
    kept: Path = Path()


class UtteranceSource(NamedTuple):
    """An utterance whose features are not read yet.

    Attributes:
      id: of the utterance.
      group: its speaker, or itself.
      code: of its emotion.
      sides: its split in each fold, separated by blanks. Built corpora have a feature of this name.
      read: modality -> float32 [T, D]; None where an extractor found no step.
    """

    id: str
    group: str
    code: str
    sides: str
    read: Callable[[str], np.ndarray | None]


_CONFIGS: dict[str, IemocapConfig] = {}  # by name, because TFDS asks for configs by name


def make_config(
    form: str,
    modalities: tuple[str, ...],
    glove: str,
    video_features: str,
    extractors: tuple[tuple[str, str], ...] = (),
    frame_rate: float = clip_features.RATE,
    kept: Path = Path(),
) -> IemocapConfig:
    """Makes the config of these settings, or returns an equal one; the order of modalities does not matter."""
    ordered = tuple(modality for modality in MODALITIES if modality in modalities)
    outside = (
        hashlib.sha256(os.fsencode(f"{glove}\n{video_features}")).hexdigest()[:8] if glove or video_features else ""
    )
    signed = clip_features.sign_extractors(dict(extractors), frame_rate) if extractors else ""
    name = "_".join(filter(None, (form, "+".join(ordered), outside, signed)))
    config = IemocapConfig(
        name=name,
        form=form,
        modalities=ordered,
        glove=glove,
        video_features=video_features,
        extractors=extractors,
        frame_rate=frame_rate,
        kept=kept,
    )
    return _CONFIGS.setdefault(name, config)


class Iemocap(tfds.core.GeneratorBasedBuilder):
    """IEMOCAP: Busso et al., "IEMOCAP: interactive emotional dyadic motion capture database", Language Resources and
    Evaluation 42(4), 2008.
    """

    # To be raised whenever the reader or the generator gives other values: built corpora are then built again.
    VERSION = tfds.core.Version("1.0.3")
    MANUAL_DOWNLOAD_INSTRUCTIONS = "The corpus is given out on request: sail.usc.edu/iemocap."

    @classmethod
    def get_builder_config(cls, name: str, version: str | tfds.core.Version | None = None) -> IemocapConfig | None:
        """The config that `make_config` made under this name."""
        return _CONFIGS.get(name)

    def _info(self) -> tfds.core.DatasetInfo:
        matrix = tfds.features.Tensor(shape=(None, None), dtype=np.float32, encoding="bytes")
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "id": tfds.features.Text(),
                    "group": tfds.features.Text(),
                    "code": tfds.features.Text(),
                    "sides": tfds.features.Text(),
                    **({"absent": tfds.features.Text()} if self.builder_config.extractors else {}),
                    "features": tfds.features.FeaturesDict(dict.fromkeys(self.builder_config.modalities, matrix)),
                }
            ),
            homepage="https://sail.usc.edu/iemocap",
            metadata=tfds.core.MetadataDict(),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        folder = Path(dl_manager.manual_dir)
        marker = _read_sizes(folder, self.builder_config.form)
        self.info.metadata.update(synthetic=marker is not None, notes=[])
        find = self._find_release if self.builder_config.form == "release" else self._find_precomputed
        sources = find(folder, marker)
        chunks = [sources[start : start + CHUNK] for start in range(0, len(sources), CHUNK)]
        return {f"chunk_{number:03d}": self._generate_examples(chunk) for number, chunk in enumerate(chunks)}

    def _generate_examples(self, sources: list[UtteranceSource]) -> Iterator[tuple[int, dict[str, Any]]]:
        for number, source in enumerate(sources):
            features = {modality: source.read(modality) for modality in self.builder_config.modalities}
            example = source._asdict()
            del example["read"]
            if self.builder_config.extractors:
                absent = [modality for modality, values in features.items() if values is None]
                widths = {m: about["width"] for m, about in self.info.metadata["extracted"].items()}
                features |= {m: np.zeros((1, widths[m]), np.float32) for m in absent}  # TFDS returns no empty tensors
                example["absent"] = " ".join(absent)
            yield number, {**example, "features": features}

    def _find_precomputed(self, folder: Path, marker: dict[str, Any] | None) -> list[UtteranceSource]:
        sizes = precomputed.RELEASE
        if marker is not None:
            sizes = precomputed.Sizes(counts=marker["counts"], folds=marker["sessions"], video=marker["video"])
        places = precomputed.find_folds(folder, sizes)
        folds = [precomputed.open_fold(place, sizes) for place in places]
        vocabulary = precomputed.open_vocabulary(places[0]) if "text" in self.builder_config.modalities else None
        numbers = Counter(label for split in folds[0].values() for label in split.label.tolist())
        codes = emotions.decode_numbers(numbers, sizes.counts, str(places[0]))
        utterances = precomputed.match_folds(folds)
        lost = sum(numbers.values()) - len(utterances)
        if lost:
            self.info.metadata["notes"].append(f"{lost} of {sum(numbers.values())} utterances have no video: left out")
        self.info.metadata["folds"] = [place.name for place in places]
        return [
            UtteranceSource(
                id=key,
                group=key,
                code=codes[utterance.label],
                sides=" ".join(utterance.splits),
                read=functools.partial(
                    precomputed.read_features, folds[0][utterance.split], utterance.row, vocabulary=vocabulary
                ),
            )
            for key, utterance in utterances.items()
        ]

    def _find_release(self, folder: Path, marker: dict[str, Any] | None) -> list[UtteranceSource]:
        settings = self.builder_config
        places = _find_sessions(folder, marker)
        labelled = release.read_emotions(places)
        counts = emotions.COUNTS if marker is None else marker["counts"]
        emotions.check_counts(Counter(u.code for u in labelled), counts, str(folder))
        wanted = [u for u in labelled if u.code in counts]
        notes = [
            f"{len(labelled) - len(wanted)} of {len(labelled)} utterances have another emotion"
            f" ({', '.join(emotions.LEFT_OUT)}): left out"
        ]
        made = {modality: self._extract(modality, name, wanted, places) for modality, name in settings.extractors}
        notes += [note for one in made.values() for note in one.notes]
        texts = {}
        if "text" in settings.modalities and "text" not in made:
            glove = Path(settings.glove or folder / release.GLOVE_FILE)
            texts, note = release.read_text(places, [u.id for u in wanted], glove)
            notes.append(note)
        videos = Path(settings.video_features or folder / release.VIDEO_FOLDER)
        has_folder = "video" in settings.modalities and "video" not in made
        width = release.read_video_width(videos, wanted[0].id) if has_folder else None
        self.info.metadata.update(folds=[f"session{number}" for number in places], notes=notes)
        if made:
            self.info.metadata.update(extracted={modality: one.about for modality, one in made.items()})

        def read(utterance: release.Utterance, modality: str) -> np.ndarray | None:
            if modality in made:
                return clip_features.read_features(made[modality], utterance.id)
            if modality == "text":
                return texts[utterance.id]
            if modality == "audio":
                return release.read_audio(utterance)
            return release.read_video(videos, utterance.id, width)

        return [
            UtteranceSource(
                id=u.id,
                group=sessions.parse_speaker(u.id, str(folder)),
                code=u.code,
                sides=" ".join(sessions.assign_splits(sessions.parse_session(u.id), tuple(places))),
                read=functools.partial(read, u),
            )
            for u in wanted
        ]

    def _extract(self, modality: str, name: str, utterances: list[release.Utterance], places: dict[int, Path]) -> Made:
        if modality == "text":
            words = release.read_transcripts(places, [u.id for u in utterances])
            clips = [
                clip_features.Clip(u.id, words[u.id], owner=sessions.parse_speaker(u.id, u.id)) for u in utterances
            ]
        elif modality == "audio":
            clips = [clip_features.Clip(u.id, str(release.find_sound(u))) for u in utterances]
        else:
            clips = [make_film(u) for u in utterances]
        kinds = {"text": ("words",), "audio": ("sound",), "video": ("pictures",)}[modality]
        settings = self.builder_config
        return clip_features.extract_clips(modality, name, clips, settings.kept, kinds=kinds, rate=settings.frame_rate)


def find_films(folder: Path) -> list[clip_features.Clip]:
    """The films of a release, or of a synthetic corpus in its form, of those labelled utterances that have one.

    Raises:
      UserError: a session, or one of its files, is missing or damaged.
    """
    utterances = release.read_emotions(_find_sessions(folder, _read_sizes(folder, "release")))
    return [make_film(utterance) for utterance in utterances if release.has_film(utterance)]


def make_film(utterance: release.Utterance) -> clip_features.Clip:
    """The speaker's half of the film of an utterance's dialog, while they speak.

    Raises:
      UserError: there is no film, or the utterance has no times.
    """
    segment = Segment(utterance.start, utterance.end)
    return clip_features.Clip(utterance.id, str(release.find_film(utterance)), segment, utterance.half)


def _find_sessions(folder: Path, marker: dict[str, Any] | None) -> dict[int, Path]:
    return release.find_sessions(folder, sessions.SESSIONS if marker is None else marker["sessions"])


def _read_sizes(folder: Path, form: str) -> dict[str, Any] | None:
    """Reads the sizes of a synthetic corpus; None for the real files.

    Raises:
      UserError: the marker is damaged, or the corpus has the other form.
    """
    like = {"form": "", "counts": emotions.COUNTS, "sessions": 0, "video": 0}
    marker = read_marker(folder, "iemocap", like)
    if marker is None:
        return None
    sizes = marker["sizes"]
    if sizes["form"] != form:
        raise UserError(
            f"{folder} is a synthetic corpus of the form {sizes['form']!r}, but config.corpus.form is {form!r}; set it"
            f" to {sizes['form']!r}"
        )
    return sizes
