"""A small corpus in the layout of Poria et al.'s files with planted answers, read by the same reader as the release.

What is planted: a video has a mood, and the affect y of its utterances wanders around it (first-order autoregression),
so neighbours help. The sentiment is y as raters see it, limited to -3..3: it contains an opinion about the whole video
and about the utterance that no feature shows. Label 1 is sentiment >= 0, and class7 is its rounding. Four nuisance
factors z (topic, loudness, light, ...) wander like y. All modalities show y and z, x = tanh(W (y, z)) + private +
noise:

- **text** is the stronger modality: much y, few private factors, and all of z;
- **audio** and **video** are weaker: less y, and strong private factors that are constant in a video (voice, face). In
  a few dozen videos these correlate with the labels by chance, and a model that learns from labels alone mistakes a
  voice for a sentiment. Audio and video share only (y, z) with text: learning to predict text, or to correlate with it,
  reveals the directions in which y lies. So co-learning helps; the tests show it by a linear version in two steps.

Unlike the text and video features of the release, these features were made without the labels of the training split, so
a validation draw is an honest estimate here. The files keep the traps of the release: rows sorted by label and then as
text, ids with `_` and `-`.
"""

import csv
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from affect_jax.datasets.cmu_mosi.classes import round_half_away
from affect_jax.datasets.cmu_mosi.poria_release import LABELS_FILE, MODALITIES, SPLITS
from affect_jax.datasets.cmu_mosi.synthetic_raw import synthesize_raw
from affect_jax.datasets.release_files import write_marker
from affect_jax.datasets.whole_folder import make_whole_folder
from affect_jax.errors import UserError

_NUISANCES, _PRIVATE = 4, 16
_MEMORY = 0.7  # correlation of neighbouring utterances around the mood of the video
_RATER, _RATING = 0.5, 0.3  # standard deviation of raters' opinions of a video and of an utterance; of affect it is 1
_SHORTEST, _LONGEST = 9, 40  # utterances of a video; the release has 9 to 63
# modality -> weight of y, of z, of the private factors, of white noise
_WEIGHTS = {"text": (1.2, 1.0, 0.3, 1.0), "audio": (0.8, 1.0, 2.0, 1.0), "video": (0.8, 1.0, 3.0, 1.0)}


def synthesize(
    folder: Path,
    *,
    train_videos: int = 24,
    test_videos: int = 12,
    text: int = 100,
    audio: int = 73,
    video: int = 100,
    seed: int = 0,
    form: str = "poria",
) -> None:
    """Writes the corpus; `folder` appears only when everything is written.

    Args:
      folder: must not exist.
      train_videos: videos of the training split.
      test_videos: videos of the test split.
      text: feature columns.
      audio: feature columns.
      video: feature columns.
      seed: of all random numbers.
      form: 'poria' (features) or 'raw' (films, sound and words, see `synthetic_raw`).

    Raises:
      UserError: a size below 1 (train_videos: 2), or the folder exists or cannot be written.
    """
    if form == "raw":
        synthesize_raw(folder, train_videos=train_videos, test_videos=test_videos, seed=seed)
        return
    columns = {"text": text, "audio": audio, "video": video}
    if min(train_videos - 1, test_videos, *columns.values()) < 1:
        raise UserError(
            "config.corpus.synthetic has a size that is too small; give at least 1, and at least 2 training videos"
        )
    rng = np.random.default_rng(seed)
    mixing = {m: rng.normal(size=(1 + _NUISANCES + _PRIVATE, width)) for m, width in columns.items()}
    counts = {"train": train_videos, "test": test_videos}
    split_of = [split for split in SPLITS for _ in range(counts[split])]
    utterances = [u for number, split in enumerate(split_of, 1) for u in _make_video(rng, seed, split, number, mixing)]
    utterances.sort(key=lambda u: u["id"])  # as text, like the release
    parameters = {"train_videos": train_videos, "test_videos": test_videos, **columns, "seed": seed}
    with make_whole_folder(Path(folder)) as place:
        sizes = write_release(place, utterances, counts, columns)
        write_marker(place, "cmu_mosi", parameters, sizes)


