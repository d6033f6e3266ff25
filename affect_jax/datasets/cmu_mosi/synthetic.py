"""A small corpus in the layout of Poria et al.'s files with planted answers, read by the same reader as the release.

What is planted. A video has a mood, and the affect y of its utterances wanders around it (first-order autoregression):
neighbours help. The sentiment is y as raters see it, with an opinion of the whole video and of the utterance that no
feature knows of, cut to -3..3; label 1 is sentiment >= 0; class7 is its rounding. Four nuisance factors z (topic,
loudness, light, ...) wander like y, and both are in every modality, x = tanh(W (y, z)) + private + noise:

- **text** is the stronger modality: much y, few private factors, and all of z;
- **audio** and **video** are weaker: less y, and strong private factors that are constant in a video (voice, face). In
  a few dozen videos these correlate with the labels by chance, and a model that learns from labels alone takes a voice
  for a sentiment. What they share with text is (y, z) alone: learning to predict, or to correlate with, text finds the
  directions in which y lies. So co-learning helps; a linear two-step version of it shows it in the tests.

Unlike the release's text and video features, these were made without looking at labels in the training part: a
validation draw here is an honest estimate. The files keep the release's traps: rows sorted by label and then as text,
ids with `_` and `-`.
"""

import csv
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from affect_jax.datasets.cmu_mosi.poria_release import LABELS_FILE, MODALITIES, SPLITS
from affect_jax.datasets.release_files import write_marker
from affect_jax.datasets.whole_folder import make_whole_folder
from affect_jax.errors import UserError

_NUISANCES, _PRIVATE = 4, 16
_MEMORY = 0.7  # correlation of neighbouring utterances around the video's mood
_RATER, _RATING = 0.5, 0.3  # spread of the raters' opinion of a video and of an utterance, against unit affect
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
) -> None:
    """Writes the corpus; `folder` must not exist and is there only when everything is written.

    Args:
      folder: where.
      train_videos: videos of the training part.
      test_videos: videos of the test part.
      text: feature columns.
      audio: feature columns.
      video: feature columns.
      seed: of all that is random.

    Raises:
      UserError: a size below 1 (train_videos: 2), or the folder exists or cannot be written.
    """
    columns = {"text": text, "audio": audio, "video": video}
    if min(train_videos - 1, test_videos, *columns.values()) < 1:
        raise UserError("config.corpus.synthetic needs sizes of at least 1, and at least 2 training videos")
    rng = np.random.default_rng(seed)
    mixing = {m: rng.normal(size=(1 + _NUISANCES + _PRIVATE, width)) for m, width in columns.items()}
    counts = {"train": train_videos, "test": test_videos}
    part_of = [part for part in SPLITS for _ in range(counts[part])]
    utterances = [u for number, part in enumerate(part_of, 1) for u in _make_video(rng, seed, part, number, mixing)]
    utterances.sort(key=lambda u: u["id"])  # as text, like the release
    parameters = {"train_videos": train_videos, "test_videos": test_videos, **columns, "seed": seed}
    with make_whole_folder(Path(folder)) as place:
        sizes = _write_release(place, utterances, counts, columns)
        write_marker(place, "cmu_mosi", parameters, sizes)


def _make_video(
    rng: np.random.Generator, seed: int, part: str, number: int, mixing: dict[str, np.ndarray]
) -> list[dict]:
    """One video's utterances: id, part, number of the video, sentiment, and the features of each modality."""
    # Eleven characters like a video's id, with the two that break careless splitting.
    name = hashlib.sha256(f"{seed}/{number}".encode()).hexdigest()[:8] + "_-" + part[1]
    length = int(rng.integers(_SHORTEST, _LONGEST + 1))
    mood = rng.normal(size=1 + _NUISANCES) * 0.7
    code = mood[None, :] + _make_random_walk(rng, length, 1 + _NUISANCES)
    rated = code[:, 0] + _RATER * rng.normal() + _RATING * rng.normal(size=length)
    sentiment = np.round(np.clip(1.2 * rated, -3, 3), 2) + 0.0  # no negative zero
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
            "part": part,
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


def _write_release(place: Path, utterances: list[dict], counts: dict[str, int], columns: dict[str, int]) -> dict:
    _write_csv(place / "transcripts.csv", ([u["id"], u["words"], u["number"], u["label"]] for u in utterances))
    sizes: dict = {"videos": counts, "utterances": {}, "positive": {}, "columns": columns}
    for part in SPLITS:
        mine = [(i, u) for i, u in enumerate(utterances) if u["part"] == part]
        mine.sort(
            key=lambda item: -item[1]["label"]
        )  # label 1 first, then the order of transcripts.csv: sort is stable
        for m in MODALITIES:
            _write_csv(place / m / f"{m}_{part}0.csv", ([*u[m], u["label"]] for _, u in mine))
        _write_csv(place / f"text_{part}.csv", ([i, *u["text"]] for i, u in mine))
        sizes["utterances"][part] = len(mine)
        sizes["positive"][part] = sum(u["label"] for _, u in mine)
    scores = [[u["id"], u["label"], u["sentiment"], _round_to_class(u["sentiment"])] for u in utterances]
    _write_csv(place / LABELS_FILE, [["utt_id", "poria_binary", "sentiment", "class7"], *scores])
    return sizes


def _round_to_class(sentiment: float) -> int:
    """To the nearest class, halves away from zero, as in mosi_labels.csv."""
    return int(np.sign(sentiment) * np.floor(abs(sentiment) + 0.5))


def _write_csv(path: Path, rows: Iterable[Sequence]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
