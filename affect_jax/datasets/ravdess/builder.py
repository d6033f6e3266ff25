"""The TFDS builder of RAVDESS: an example is one clip, in the order of actors and names."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from affect_jax.datasets import clip_features
from affect_jax.datasets.clip_features import Made
from affect_jax.datasets.ravdess import release
from affect_jax.datasets.ravdess.settings import EXTRACTED, MODALITIES, Settings
from affect_jax.datasets.release_files import make_sizes_error, read_marker
from affect_jax.errors import UserError
from affect_jax.features import audio, sound_files


@dataclasses.dataclass
class RavdessConfig(tfds.core.BuilderConfig):
    """What to store of each clip.

    Attributes:
      modalities: to store.
      rate: sampling rate of the speech in Hz.
      form: 'audio' or 'video'.
      extractors: (modality, extractor) of those that extractors make.
      frame_rate: pictures a second that these get.
      kept: folder below which they keep what they make.
    """

    modalities: tuple[str, ...] = ("speech",)
    rate: int = 8000
    form: str = "audio"
    extractors: tuple[tuple[str, str], ...] = ()
    frame_rate: float = clip_features.RATE
    kept: Path = Path()


_CONFIGS: dict[str, RavdessConfig] = {}  # of extractors, by name, because TFDS asks for configs by name


def name_config(modalities: tuple[str, ...], rate: int) -> str:
    """Names the config that stores these modalities of the form 'audio' at this rate: 'speech+mfcc_8000'."""
    return f"{'+'.join(modality for modality in MODALITIES if modality in modalities)}_{rate}"


def make_config(settings: Settings, data_dir: Path) -> RavdessConfig | str:
    """The config of these settings, or its name where that says everything."""
    named = {"audio": settings.audio_features, "video": settings.video_features}
    extractors = tuple((modality, name) for modality, name in named.items() if name)
    name = name_config(settings.modalities, settings.rate)
    if not extractors and settings.form == "audio":
        return name
    signed = clip_features.sign_extractors(dict(extractors), settings.frame_rate) if extractors else ""
    name = "_".join(filter(None, (settings.form, name, signed)))
    modalities = tuple(modality for modality in MODALITIES if modality in settings.modalities)
    config = RavdessConfig(
        name=name,
        modalities=modalities,
        rate=settings.rate,
        form=settings.form,
        extractors=extractors,
        frame_rate=settings.frame_rate,
        kept=data_dir,
    )
    _CONFIGS[name] = config
    return config


class Ravdess(tfds.core.GeneratorBasedBuilder):
    """RAVDESS: eight emotions acted in speech by 24 actors (Livingstone & Russo, PLOS ONE 13(5), 2018)."""

    # To be raised whenever the reader or the generator gives other values: built corpora are then built again.
    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = "Unpack Audio_Speech_Actors_01-24.zip of zenodo.org/records/1188976."

    @classmethod
    def get_builder_config(cls, name: str, version: str | tfds.core.Version | None = None) -> RavdessConfig:
        """The config of a name of `make_config`; any rate is allowed, so BUILDER_CONFIGS cannot list them."""
        if name in _CONFIGS:
            return _CONFIGS[name]
        modalities, _, rate = name.rpartition("_")
        return RavdessConfig(name=name, modalities=tuple(modalities.split("+")), rate=int(rate))

    def _info(self) -> tfds.core.DatasetInfo:
        matrix = tfds.features.Tensor(shape=(None, None), dtype=np.float32, encoding="bytes")
        kinds = {"speech": tfds.features.Tensor(shape=(None,), dtype=np.int16, encoding="bytes")}
        numbers = dict.fromkeys(release.Clip._fields, tfds.features.Scalar(np.int32))
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "id": tfds.features.Text(),
                    **numbers,
                    **({"absent": tfds.features.Text()} if self.builder_config.extractors else {}),
                    "features": tfds.features.FeaturesDict(
                        {modality: kinds.get(modality, matrix) for modality in self.builder_config.modalities}
                    ),
                }
            ),
            homepage="https://zenodo.org/records/1188976",
            metadata=tfds.core.MetadataDict(),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        folder = Path(dl_manager.manual_dir)
        settings = self.builder_config
        files, synthetic = find_clips_and_kind(folder, settings.form)
        made = {modality: self._extract(modality, name, files) for modality, name in settings.extractors}
        self.info.metadata.update(synthetic=synthetic)
        if made:
            about = {modality: one.about for modality, one in made.items()}
            self.info.metadata.update(extracted=about, notes=[note for one in made.values() for note in one.notes])
        units = {}
        if "action_units" in self.builder_config.modalities:
            units = release.read_action_units(folder / release.ACTION_UNITS_FILE, files)
        return {"train": self._generate_examples(files, units, made)}

    def _extract(self, modality: str, name: str, files: dict[release.Clip, Path]) -> Made:
        settings = self.builder_config
        clips = [clip_features.Clip(clip.id, str(path)) for clip, path in files.items()]
        kinds = ("sound",) if modality == "audio" else ("pictures",)
        return clip_features.extract_clips(modality, name, clips, settings.kept, kinds=kinds, rate=settings.frame_rate)

    def _generate_examples(
        self, files: dict[release.Clip, Path], units: dict[release.Clip, np.ndarray], made: dict[str, Made]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        settings = self.builder_config
        for clip, path in files.items():
            features = {modality: clip_features.read_features(one, clip.id) for modality, one in made.items()}
            absent = [modality for modality, values in features.items() if values is None]
            # TFDS cannot return empty tensors.
            features |= {modality: np.zeros((1, made[modality].width), np.float32) for modality in absent}
            if set(settings.modalities) - set(EXTRACTED):
                speech = read_speech(path, settings.rate)
                features["speech"] = audio.to_int16(speech)
            if "mfcc" in settings.modalities:
                features["mfcc"] = audio.compute_mfcc(speech, settings.rate)
            if "log_mel" in settings.modalities:
                features["log_mel"] = audio.compute_log_mel(speech, settings.rate)
            if clip in units:
                features["action_units"] = units[clip]
            yield (
                clip.id,
                {
                    "id": clip.id,
                    **clip._asdict(),
                    **({"absent": " ".join(absent)} if made else {}),
                    "features": {modality: features[modality] for modality in settings.modalities},
                },
            )


def find_clips_and_kind(folder: Path, form: str = "audio") -> tuple[dict[release.Clip, Path], bool]:
    """Finds the clips of a release or of a synthetic corpus in a form, and says whether it is synthetic.

    Raises:
      UserError: from `release.find_clips`, or the marker file is damaged.
    """
    marker = read_marker(folder, "ravdess", release.RELEASE._asdict())
    if marker is None:
        return release.find_clips(folder, release.RELEASE, form), False
    sizes = release.Sizes(**{**marker["sizes"], "actors": tuple(marker["sizes"]["actors"])})
    if max(sizes.statements, sizes.repetitions) > 2 or len(set(sizes.actors)) < len(sizes.actors):
        raise make_sizes_error(folder, "different actors, at most 2 statements and 2 repetitions")
    return release.find_clips(folder, sizes, form), True


def read_speech(path: Path, rate: int) -> np.ndarray:
    """Reads float32 [T] mono at `rate`, with the silence at both ends.

    Raises:
      UserError: the file is not a sound file, has no samples, or is silent throughout once stored (int16).
    """
    speech = sound_files.read_audio(path, rate=rate)
    if not audio.to_int16(speech).any():
        raise UserError(f"{path} is silent throughout (all samples are 0); copy it again")
    return speech
