"""Reads RECOLA as its own release ships it: one file per participant.

    RECOLA-Annotation/emotional_behaviour/{arousal,valence}/P16.csv      time;FM1 ;FM2 ;FM3 ;FF1 ;FF2 ;FF3
    RECOLA-Annotation/emotional_behaviour/gold_standard/{arousal,valence}/P16.csv    optional: time,gold standard
    RECOLA-Audio-features/P16.arff
    RECOLA-Video-features/P16.arff
    partition.csv                                                        yours: participant,part

Nobody here has seen the release. Public code that reads it tells us: the folder and file names; the semicolons and the
six annotators' columns (with their trailing blanks) on 7,501 rows of 40 ms; 130 audio columns beside a first one, on
the 7,499 frames from .04 s to 299.96 s, in arff; and that a gold folder with comma-separated files exists somewhere. We
assume: the name of the time column (one of `time`, `frametime`, ...), that video files look like audio files, that
frames are on the same 40-ms grid, and that files of one kind have the same frames. All of this is checked while
reading; nothing is taken by position. The modalities are `audio` and `video`, not AVEC's three, so AVEC's configs do
not run on this form.

The release does not say who is in which split (AVEC's train_1 to test_9 are other names of these people), so the user
does: `partition.csv` has the header `participant,part` and the values train, validation (or dev) and test.
"""

from pathlib import Path

import numpy as np

from affect_jax.datasets.recola import arff_files, rating_files
from affect_jax.datasets.recola.avec_release import (
    SPLIT_PREFIXES,
    RawRecording,
    number_frames,
    split_time,
)
from affect_jax.datasets.release_files import (
    convert_to_float32,
    quote_values,
    read_rows,
    require_file,
)
from affect_jax.errors import UserError

MODALITIES = {"audio": "RECOLA-Audio-features", "video": "RECOLA-Video-features"}
_BEHAVIOUR = Path("RECOLA-Annotation") / "emotional_behaviour"
_MAX_LOST = 25  # frames: modalities and annotation may differ by a second at either end, not more


def read_partition(folder: Path) -> dict[str, list[str]]:
    """Reads split -> participants, in the order of partition.csv.

    Raises:
      UserError: there is no partition.csv, it has another header, an unknown split, a participant twice, or nobody to
        train on.
    """
    path = folder / "partition.csv"
    if not path.is_file():
        raise UserError(
            f"{path} is missing: RECOLA's own release has no partition; write one with the header 'participant,part'"
            " and rows such as 'P16,train' (parts: train, validation, test)"
        )
    rows = [[field.strip() for field in row] for row in read_rows(path, columns=2)]
    if rows[0] != ["participant", "part"]:
        raise UserError(
            f"{path} starts with {quote_values(','.join(rows[0]))}, expected 'participant,part'; correct it"
        )
    names = {**{split: split for split in SPLIT_PREFIXES}, "dev": "validation"}
    splits: dict[str, list[str]] = {split: [] for split in SPLIT_PREFIXES}
    for number, (participant, name) in enumerate(rows[1:], start=2):
        if name not in names:
            raise UserError(
                f"{path} row {number} has part {quote_values(name)}, expected train, validation or test; correct it"
            )
        if any(participant in people for people in splits.values()):
            raise UserError(f"{path} row {number} names {participant[:60]} a second time; keep one of the rows")
        splits[names[name]].append(participant)
    if not splits["train"]:
        raise UserError(f"{path} puts nobody into train; add rows such as 'P16,train'")
    return {split: people for split, people in splits.items() if people}


def read_recording(folder: Path, target: str, split: str, name: str, *, raters: bool = False) -> RawRecording:
    """Reads one participant, and cuts modalities and gold standard to the frames that all of them have.

    With `raters`, their disagreement is one of the modalities; where nobody has rated a test recording, it is 0.

    Raises:
      UserError: as `avec.read_recording`; or the files share too few frames.
    """
    values, columns, files, numbers = {}, {}, {}, {}
    for modality, folder_name in MODALITIES.items():
        path = folder / folder_name / f"{name}.arff"
        table = arff_files.read_arff(require_file(path, f"{modality} features of participant {name}"))
        times, values[modality], columns[modality] = split_time(table)
        numbers[modality], files[modality] = number_frames(times, path, table.lines), path
        if not len(times) or not columns[modality]:
            raise UserError(f"{path} has no rows or no feature columns; copy it again")
    gold = _read_gold(folder, target, name, required=split != "test")
    if gold is not None:
        values["target"], numbers["target"] = gold[1][:, None], gold[0]
    has_ratings = (folder / _BEHAVIOUR / target / f"{name}.csv").is_file()
    if raters and (has_ratings or split != "test"):
        numbers[rating_files.MODALITY], values[rating_files.MODALITY] = _read_raters(folder, target, name)
    first = max(n[0] for n in numbers.values())
    last = min(n[-1] for n in numbers.values())
    lost = max(max(first - n[0], n[-1] - last) for n in numbers.values())
    if lost > _MAX_LOST:
        spans = ", ".join(f"{k} {n[0] * 0.04:g}-{n[-1] * 0.04:g} s" for k, n in numbers.items())
        raise UserError(f"the files of participant {name} cover different times ({spans}); copy the short one again")
    cut = {k: convert_to_float32(v[first - numbers[k][0] : last - numbers[k][0] + 1]) for k, v in values.items()}
    if raters:
        frames = np.zeros((last - first + 1, 1), np.float32)
        cut, columns[rating_files.MODALITY] = {rating_files.MODALITY: frames, **cut}, ("deviation",)
        files[rating_files.MODALITY] = folder / _BEHAVIOUR / target / f"{name}.csv"
    label = cut.pop("target")[:, 0] if gold is not None else None
    spans = {kind: (int(n[0]), int(n[-1])) for kind, n in numbers.items()}
    return RawRecording(name, cut, columns, files, label, start=int(first), spans=spans)


def _read_gold(folder: Path, target: str, name: str, *, required: bool) -> tuple[np.ndarray, np.ndarray] | None:
    """Reads frame numbers and the shipped gold standard, or else the mean over the annotators."""
    gold_file = folder / _BEHAVIOUR / "gold_standard" / target / f"{name}.csv"
    rating_file = folder / _BEHAVIOUR / target / f"{name}.csv"
    if gold_file.is_file():
        times, ratings, names = rating_files.read_ratings(gold_file)
        if len(names) != 1:
            raise UserError(
                f"{gold_file} has {len(names)} value columns, expected one, the gold standard; copy it again"
            )
        path = gold_file
    elif rating_file.is_file() or required:
        times, ratings, _ = rating_files.read_ratings(
            require_file(rating_file, f"{target} annotation of participant {name}")
        )
        path = rating_file
    else:
        return None
    return number_frames(times, path, np.arange(2, len(times) + 2)), ratings.mean(axis=1)


def _read_raters(folder: Path, target: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Reads frame numbers and what `disagreement` is there, [T, 1]."""
    path = folder / _BEHAVIOUR / target / f"{name}.csv"
    times, ratings, _ = rating_files.read_ratings(require_file(path, f"{target} ratings of participant {name}"))
    return number_frames(times, path, np.arange(2, len(times) + 2)), rating_files.compute_disagreement(ratings, path)
