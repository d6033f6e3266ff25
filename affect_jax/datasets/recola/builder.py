"""The TFDS builder of RECOLA: an example is one recording of up to five minutes, a frame every 40 ms."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from affect_jax.datasets.recola import avec_release, native_release, rating_files
from affect_jax.datasets.release_files import MARKER, read_marker
from affect_jax.errors import UserError


@dataclasses.dataclass
class RecolaConfig(tfds.core.BuilderConfig):
    """Which target, and which form of the corpus.

    Attributes:
      target: 'arousal' or 'valence'.
      form: 'avec' (AVEC 2016) or 'native' (the database's own).
      raters: with their disagreement as a modality.
    """

    target: str = "arousal"
    form: str = "avec"
    raters: bool = False


def name_config(target: str, form: str, raters: bool) -> str:
    """The name of a config: 'arousal', 'valence_native_raters'."""
    return f"{target}{'' if form == 'avec' else '_native'}{'_raters' if raters else ''}"


class Recola(tfds.core.GeneratorBasedBuilder):
    """RECOLA: Ringeval et al., "Introducing the RECOLA multimodal corpus", EmoSPACE 2013."""

    # To be raised whenever the reader or the generator gives other values: built corpora are then built again.
    VERSION = tfds.core.Version("1.1.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = "RECOLA is given out on request: https://diuf.unifr.ch/main/diva/recola/"
    BUILDER_CONFIGS = [
        RecolaConfig(name=name_config(target, form, raters), target=target, form=form, raters=raters)
        for form in ("avec", "native")
        for target in ("arousal", "valence")
        for raters in (False, True)
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        names = avec_release.RELEASE.columns if self.builder_config.form == "avec" else native_release.MODALITIES
        names = (*names, *((rating_files.MODALITY,) if self.builder_config.raters else ()))
        # Bytes: the only encoding that is exact, takes two open dimensions, and is read back without a copy.
        matrix = tfds.features.Tensor(shape=(None, None), dtype=np.float32, encoding="bytes")
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "id": tfds.features.Text(),
                    "start": np.int32,
                    "labelled": np.bool_,
                    "target": tfds.features.Tensor(shape=(None,), dtype=np.float32, encoding="bytes"),
                    "features": tfds.features.FeaturesDict(dict.fromkeys(names, matrix)),
                }
            ),
            metadata=tfds.core.MetadataDict(),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        folder, config = Path(dl_manager.manual_dir), self.builder_config
        marker = read_marker(folder, "recola", avec_release.RELEASE._asdict())
        if marker and config.form != "avec":
            raise UserError(
                f"{folder} is synthetic ({MARKER}), which exists in AVEC's form only; set config.corpus.form='avec'"
            )
        self.info.metadata.update(synthetic=marker is not None, columns={}, files={}, spans={})
        if config.form == "native":
            members = native_release.read_partition(folder)
            sizes = None
        else:
            sizes = avec_release.RELEASE if marker is None else avec_release.Sizes(**marker["sizes"])
            members = {
                split: avec_release.list_recordings(folder, config.target, split, sizes)
                for split in avec_release.SPLIT_PREFIXES
            }
        return {split: self._generate_examples(folder, split, names, sizes) for split, names in members.items()}

    def _generate_examples(
        self, folder: Path, split: str, names: list[str], sizes: avec_release.Sizes | None
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        target, metadata, raters = self.builder_config.target, self.info.metadata, self.builder_config.raters
        for name in names:
            if sizes is None:
                raw = native_release.read_recording(folder, target, split, name, raters=raters)
            else:
                raw = avec_release.read_recording(folder, target, split, name, sizes, raters=raters)
            for modality, columns in raw.columns.items():
                known = metadata["columns"].setdefault(modality, list(columns))
                if known != list(columns):
                    raise UserError(f"{raw.files[modality]} has other columns than the files before it; copy it again")
            for kind, span in raw.spans.items():
                first, *known = metadata["spans"].setdefault(kind, [name, *span])
                if known != list(span):
                    covered = [f"{n * avec_release.FRAME_SECONDS:g}" for n in (*known, *span)]
                    raise UserError(
                        f"the {kind} file of participant {first} has {covered[0]}-{covered[1]} s, that of {name} "
                        f"{covered[2]}-{covered[3]} s; copy the shorter one again"
                    )
            metadata["files"][name] = {m: path.relative_to(folder).as_posix() for m, path in raw.files.items()}
            frames = len(next(iter(raw.features.values())))
            yield (
                name,
                {
                    "id": raw.id,
                    "start": raw.start,
                    "labelled": raw.target is not None,
                    "target": np.full(frames, np.nan, np.float32) if raw.target is None else raw.target,
                    "features": raw.features,
                },
            )
