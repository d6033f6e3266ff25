"""The TFDS builder of IEMOCAP: an example is one utterance with one of the seven emotions."""

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from affect_jax.datasets.iemocap import emotions, precomputed, release, sessions
from affect_jax.datasets.reading import MARKER, read_marker
from affect_jax.errors import UserError

MODALITIES = ("text", "video", "audio", "prosody")


@dataclasses.dataclass
class IemocapConfig(tfds.core.BuilderConfig):
    """Which of the two forms the files have, what is stored of each utterance, and what does not lie in their folder:
    the file of word vectors and the folder of video features of the release form ('': it does lie there).
    """

    form: str = "precomputed"
    modalities: tuple[str, ...] = MODALITIES
    glove: str = ""
    video_features: str = ""


_CONFIGS: dict[str, IemocapConfig] = {}  # by name, as TFDS asks for them


def config(form: str, modalities: tuple[str, ...], glove: str, video_features: str) -> IemocapConfig:
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
    VERSION = tfds.core.Version("1.0.1")
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
        marker = _marker(folder, self.builder_config.form)
        self.info.metadata.update(synthetic=marker is not None, notes=[])
        read = self._release if self.builder_config.form == "release" else self._precomputed
        return {"train": self._generate_examples(read(folder, marker))}

    def _generate_examples(self, utterances: Iterator[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
        for utterance in utterances:
            yield utterance["id"], utterance

    def _precomputed(self, folder: Path, marker: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
        sizes = precomputed.RELEASE
        if marker is not None:
            sizes = precomputed.Sizes(counts=marker["counts"], folds=marker["sessions"], video=marker["video"])
        places = precomputed.locate(folder, sizes)
        folds = [precomputed.open_fold(place, sizes) for place in places]
        numbers = Counter(label for part in folds[0].values() for label in part.label.tolist())
        codes = emotions.decode(numbers, sizes.counts, str(places[0]))
        found = precomputed.match(folds)
        lost = sum(numbers.values()) - len(found)
        if lost:
            self.info.metadata["notes"].append(f"{lost} of {sum(numbers.values())} utterances have no video: left out")
        self.info.metadata["folds"] = [place.name for place in places]
        modalities = self.builder_config.modalities
        vocabulary = precomputed.open_vocabulary(places[0]) if "text" in modalities else None
        for key, utterance in found.items():
            part = folds[0][utterance.part]
            yield {
                "id": key,
                "group": key,
                "code": codes[utterance.label],
                "sides": " ".join(utterance.sides),
                "features": {m: precomputed.features(part, utterance.row, m, vocabulary) for m in modalities},
            }

    def _release(self, folder: Path, marker: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
        settings = self.builder_config
        places = release.locate(folder, sessions.SESSIONS if marker is None else marker["sessions"])
        labelled = release.read_emotions(places)
        counts = emotions.COUNTS if marker is None else marker["counts"]
        emotions.check(Counter(u.code for u in labelled), counts, str(folder))
        wanted = [u for u in labelled if u.code in counts]
        self.info.metadata["folds"] = [f"session{number}" for number in places]
        self.info.metadata["notes"].append(
            f"{len(labelled) - len(wanted)} of {len(labelled)} utterances have another emotion"
            f" ({', '.join(emotions.LEFT_OUT)}): left out"
        )
        if "text" in settings.modalities:
            glove = Path(settings.glove or folder / release.GLOVE_FILE)
            texts, note = release.read_text(places, [u.id for u in wanted], glove)
            self.info.metadata["notes"].append(note)
        videos, width = Path(settings.video_features or folder / release.VIDEO_FOLDER), None
        for utterance in wanted:
            features = {}
            if "text" in settings.modalities:
                features["text"] = texts[utterance.id]
            if "video" in settings.modalities:
                features["video"] = release.read_video(videos, utterance.id, width)
                width = features["video"].shape[1]
            if "audio" in settings.modalities:
                features["audio"] = release.read_audio(utterance)
            yield {
                "id": utterance.id,
                "group": sessions.speaker(utterance.id, str(folder)),
                "code": utterance.code,
                "sides": " ".join(sessions.sides(sessions.session(utterance.id), tuple(places))),
                "features": features,
            }


def _marker(folder: Path, form: str) -> dict[str, Any] | None:
    """The sizes of a synthetic corpus; None for the real files.

    Raises:
      UserError: it is damaged, or of the other form.
    """
    marker = read_marker(folder, "iemocap")
    if marker is None:
        return None
    sizes = marker["sizes"]
    kinds = {"form": str, "counts": dict, "sessions": int, "video": int}
    if not isinstance(sizes, dict) or any(not isinstance(sizes.get(name), kind) for name, kind in kinds.items()):
        raise UserError(
            f"the sizes in {folder / MARKER} are not what the generator writes ({', '.join(kinds)}); make the"
            " synthetic corpus again"
        )
    if sizes["form"] != form:
        raise UserError(
            f"{folder} is a synthetic corpus of the form {sizes['form']!r}, but config.corpus.form is {form!r}; set it"
            f" to {sizes['form']!r}"
        )
    return sizes
