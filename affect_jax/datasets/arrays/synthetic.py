"""A small corpus of sentiment with planted answers, in the layout that MMSA gives CMU-MOSI, CMU-MOSEI and CH-SIMS.

What is planted: a video has a mood, and the sentiment y of its utterances, -3 to 3, lies around it. Each step of `text`
shows y well, of `audio` half as well and of `vision` a little; every video has a voice and a face of its own, so that a
model must learn from other videos. Labels of single modalities (as CH-SIMS has them) are y with more or less noise.

What people meet in such files is in it: padding with zeros, lengths of audio and vision, -inf in audio (as COVAREP
gives it), utterances without any face, numbers of word pieces (`text_bert`) beside features.
"""

from pathlib import Path
from pickle import dump

import numpy as np

from affect_jax.datasets.arrays.settings import FORMS
from affect_jax.datasets.arrays.targets import POLARITIES
from affect_jax.datasets.recordings import check_choice
from affect_jax.datasets.release_files import write_marker
from affect_jax.datasets.whole_folder import make_whole_folder
from affect_jax.errors import UserError

VERSION = "1.0.0"
"""To be raised whenever the generator gives other values."""
FILES = {"pickle": "unaligned.pkl", "npz": "unaligned.npz", "h5": "unaligned.h5"}
_COLUMNS = {"text": 8, "audio": 5, "vision": 6}
_SHOWN = {"text": 1.0, "audio": 0.5, "vision": 0.3}  # of y, beside noise of 1
_OWN = 0.5  # a video's voice, face and words
_NEUTRAL = 0.4  # raters call less than this 0
_FACELESS = 9  # one of so many utterances has no face
_SHARES = {"train": 0.6, "valid": 0.2, "test": 0.2}  # of the videos


def synthesize(
    folder: Path, *, form: str = "pickle", videos: int = 30, clips: int = 6, steps: int = 12, seed: int = 0
) -> None:
    """Writes one file and a marker; `folder` appears only when everything is written.

    Args:
      folder: must not exist.
      form: pickle, npz or h5.
      videos: of all splits together.
      clips: utterances of a video.
      steps: steps to which an utterance is padded.
      seed: of all random numbers.

    Raises:
      UserError: an unknown form, sizes that leave a split empty, or the folder exists or cannot be written.
    """
    check_choice("synthetic.form", form, FORMS)
    if videos < 5 or clips < 2 or steps < 2:
        raise UserError(f"synthetic arrays have {videos} videos, {clips} clips and {steps} steps; give 5, 2, 2 or more")
    rng = np.random.default_rng(seed)
    mixing = {m: rng.normal(size=(2, width)) for m, width in _COLUMNS.items()}
    ends = np.rint(np.cumsum(list(_SHARES.values())) * videos).astype(int).tolist()
    content = {}
    for split, begin, end in zip(_SHARES, [0, *ends[:-1]], ends, strict=True):
        names = [f"video_{video:02d}$_${clip}" for video in range(begin, end) for clip in range(1, clips + 1)]
        content[split] = _make_split(rng, names, clips, steps, mixing)
    with make_whole_folder(Path(folder)) as place:
        _WRITERS[form](place / FILES[form], content)
        sizes = {split: len(fields["id"]) for split, fields in content.items()}
        write_marker(place, "arrays", dict(form=form, videos=videos, clips=clips, steps=steps, seed=seed), sizes)


def _make_split(
    rng: np.random.Generator, names: list[str], clips: int, steps: int, mixing: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The fields of a split under MMSA's names."""
    count = len(names)
    mood = np.repeat(rng.normal(size=count // clips), clips)
    y = np.clip(np.round(1.2 * (mood + 0.8 * rng.normal(size=count)), 1), -3, 3)
    y[np.abs(y) < _NEUTRAL] = 0
    lengths = {m: rng.integers(1 + steps // 3, steps + 1, size=count) for m in mixing}
    lengths["vision"][_FACELESS - 1 :: _FACELESS] = 0
    fields: dict[str, np.ndarray] = {"id": np.array(names), "raw_text": np.array([f"CLIP {n}" for n in range(count)])}
    for modality, weights in mixing.items():
        own = np.repeat(rng.normal(size=(count // clips, weights.shape[1])), clips, axis=0)
        shown = _SHOWN[modality] * y[:, None] * weights[:1] + _OWN * own
        values = shown[:, None, :] + rng.normal(size=(count, steps, weights.shape[1]))
        values[np.arange(steps)[None, :] >= lengths[modality][:, None]] = 0
        fields[modality] = values.astype(np.float32)
    fields["audio"][0, 0, 0] = -np.inf
    tokens = np.where(np.arange(steps)[None, :] < lengths["text"][:, None], 101, 0)
    fields["text_bert"] = np.stack([tokens, (tokens > 0).astype(int), np.zeros_like(tokens)], axis=1)
    fields |= {f"{m}_lengths": lengths[m] for m in ("audio", "vision")}
    fields["annotations"] = np.array([POLARITIES[k].title() for k in np.sign(y).astype(int) + 1])
    fields["classification_labels"] = np.sign(y) + 1
    fields["regression_labels"] = y.astype(np.float32)
    for letter, noise in (("T", 0.3), ("A", 0.6), ("V", 0.9)):
        rated = np.clip(y + noise * rng.normal(size=count), -3, 3)
        fields[f"regression_labels_{letter}"] = rated.astype(np.float32)
    return fields


def _write_pickle(path: Path, content: dict[str, dict[str, np.ndarray]]) -> None:
    with path.open("wb") as file:
        dump({split: {k: _to_list(k, x) for k, x in fields.items()} for split, fields in content.items()}, file, 4)


def _to_list(name: str, values: np.ndarray) -> np.ndarray | list:
    return values.tolist() if name in ("id", "annotations", "audio_lengths", "vision_lengths") else values


def _write_npz(path: Path, content: dict[str, dict[str, np.ndarray]]) -> None:
    np.savez(path, **{f"{split}/{name}": x for split, fields in content.items() for name, x in fields.items()})


def _write_h5(path: Path, content: dict[str, dict[str, np.ndarray]]) -> None:
    import h5py  # takes .2 s, which only those who write such files should wait for

    with h5py.File(path, "w") as file:
        for split, fields in content.items():
            for name, values in fields.items():
                file[f"{split}/{name}"] = values.astype(h5py.string_dtype()) if values.dtype.kind == "U" else values


_WRITERS = {"pickle": _write_pickle, "npz": _write_npz, "h5": _write_h5}
