"""The TFDS builder of the debates: an example is one clip, mixed from a RAVDESS release."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from affect_jax.datasets.ravdess import builder
from affect_jax.datasets.ravdess.release import Clip
from affect_jax.datasets.ravdess_debates import debate_plan, mix
from affect_jax.datasets.ravdess_debates.debate_plan import SPLIT_ACTORS
from affect_jax.errors import UserError


@dataclasses.dataclass
class DebatesConfig(tfds.core.BuilderConfig):
    """How many clips of each split, their length in seconds, the sampling rate in Hz, and the seed of all draws."""

    train: int = 160
    validation: int = 48
    test: int = 64
    seconds: int = 30
    rate: int = 8000
    seed: int = 0


_NUMBERS = ("train", "validation", "test", "seconds", "rate", "seed")


def name_config(settings: dict[str, Any]) -> str:
    """Names the config with these numbers, in the order of `DebatesConfig`: '160_48_64_30_8000_0'."""
    return "_".join(str(settings[name]) for name in _NUMBERS)


class RavdessDebates(tfds.core.GeneratorBasedBuilder):
    """Clips of two or three RAVDESS actors with a planted amount of overlap and of angry speech."""

    # To be raised whenever the same release and config give other values: built corpora are then built again.
    VERSION = tfds.core.Version("1.1.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = builder.Ravdess.MANUAL_DOWNLOAD_INSTRUCTIONS

    @classmethod
    def get_builder_config(cls, name: str, version: str | tfds.core.Version | None = None) -> DebatesConfig:
        """The config of a name from `name_config`; any numbers are allowed, so BUILDER_CONFIGS cannot list them."""
        return DebatesConfig(name=name, **dict(zip(_NUMBERS, map(int, name.split("_")), strict=True)))

    def _info(self) -> tfds.core.DatasetInfo:
        tenths = tfds.features.Tensor(shape=(debate_plan.TENTHS,), dtype=np.float32)
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "id": tfds.features.Text(),
                    "actors": tfds.features.Text(),
                    "speech": tfds.features.Tensor(shape=(None,), dtype=np.int16, encoding="bytes"),
                    "turns": tfds.features.Tensor(shape=(None, 3), dtype=np.float32),  # start, end (s), actor
                    "target": np.float64,
                    "overlap": np.float64,
                    "anger": np.float64,
                    "overlap_tenths": tenths,
                    "anger_tenths": tenths,
                }
            ),
            homepage="https://zenodo.org/records/1188976",
            metadata=tfds.core.MetadataDict(),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        files, synthetic = builder.find_clips_and_kind(Path(dl_manager.manual_dir))
        self.info.metadata.update(synthetic_speech=synthetic)
        return {split: self._generate_examples(split, files) for split in SPLIT_ACTORS}

    def _generate_examples(self, split: str, files: dict[Clip, Path]) -> Iterator[tuple[str, dict[str, Any]]]:
        settings = self.builder_config
        samples = settings.seconds * settings.rate
        speech = {
            clip: builder.read_speech(path, settings.rate)
            for clip, path in files.items()
            if clip.actor in SPLIT_ACTORS[split]
        }
        pool = [debate_plan.Utterance(clip, *mix.find_speech(x, settings.rate)) for clip, x in speech.items()]
        actors = sorted({clip.actor for clip in speech})
        if len(actors) < 2:
            raise UserError(
                f"the {split} split of the debates would have {len(actors)} actor(s), expected 2 or more; set"
                " config.corpus.synthetic.actors to 10 or more"
            )
        count = getattr(settings, split)
        # Each split has its own stream of random numbers, so that its size does not change the others.
        rng = np.random.default_rng([settings.seed, list(SPLIT_ACTORS).index(split)])
        for number, wanted in enumerate(debate_plan.draw_shares(rng, count)):
            chosen = sorted(rng.choice(actors, rng.integers(2, min(3, len(actors)) + 1), replace=False).tolist())
            turns = debate_plan.plan_debate(rng, [u for u in pool if u.clip.actor in chosen], wanted, samples)
            planted = debate_plan.measure_shares(turns, samples)
            name = f"{split}_{number:04d}"
            yield (
                name,
                {
                    "id": name,
                    "actors": "+".join(f"{actor:02d}" for actor in chosen),
                    "speech": mix.mix_turns(
                        turns, [speech[turn.utterance.clip] for turn in turns], samples, settings.rate
                    ),
                    "turns": debate_plan.list_spoken(turns, settings.rate),
                    "target": debate_plan.compute_target(planted.overlap, planted.anger),
                    **planted._asdict(),
                },
            )
