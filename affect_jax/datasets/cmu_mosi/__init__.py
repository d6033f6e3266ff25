"""CMU-MOSI: sentiment of utterances in English film reviews on video (public).

A trap: the text and video features were extracted by networks that saw the labels of the whole training part.
Cross-validated inside it, a linear model gets .98 (text) and .92 (video); on the test part .76 and .52. Audio is
clean. So a validation draw says little about text and video, and must not be trusted as a stopping rule for them.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from affect_jax.datasets import build, missing_values, release_files
from affect_jax.datasets.cmu_mosi import validation_draws
from affect_jax.datasets.cmu_mosi.builder import CmuMosi
from affect_jax.datasets.cmu_mosi.poria_release import LABELS_FILE
from affect_jax.datasets.cmu_mosi.synthetic import synthesize
from affect_jax.datasets.recordings import Recording, Recordings, check_choice, compute_fingerprint
from affect_jax.errors import UserError

__all__ = ["DEFAULTS", "inspect", "load", "synthesize"]

DEFAULTS: dict[str, Any] = {
    "name": "cmu_mosi",
    "manual_dir": "",
    "data_dir": "",
    "download": False,
    "labels": "binary",
    "nonfinite": "refuse",
    "validation": (),
    "synthetic": {
        "train_videos": 24,
        "test_videos": 12,
        "text": 100,
        "audio": 73,
        "video": 100,
        "seed": 0,
    },
}
"""config.corpus: what may be set, and what it is otherwise.

manual_dir: the release's folder; '' makes and uses the synthetic corpus that `synthetic` describes, or downloads.
data_dir: where built corpora go; '' is ~/.cache/affect_jax/corpora.
download: fetch the public files.  nonfinite: refuse, zero or mean.
labels: binary (0, 1), class7 (0..6 for -3..3) or sentiment (-3..3); the last two need mosi_labels.csv.
validation: ids of training videos, which become the draw 'given'.
"""


def load(corpus: Mapping[str, Any]) -> Recordings:
    """Builds what is missing below data_dir and reads it.

    A recording is one video, its own group, and a step one utterance, named `03bSnISJMiM_1`, in order of time; the only
    target is named as `labels` says. There is no validation part but `draws`: draw_0 ... draw_4, and 'given'.

    Raises:
      UserError: a setting, the release or the download is not as it must be.
    """
    return inspect(corpus)[0]


def inspect(corpus: Mapping[str, Any]) -> tuple[Recordings, missing_values.MissingValues]:
    """`load`, and what was missing in the features."""
    settings = build.resolve_settings(corpus, DEFAULTS)
    check_choice("labels", settings["labels"], ("binary", "class7", "sentiment"))
    check_choice("nonfinite", settings["nonfinite"], missing_values.POLICIES)
    builder = _builder(
        settings, Path(settings["data_dir"] or release_files.find_default_data_dir()).expanduser().resolve()
    )
    metadata = builder.info.metadata
    if settings["labels"] != "binary" and not metadata["scored"]:
        raise UserError(
            f"config.corpus.labels is {settings['labels']!r}, but the release has no {LABELS_FILE}; put it beside the"
            " other files, or set labels to 'binary'"
        )
    examples = {part: build.read_examples(builder, part) for part in ("train", "test")}
    row_of = {(part, e["id"].decode()): e["rows"].tolist() for part, found in examples.items() for e in found}

    def locate(recording: Recording, modality: str, step: int, column: int) -> str:
        part = "train" if ("train", recording.id) in row_of else "test"
        path = metadata["files"][f"{modality}/{modality}_{part}0.csv"]
        return f"{path} column {column + 1} row {row_of[part, recording.id][step]} ({recording.steps[step]})"

    splits = {part: [_recording(e, settings["labels"]) for e in found] for part, found in examples.items()}
    splits, gaps = missing_values.replace_missing_values(splits, settings["nonfinite"], locate)
    recordings = Recordings(
        corpus="cmu_mosi",
        variant="poria",
        synthetic=metadata["synthetic"],
        splits=splits,
        draws=_draws(splits, metadata["synthetic"], settings["validation"]),
        folds={},
        fingerprint="",
    )
    return recordings._replace(fingerprint=compute_fingerprint(recordings)), gaps


def _builder(settings: dict[str, Any], data_dir: Path) -> CmuMosi:
    if settings["download"]:
        if settings["manual_dir"]:
            raise UserError("config.corpus sets both manual_dir and download; keep one")
        registered = "".join(f"{url} {info.checksum}\n" for url, info in sorted(CmuMosi.url_infos.items()))
        source = hashlib.sha256(registered.encode()).hexdigest()
        return build.build_once(CmuMosi, config="poria_download", data_dir=data_dir, manual_dir=None, source=source)
    if settings["manual_dir"]:
        folder = release_files.find_release_folder(
            settings["manual_dir"], "transcripts.csv, text/, audio/, video/, ..."
        )
    else:
        folder = build.make_synthetic_folder(CmuMosi, settings["synthetic"], data_dir, synthesize)
    source = release_files.sign_files(folder, (".csv", ".json"))
    return build.build_once(CmuMosi, config="poria", data_dir=data_dir, manual_dir=folder, source=source)


def _recording(example: dict[str, Any], labels: str) -> Recording:
    name = example["id"].decode()
    return Recording(
        id=name,
        group=name,
        steps=tuple(f"{name}_{segment}" for segment in example["segments"].tolist()),
        features=example["features"],
        targets={labels: example[labels]},
    )


def _draws(
    splits: dict[str, list[Recording]], synthetic: bool, validation: tuple[str, ...]
) -> dict[str, tuple[str, ...]]:
    lengths = {recording.id: len(recording.steps) for recording in splits["train"]}
    if synthetic:
        # As large a share as 10 of 62; no number of utterances is asked for, which few videos may not add up to.
        share = max(1, round(len(lengths) * validation_draws.VIDEOS / 62))
        named = validation_draws.make_draws(lengths, videos=share, utterances=None)
    else:
        named = dict(validation_draws.DRAWS)
    if validation:
        named["given"] = validation_draws.check_given_videos(
            validation, list(lengths), [recording.id for recording in splits["test"]]
        )
    return named
