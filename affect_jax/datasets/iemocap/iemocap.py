"""The TFDS builder of IEMOCAP: an example is one utterance with one of the seven emotions."""

import dataclasses
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from affect_jax.datasets.iemocap import emotions, precomputed
from affect_jax.datasets.reading import MARKER, read_marker
from affect_jax.errors import UserError

MODALITIES = ("text", "video", "audio", "prosody")


@dataclasses.dataclass
class IemocapConfig(tfds.core.BuilderConfig):
    """Which of the two forms the files have, and what is stored of each utterance."""

    form: str = "precomputed"
    modalities: tuple[str, ...] = MODALITIES


def config_name(form: str, modalities: tuple[str, ...]) -> str:
    """'precomputed_text+video': the name of the config that stores these modalities, whatever their order."""
    return f"{form}_{'+'.join(modality for modality in MODALITIES if modality in modalities)}"


class Iemocap(tfds.core.GeneratorBasedBuilder):
    """IEMOCAP: Busso et al., "IEMOCAP: interactive emotional dyadic motion capture database", Language Resources and
    Evaluation 42(4), 2008.
    """

    # To be raised whenever the reader or the generator gives other values: built corpora are then made again.
    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = "The corpus is given out on request: sail.usc.edu/iemocap."

    @classmethod
    def get_builder_config(cls, name: str, version: str | tfds.core.Version | None = None) -> IemocapConfig:
        """The config of a `config_name`."""
        form, _, modalities = name.partition("_")
        return IemocapConfig(name=name, form=form, modalities=tuple(modalities.split("+")))

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
        return {"train": self._generate_examples(folder, marker)}

    def _generate_examples(self, folder: Path, marker: dict[str, Any] | None) -> Iterator[tuple[str, dict[str, Any]]]:
        sizes = precomputed.RELEASE
        if marker is not None:
            sizes = precomputed.Sizes(counts=marker["counts"], folds=marker["sessions"], video=marker["video"])
        places = precomputed.locate(folder, sizes)
        folds = [precomputed.open_fold(place, sizes) for place in places]
        numbers = Counter(label for part in folds[0].values() for label in part.label.tolist())
        codes = emotions.decode(numbers, sizes.counts, str(places[0]))
        found = precomputed.match(folds)
        vocabulary = precomputed.open_vocabulary(places[0]) if "text" in self.builder_config.modalities else None
        lost = sum(numbers.values()) - len(found)
        if lost:
            self.info.metadata["notes"].append(f"{lost} of {sum(numbers.values())} utterances have no video: left out")
        self.info.metadata["folds"] = [place.name for place in places]
        for key, utterance in found.items():
            part = folds[0][utterance.part]
            yield (
                key,
                {
                    "id": key,
                    "group": key,
                    "code": codes[utterance.label],
                    "sides": " ".join(utterance.sides),
                    "features": {
                        modality: precomputed.features(part, utterance.row, modality, vocabulary)
                        for modality in self.builder_config.modalities
                    },
                },
            )


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
