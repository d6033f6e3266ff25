"""The TFDS builder of IEMOCAP: an example is one utterance with one of the seven emotions."""

import dataclasses
import functools
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow_datasets as tfds

from affect_jax.datasets.iemocap import emotions, precomputed, release, sessions
from affect_jax.datasets.iemocap.settings import MODALITIES
from affect_jax.datasets.release_files import read_marker
from affect_jax.errors import UserError

CHUNK = 250
"""Utterances stored together. TFDS keeps a split in memory while it writes it, and beyond 1 GB it would need
TensorFlow; the whole corpus has 2.5 GB, at most 0.9 MB an utterance in the precomputed form."""


@dataclasses.dataclass
class IemocapConfig(tfds.core.BuilderConfig):
    """Which of the two forms the files have, what is stored of each utterance, and what does not lie in their folder:
    the file of word vectors and the folder of video features of the release form ('': it does lie there).
    """

    form: str = "precomputed"
    modalities: tuple[str, ...] = MODALITIES
    glove: str = ""
    video_features: str = ""


class UtteranceSource(NamedTuple):
    """An utterance that is not read yet: what its files' names and lists say, and modality -> float32 [T, D]."""

    id: str
    group: str
    code: str
    sides: str
    read: Callable[[str], np.ndarray]


_CONFIGS: dict[str, IemocapConfig] = {}  # by name, as TFDS asks for them


def make_config(form: str, modalities: tuple[str, ...], glove: str, video_features: str) -> IemocapConfig:
    """The config of these settings, whatever the order of the modalities; the same object for the same settings."""
    kept = tuple(modality for modality in MODALITIES if modality in modalities)
    outside = hashlib.sha256(f"{glove}\n{video_features}".encode()).hexdigest()[:8] if glove or video_features else ""
    name = "_".join(filter(None, (form, "+".join(kept), outside)))
    made = IemocapConfig(name=name, form=form, modalities=kept, glove=glove, video_features=video_features)
    return _CONFIGS.setdefault(name, made)


class Iemocap(tfds.core.GeneratorBasedBuilder):
    """IEMOCAP: Busso et al., "IEMOCAP: interactive emotional dyadic motion capture database", Language Resources and
    Evaluation 42(4), 2008.
    """

    # To be raised whenever the reader or the generator gives other values: built corpora are then made again.
    VERSION = tfds.core.Version("1.0.2")
    MANUAL_DOWNLOAD_INSTRUCTIONS = "The corpus is given out on request: sail.usc.edu/iemocap."

    @classmethod
    def get_builder_config(cls, name: str, version: str | tfds.core.Version | None = None) -> IemocapConfig | None:
        """What `config` made under this name."""
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
        found = find(folder, marker)
        chunks = [found[start : start + CHUNK] for start in range(0, len(found), CHUNK)]
        return {f"chunk_{number:03d}": self._generate_examples(chunk) for number, chunk in enumerate(chunks)}

    def _generate_examples(self, found: list[UtteranceSource]) -> Iterator[tuple[int, dict[str, Any]]]:
        for number, utterance in enumerate(found):
            features = {modality: utterance.read(modality) for modality in self.builder_config.modalities}
            named = utterance._asdict()
            del named["read"]
            yield number, {**named, "features": features}

    def _find_precomputed(self, folder: Path, marker: dict[str, Any] | None) -> list[UtteranceSource]:
        sizes = precomputed.RELEASE
        if marker is not None:
            sizes = precomputed.Sizes(counts=marker["counts"], folds=marker["sessions"], video=marker["video"])
        places = precomputed.find_folds(folder, sizes)
        folds = [precomputed.open_fold(place, sizes) for place in places]
        vocabulary = precomputed.open_vocabulary(places[0]) if "text" in self.builder_config.modalities else None
        numbers = Counter(label for part in folds[0].values() for label in part.label.tolist())
        codes = emotions.decode_numbers(numbers, sizes.counts, str(places[0]))
        found = precomputed.match_folds(folds)
        lost = sum(numbers.values()) - len(found)
        if lost:
            self.info.metadata["notes"].append(f"{lost} of {sum(numbers.values())} utterances have no video: left out")
        self.info.metadata["folds"] = [place.name for place in places]
        return [
            UtteranceSource(
                id=key,
                group=key,
                code=codes[utterance.label],
                sides=" ".join(utterance.sides),
                read=functools.partial(
                    precomputed.read_features, folds[0][utterance.part], utterance.row, vocabulary=vocabulary
                ),
            )
            for key, utterance in found.items()
        ]

    def _find_release(self, folder: Path, marker: dict[str, Any] | None) -> list[UtteranceSource]:
        settings = self.builder_config
        places = release.find_sessions(folder, sessions.SESSIONS if marker is None else marker["sessions"])
        labelled = release.read_emotions(places)
        counts = emotions.COUNTS if marker is None else marker["counts"]
        emotions.check_counts(Counter(u.code for u in labelled), counts, str(folder))
        wanted = [u for u in labelled if u.code in counts]
        notes = [
            f"{len(labelled) - len(wanted)} of {len(labelled)} utterances have another emotion"
            f" ({', '.join(emotions.LEFT_OUT)}): left out"
        ]
        texts = {}
        if "text" in settings.modalities:
            glove = Path(settings.glove or folder / release.GLOVE_FILE)
            texts, note = release.read_text(places, [u.id for u in wanted], glove)
            notes.append(note)
        videos = Path(settings.video_features or folder / release.VIDEO_FOLDER)
        width = release.read_video_width(videos, wanted[0].id) if "video" in settings.modalities else None
        self.info.metadata.update(folds=[f"session{number}" for number in places], notes=notes)

        def read(utterance: release.Utterance, modality: str) -> np.ndarray:
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


def _read_sizes(folder: Path, form: str) -> dict[str, Any] | None:
    """The sizes of a synthetic corpus; None for the real files.

    Raises:
      UserError: it is damaged, or of the other form.
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