def _make_video(
    rng: np.random.Generator, seed: int, split: str, number: int, mixing: dict[str, np.ndarray]
) -> list[dict]:
    """The utterances of one video: id, split, number of the video, sentiment, and the features of each modality."""
    # Eleven characters, as a video's id has, with the two that break careless splitting.
    name = hashlib.sha256(f"{seed}/{number}".encode()).hexdigest()[:8] + "_-" + split[1]
    length = int(rng.integers(_SHORTEST, _LONGEST + 1))
    mood = rng.normal(size=1 + _NUISANCES) * 0.7
    code = mood[None, :] + _make_random_walk(rng, length, 1 + _NUISANCES)
    rated = code[:, 0] + _RATER * rng.normal() + _RATING * rng.normal(size=length)
    sentiment = np.round(np.clip(1.2 * rated, -3, 3), 2) + 0.0  # turns -0.0 into 0.0
    features = {}
    for modality, weights in mixing.items():
        affect, nuisance, private, noise = _WEIGHTS[modality]
        shared = np.concatenate([affect * code[:, :1], nuisance * code[:, 1:]], axis=1)
        own = rng.normal(size=(1, _PRIVATE))
        values = np.tanh(shared @ weights[: 1 + _NUISANCES] / np.sqrt(1 + _NUISANCES))
        values = values + private * own @ weights[1 + _NUISANCES :] / np.sqrt(_PRIVATE)
        features[modality] = np.round(values + noise * rng.normal(size=values.shape), 4)
    return [
        {
            "id": f"{name}_{t + 1}",
            "split": split,
            "number": str(number),
            "label": int(sentiment[t] >= 0),
            "sentiment": float(sentiment[t]),
            "words": f"UTTERANCE {t + 1} OF {length}",
            **{modality: values[t].tolist() for modality, values in features.items()},
        }
        for t in range(length)
    ]


def _make_random_walk(rng: np.random.Generator, length: int, count: int) -> np.ndarray:
    """[length, count] stationary first-order autoregressions of unit variance."""
    steps = rng.normal(size=(length, count))
    walk = np.empty_like(steps)
    walk[0] = steps[0]
    for t in range(1, length):
        walk[t] = _MEMORY * walk[t - 1] + np.sqrt(1 - _MEMORY**2) * steps[t]
    return walk


def write_release(place: Path, utterances: list[dict], counts: dict[str, int], columns: dict[str, int]) -> dict:
    """Writes the files of a release; returns its sizes, for the marker.

    Args:
      place: an empty folder.
      utterances: in the order of their ids, each with id, split, number (of its video), label, sentiment, words, and a
        list of numbers for each modality.
      counts: split -> videos.
      columns: modality -> how many numbers.
    """
    _write_csv(place / "transcripts.csv", ([u["id"], u["words"], u["number"], u["label"]] for u in utterances))
    sizes: dict = {"videos": counts, "utterances": {}, "positive": {}, "columns": columns}
    for split in SPLITS:
        members = [(i, u) for i, u in enumerate(utterances) if u["split"] == split]
        members.sort(
            key=lambda item: -item[1]["label"]
        )  # label 1 first, then the order of transcripts.csv: sort is stable
        for m in MODALITIES:
            _write_csv(place / m / f"{m}_{split}0.csv", ([*u[m], u["label"]] for _, u in members))
        _write_csv(place / f"text_{split}.csv", ([i, *u["text"]] for i, u in members))
        sizes["utterances"][split] = len(members)
        sizes["positive"][split] = sum(u["label"] for _, u in members)
    scores = [[u["id"], u["label"], u["sentiment"], int(round_half_away(u["sentiment"]))] for u in utterances]
    _write_csv(place / LABELS_FILE, [["utt_id", "poria_binary", "sentiment", "class7"], *scores])
    return sizes


def _write_csv(path: Path, rows: Iterable[Sequence]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
