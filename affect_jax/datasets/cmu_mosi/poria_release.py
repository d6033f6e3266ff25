"""Reads CMU-MOSI in the form of Poria et al. (ACL 2017): one row of features per utterance, in csv without header.

    {text,audio,video}/<m>_{train,test}0.csv    D features and the label 0/1
    text_{train,test}.csv                       the row's number in transcripts.csv (from 0) and the text features again
    transcripts.csv                             utterance id, words, number of the video, label
    mosi_labels.csv                             (beside the release) sentiment -3..3 and its 7 classes, by utterance id

The files are in a folder `data` of the public repository SenticNet/contextual-sentiment-analysis; users may give that
folder or its parent. The rows are not in order of time: those of label 1 come first, then those of label 0, and both
follow transcripts.csv, which is sorted as *text* (`_1`, `_10`, `_2`). The three modalities share one order of rows,
which only text_{train,test}.csv tells. Here rows become videos, with their utterances in order of their numbers. Ids
contain `_` and `-` themselves, so they are split at the last `_`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.datasets.release_files import convert_to_float32, parse_floats, quote_values, read_rows, require_file
from affect_jax.errors import UserError

MODALITIES = ("text", "audio", "video")
SPLITS = ("train", "test")
FILES = (
    "transcripts.csv",
    *(f"text_{split}.csv" for split in SPLITS),
    *(f"{m}/{m}_{split}0.csv" for m in MODALITIES for split in SPLITS),
)
LABELS_FILE = "mosi_labels.csv"


class Sizes(NamedTuple):
    """What a release must hold: videos, utterances and utterances of label 1 by split; columns by modality."""

    videos: dict[str, int]
    utterances: dict[str, int]
    positive: dict[str, int]
    columns: dict[str, int]


RELEASE = Sizes(
    videos={"train": 62, "test": 31},
    utterances={"train": 1447, "test": 752},
    positive={"train": 709, "test": 467},
    columns={"text": 100, "audio": 73, "video": 100},
)


class Video(NamedTuple):
    """One video of T utterances in order of time.

    Attributes:
      id: the video.
      segments: int32 [T], utterance numbers, increasing.
      words: T transcripts.
      rows: int32 [T], the row of the feature files that each utterance is on, from 1.
      features: modality -> float32 [T, D].
      binary: float32 [T], 0 (negative) or 1.
      sentiment: float32 [T] in -3..3, NaN without mosi_labels.csv.
      class7: float32 [T], 0..6 for the classes -3..3, NaN without mosi_labels.csv.
    """

    id: str
    segments: np.ndarray
    words: tuple[str, ...]
    rows: np.ndarray
    features: dict[str, np.ndarray]
    binary: np.ndarray
    sentiment: np.ndarray
    class7: np.ndarray


class _Utterance(NamedTuple):
    id: str
    video: str
    segment: int
    words: str
    label: int


def find_files(folder: Path) -> dict[str, Path]:
    """Finds the files of the release by their names in `FILES`, and mosi_labels.csv if it exists.

    Raises:
      UserError: one is missing.
    """
    root = folder / "data" if not (folder / FILES[0]).is_file() and (folder / "data" / FILES[0]).is_file() else folder
    files = {name: require_file(root / name, "a file of CMU-MOSI in Poria's form") for name in FILES}
    for place in (root, folder):
        if (place / LABELS_FILE).is_file():
            files[LABELS_FILE] = place / LABELS_FILE
    return files


def read_release(files: Mapping[str, Path], sizes: Sizes) -> dict[str, list[Video]]:
    """Reads a release.

    Args:
      files: name in `FILES` -> path, see `find_files`.
      sizes: what the release must hold.

    Returns:
      Split -> videos, in the order of transcripts.csv.

    Raises:
      UserError: a file is damaged; modalities, index and transcripts disagree on a row's label or the number of rows; a
        video is in both splits; or the counts differ from `sizes`.
    """
    utterances = _read_transcripts(files["transcripts.csv"])
    scores = _read_scores(files[LABELS_FILE], utterances) if LABELS_FILE in files else {}
    splits: dict[str, list[Video]] = {}
    seen: dict[int, str] = {}
    for split in SPLITS:
        path = files[f"text_{split}.csv"]
        index, repeated_text = _read_index(path, len(utterances), sizes.columns["text"])
        for row, number in enumerate(index, start=1):
            if number in seen:
                raise UserError(
                    f"{path} row {row} names entry {number} of transcripts.csv, which {seen[number]} has too"
                )
            seen[number] = f"{path} row {row}"
        members = [utterances[number] for number in index]
        features = {}
        for modality in MODALITIES:
            feature_file = files[f"{modality}/{modality}_{split}0.csv"]
            features[modality], labels = _read_features(feature_file, sizes.columns[modality], len(index), path)
            _check_labels(labels, members, feature_file)
        # The index file repeats the text features, which proves that its rows are in the order of the modalities.
        different = np.flatnonzero((np.abs(features["text"] - repeated_text) > 1e-6).any(axis=1))
        if different.size:
            raise UserError(
                f"{path} row {different[0] + 1} has other text features than text/text_{split}0.csv; copy both again"
            )
        splits[split] = _make_videos(members, index, features, scores)
        _check_counts(splits[split], split, sizes, files["transcripts.csv"].parent)
    shared = {v.id for v in splits["train"]} & {v.id for v in splits["test"]}
    if shared:
        raise UserError(
            f"video {min(shared)} is in both train and test of {files['transcripts.csv'].parent}; copy it again"
        )
    return splits


def _check_labels(labels: np.ndarray, utterances: list["_Utterance"], path: Path) -> None:
    expected = np.array([utterance.label for utterance in utterances])
    wrong = np.flatnonzero(labels != expected)
    if wrong.size:
        row = int(wrong[0])
        raise UserError(
            f"{path} row {row + 1} has label {labels[row]:g}, but transcripts.csv has {expected[row]} for"
            f" {utterances[row].id}; the rows are not in the same order: copy the files again"
        )


def split_id(utterance: str) -> tuple[str, int]:
    """Splits '03bSnISJMiM_10' into ('03bSnISJMiM', 10); ValueError where no number follows the last `_`."""
    video, separator, segment = utterance.rpartition("_")
    if not separator or not video or not segment.isdecimal():
        raise ValueError(f"{utterance!r} is not VIDEO_NUMBER")
    return video, int(segment)


def _read_transcripts(path: Path) -> list[_Utterance]:
    utterances, ids, numbers = [], set(), {}
    for row, (name, words, number, label) in enumerate(read_rows(path, columns=4), start=1):
        try:
            video, segment = split_id(name)
            np.int32(segment)
        except (ValueError, OverflowError):
            raise UserError(
                f"{path} row {row} has utterance id {quote_values(name)}, expected VIDEO_NUMBER; copy it again"
            ) from None
        if label not in ("0", "1") or name in ids or numbers.setdefault(video, number) != number:
            raise UserError(
                f"{path} row {row} ({name}, video {number[:60]}, label {label[:60]}): expected a new utterance,"
                " its video's number, and label 0 or 1; copy it again"
            )
        if utterances and name < utterances[-1].id:
            raise UserError(
                f"{path} row {row} ({name}) comes after {utterances[-1].id}, expected ids in the order of text, which"
                " the other files rely on; copy it again"
            )
        ids.add(name)
        utterances.append(_Utterance(name, video, segment, words, int(label)))
    return utterances


def _read_index(path: Path, count: int, columns: int) -> tuple[list[int], np.ndarray]:
    """Reads which entry of transcripts.csv each row of a split is, and the text features beside that number."""
    rows = read_rows(path, columns=1 + columns)
    numbers = []
    for row, fields in enumerate(rows, start=1):
        if not fields[0].isdecimal() or len(fields[0]) > 9 or int(fields[0]) >= count:
            raise UserError(
                f"{path} row {row} starts with {quote_values(fields[0])}, expected an entry of transcripts.csv, 0 to"
                f" {count - 1}; copy it again"
            )
        numbers.append(int(fields[0]))
    return numbers, parse_floats([fields[1:] for fields in rows], path, first_column=2)


def _read_features(path: Path, columns: int, count: int, index: Path) -> tuple[np.ndarray, np.ndarray]:
    rows = read_rows(path, columns=columns + 1)
    if len(rows) != count:
        raise UserError(
            f"{path} has {len(rows)} rows, but {index.name} has {count}; one of them is cut short: copy both again"
        )
    values = parse_floats(rows, path)
    return convert_to_float32(values[:, :-1]), values[:, -1]


def _read_scores(path: Path, utterances: list[_Utterance]) -> dict[str, tuple[float, float]]:
    """Reads utterance id -> (sentiment, class 0..6), and checks that it agrees with every binary label."""
    rows = read_rows(path)
    needed = ("utt_id", "poria_binary", "sentiment", "class7")
    missing = [name for name in needed if name not in rows[0]]
    if missing:
        raise UserError(f"{path} has no column {missing[0]!r}; its columns are {', '.join(rows[0])[:200]}; add it")
    columns = [rows[0].index(name) for name in needed]
    numbers = parse_floats([[row[i] for i in columns[1:]] for row in rows[1:]], path, first_row=2)
    scores = {}
    for row, (fields, (label, sentiment, class7)) in enumerate(zip(rows[1:], numbers.tolist(), strict=True), start=2):
        if not (-3 <= sentiment <= 3 and class7 in range(-3, 4) and label == (sentiment >= 0)):
            raise UserError(
                f"{path} row {row} has sentiment {sentiment:g}, class {class7:g} and label {label:g}, expected -3 to 3,"
                " a whole class -3 to 3, and label 1 where the sentiment is 0 or more; correct it"
            )
        scores[fields[columns[0]]] = (label, sentiment, class7 + 3)
    for utterance in utterances:
        if utterance.id not in scores or scores[utterance.id][0] != utterance.label:
            raise UserError(
                f"{path} lacks utterance {utterance.id}, or disagrees with transcripts.csv on its label; correct it"
            )
    return {name: (sentiment, class7) for name, (_, sentiment, class7) in scores.items()}


def _make_videos(
    utterances: list[_Utterance],
    index: list[int],
    features: dict[str, np.ndarray],
    scores: dict[str, tuple[float, float]],
) -> list[Video]:
    rows_of: dict[str, list[int]] = {}
    for row in np.argsort(index):  # videos come in the order of transcripts.csv
        rows_of.setdefault(utterances[row].video, []).append(int(row))
    videos = []
    for video, rows in rows_of.items():
        rows = sorted(rows, key=lambda row: utterances[row].segment)
        score = np.array([scores.get(utterances[row].id, (np.nan, np.nan)) for row in rows], np.float32)
        videos.append(
            Video(
                id=video,
                segments=np.array([utterances[row].segment for row in rows], np.int32),
                words=tuple(utterances[row].words for row in rows),
                rows=np.array(rows, np.int32) + 1,
                features={modality: values[rows] for modality, values in features.items()},
                binary=np.array([utterances[row].label for row in rows], np.float32),
                sentiment=score[:, 0],
                class7=score[:, 1],
            )
        )
    return videos


def _check_counts(videos: list[Video], split: str, sizes: Sizes, folder: Path) -> None:
    counts = (len(videos), sum(len(v.binary) for v in videos), int(sum(v.binary.sum() for v in videos)))
    expected = (sizes.videos[split], sizes.utterances[split], sizes.positive[split])
    if counts != expected:
        raise UserError(
            f"the {split} split in {folder} has {counts[0]} videos, {counts[1]} utterances and {counts[2]} of label 1,"
            f" expected {expected[0]}, {expected[1]} and {expected[2]}; copy the release again"
        )
