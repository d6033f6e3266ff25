"""SSPNet Conflict Corpus: 30-s clips of political debates on French television, each with one level of conflict, as
many listeners perceive it (on request from its owners).
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from affect_jax.datasets import build, missing_values, release_files
from affect_jax.datasets.recordings import Recording, Recordings, check_choice, compute_fingerprint
from affect_jax.datasets.sspnet_conflict import release
from affect_jax.datasets.sspnet_conflict.builder import CLIPPED, SspnetConflict, make_config
from affect_jax.datasets.sspnet_conflict.synthetic import PLANTED_FILE, synthesize
from affect_jax.errors import UserError

__all__ = ["DEFAULTS", "inspect", "load", "planted", "planted_tenths", "remarks", "synthesize"]

DEFAULTS: dict[str, Any] = {
    "name": "sspnet_conflict",
    "manual_dir": "",
    "data_dir": "",
    "rate": 8000,
    "partition": "",
    "clipped": "note",
    "synthetic": {
        "train": 48,
        "validation": 16,
        "test": 16,
        "seconds": 6,
        "seed": 0,
    },
}
"""config.corpus: what may be set, and what it is otherwise.

manual_dir: the release's folder; '' makes and uses the synthetic corpus that `synthetic` describes.
data_dir: where built corpora go; '' is ~/.cache/affect_jax/corpora.
rate: of the stored speech, in Hz.
partition: a csv with the columns Name and split; '' takes what lies in manual_dir: see `release`.
clipped: note or refuse clips with more than 1 % of their samples at full scale.
"""


def load(corpus: Mapping[str, Any]) -> Recordings:
    """Builds what is missing below data_dir and reads it.

    A recording is one clip, its group the debate (yy-mm-dd), and it has one step, named as the clip; the only modality
    is `speech`, the only target `conflict`: the level / 10, so in [-1, 1].

    Raises:
      UserError: a setting, or the release, is not as it must be.
    """
    return inspect(corpus)[0]


def inspect(corpus: Mapping[str, Any]) -> tuple[Recordings, missing_values.MissingValues]:
    """`load`, and what was missing in the features: nothing ever, since a sample that is not finite is an error."""
    builder = _builder(corpus)
    splits = {part: [_recording(e) for e in build.read_examples(builder, part)] for part in release.SPLITS}
    recordings = Recordings("sspnet_conflict", "speech", builder.info.metadata["synthetic"], splits, {}, {}, "")
    return recordings._replace(fingerprint=compute_fingerprint(recordings)), missing_values.MissingValues(0, 0, "")


def planted(corpus: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Clip -> the tenths of it, 0 to 9, in which a generated corpus has conflict: what an explanation should point at.

    Raises:
      UserError: as `load`; or the corpus was not generated.
    """
    folder = Path(_builder(corpus).info.metadata["folder"])
    path = folder / PLANTED_FILE
    if not path.is_file():
        raise UserError(f"{folder} has no {PLANTED_FILE}: only a synthetic corpus knows where its conflict is")
    return {name: tuple(map(int, tenths.split())) for name, tenths, *_ in release_files.read_rows(path)[1:]}


def planted_tenths(corpus: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Clip -> float32 [10], 1 in the tenths with planted conflict; {} for the release, which people recorded."""
    if not _builder(corpus).info.metadata["synthetic"]:
        return {}
    return {name: np.isin(np.arange(10), tenths).astype(np.float32) for name, tenths in planted(corpus).items()}


def remarks(corpus: Mapping[str, Any]) -> tuple[str, ...]:
    """What a person who prepares the corpus should know beside its numbers: how many clips are clipped.

    Raises:
      UserError: as `load`.
    """
    clipped = _builder(corpus).info.metadata["clipped"]
    return (_clipped(clipped),) if clipped else ()


def _builder(corpus: Mapping[str, Any]) -> SspnetConflict:
    settings = build.resolve_settings(corpus, DEFAULTS)
    check_choice("clipped", settings["clipped"], ("note", "refuse"))
    if settings["rate"] < 1000:
        raise UserError(f"config.corpus.rate is {settings['rate']} Hz; give the speech 1000 Hz or more, such as 8000")
    data_dir = Path(settings["data_dir"] or release_files.find_default_data_dir()).expanduser().resolve()
    if settings["manual_dir"]:
        folder = release_files.find_release_folder(
            settings["manual_dir"], f"{release.AUDIO_FOLDER}/, {release.LABELS_FILE}"
        )
    else:
        folder = build.make_synthetic_folder(SspnetConflict, settings["synthetic"], data_dir, synthesize)
    source = release_files.sign_files(folder, (".wav", ".WAV", ".csv", ".json"))
    partition = ""
    if settings["partition"]:
        path = Path(settings["partition"]).expanduser().resolve()
        if not path.is_file():
            raise UserError(
                f"config.corpus.partition {settings['partition']} is not a file; give a csv with the columns Name and"
                " split, or leave it out"
            )
        partition = str(path)
        source += hashlib.sha256(path.read_bytes()).hexdigest()
    builder = build.build_once(
        SspnetConflict,
        config=make_config(settings["rate"], partition),
        data_dir=data_dir,
        manual_dir=folder,
        source=source,
    )
    clipped = builder.info.metadata["clipped"]
    if clipped and settings["clipped"] == "refuse":
        raise UserError(f"{_clipped(clipped)}; leave them out, or set config.corpus.clipped to 'note'")
    return builder


def _clipped(clipped: Mapping[str, float]) -> str:
    path, share = next(iter(clipped.items()))
    return (
        f"{release.format_count(clipped, 'clip')} with more than {100 * CLIPPED:g} % of the samples at full scale, the first"
        f" is {path} ({100 * share:.1f} %)"
    )


def _recording(example: dict[str, Any]) -> Recording:
    name = example["id"].decode()
    return Recording(
        id=name,
        group=example["debate"].decode(),
        steps=(name,),
        features={"speech": example["speech"]},
        targets={"conflict": np.array([example["level"] / release.LARGEST], np.float32)},
    )
