"""Debates put together from RAVDESS: real speech, constructed target.

Two or three actors take turns for half a minute, interrupt each other more or less, and are more or less angry. How
much of both is planted, and the target is a stated function of the two amounts (`plan`): it says how well a model hears
overlap and anger, in voices that it has not met, and nothing about what people would call a conflict. The speech is
real, but nobody speaks to anybody, all say one of two sentences, and the room is a studio. Utterances keep their
natural levels, so a shout is 20 dB louder than a neutral sentence, and may cover it.

Without a release the same is done with the synthetic twin of RAVDESS.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from affect_jax.datasets import build, missing_values, ravdess, release_files
from affect_jax.datasets.ravdess import synthesize
from affect_jax.datasets.ravdess.release import SUFFIXES
from affect_jax.datasets.ravdess_debates.builder import SPLIT_ACTORS, RavdessDebates, name_config
from affect_jax.datasets.ravdess_debates.debate_plan import Planted
from affect_jax.datasets.recordings import Recording, Recordings, compute_fingerprint
from affect_jax.errors import UserError

__all__ = ["DEFAULTS", "PARTS", "Planted", "inspect", "load", "planted", "planted_tenths", "synthesize"]

DEFAULTS: dict[str, Any] = {
    "name": "ravdess_debates",
    "manual_dir": "",
    "data_dir": "",
    "train": 160,
    "validation": 48,
    "test": 64,
    "seconds": 30,
    "rate": 8000,
    "seed": 0,
    "synthetic": dict(ravdess.DEFAULTS["synthetic"]),
}
"""config.corpus: what may be set, and what it is otherwise.

manual_dir: the folder of the RAVDESS release; '' makes and uses the synthetic RAVDESS that `synthetic` describes.
data_dir: where built corpora go; '' is ~/.cache/affect_jax/corpora.
train, validation, test: clips in each part.  seconds: of a clip.  rate: of the speech in Hz.
seed: of who says what and when.
"""


def load(corpus: Mapping[str, Any]) -> Recordings:
    """Builds what is missing below data_dir and reads it.

    A recording is one clip, `train_0007`, of the group `03+07+18` (its actors, who are in one part only: `PARTS`), with
    one step of its own name, the modality 'speech' and the target 'planted' in [-1, 1] (a tenth of `plan.target`).

    Raises:
      UserError: a setting, or the release, is not as it must be.
    """
    return inspect(corpus)[0]


def inspect(corpus: Mapping[str, Any]) -> tuple[Recordings, missing_values.MissingValues]:
    """`load`, and what was missing in the features: nothing ever, since bad speech is an error here."""
    builder = _builder(corpus)
    speech = "synthetic" if builder.info.metadata["synthetic_speech"] else "real"
    recordings = Recordings(
        corpus="ravdess_debates",
        variant=f"{'' if speech == 'synthetic' else 'semi-synthetic: '}{speech} speech, constructed target",
        synthetic=True,
        splits={part: [_recording(example) for example in build.read_examples(builder, part)] for part in SPLIT_ACTORS},
        draws={},
        folds={},
        fingerprint="",
    )
    return recordings._replace(fingerprint=compute_fingerprint(recordings)), missing_values.MissingValues(0, 0, "")


def planted(corpus: Mapping[str, Any]) -> dict[str, Planted]:
    """Clip -> what it holds and in which tenths, for explanations to be held against; the same `config.corpus` as
    `load`'s, and the same errors."""
    builder = _builder(corpus)
    return {
        example["id"].decode(): Planted(
            overlap=float(example["overlap"]),
            anger=float(example["anger"]),
            overlap_tenths=example["overlap_tenths"],
            anger_tenths=example["anger_tenths"],
        )
        for part in SPLIT_ACTORS
        for example in build.read_examples(builder, part)
    }


def planted_tenths(corpus: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Clip -> float32 [10], overlap and anger of each tenth added up."""
    return {name: held.overlap_tenths + held.anger_tenths for name, held in planted(corpus).items()}


def _builder(corpus: Mapping[str, Any]) -> tfds.core.GeneratorBasedBuilder:
    settings = build.resolve_settings(corpus, DEFAULTS)
    # Six seconds hold the longest utterance of the release with a pause; 1000 Hz is less than speech needs.
    for name, least in {**dict.fromkeys(SPLIT_ACTORS, 1), "seconds": 6, "rate": 1000, "seed": 0}.items():
        if settings[name] < least:
            raise UserError(f"config.corpus.{name} is {settings[name]}; set it to {least} or more")
    data_dir = Path(settings["data_dir"] or release_files.find_default_data_dir()).expanduser().resolve()
    folder = ravdess.source_folder(settings, data_dir)
    return build.build_once(
        RavdessDebates,
        config=name_config(settings),
        data_dir=data_dir,
        manual_dir=folder,
        source=release_files.sign_files(folder, (*SUFFIXES, ".json")),
    )


def _recording(example: dict[str, Any]) -> Recording:
    name = example["id"].decode()
    return Recording(
        id=name,
        group=example["actors"].decode(),
        steps=(name,),
        features={"speech": example["speech"]},
        targets={"planted": np.array([example["target"] / 10], np.float32)},
    )
