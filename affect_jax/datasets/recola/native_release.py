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

from affect_jax.datasets.column_roles import TIME_COLUMNS
from affect_jax.datasets.recola import arff_files
from affect_jax.datasets.recola.avec_release import (
    SPLIT_PREFIXES,
    RawRecording,
    number_frames,
    split_time,
)
from affect_jax.datasets.release_files import (
    convert_to_float32,
    parse_floats,
    quote_values,
    read_rows,
    read_text,
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


def read_recording(folder: Path, target: str, split: str, name: str) -> RawRecording:
    """Reads one participant, and cuts modalities and gold standard to the frames that all of them have.

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
    first = max(n[0] for n in numbers.values())
    last = min(n[-1] for n in numbers.values())
    lost = max(max(first - n[0], n[-1] - last) for n in numbers.values())
    if lost > _MAX_LOST:
        spans = ", ".join(f"{k} {n[0] * 0.04:g}-{n[-1] * 0.04:g} s" for k, n in numbers.items())
        raise UserError(f"the files of participant {name} cover different times ({spans}); copy the short one again")
    cut = {k: convert_to_float32(v[first - numbers[k][0] : last - numbers[k][0] + 1]) for k, v in values.items()}
    label = cut.pop("target")[:, 0] if gold is not None else None
    spans = {kind: (int(n[0]), int(n[-1])) for kind, n in numbers.items()}
    return RawRecording(name, cut, columns, files, label, start=int(first), spans=spans)


def _read_gold(folder: Path, target: str, name: str, *, required: bool) -> tuple[np.ndarray, np.ndarray] | None:
    """Reads frame numbers and the shipped gold standard, or else the mean over the annotators."""
    gold_file = folder / _BEHAVIOUR / "gold_standard" / target / f"{name}.csv"
    rating_file = folder / _BEHAVIOUR / target / f"{name}.csv"
    if gold_file.is_file():
        times, ratings, names = _read_ratings(gold_file)
        if len(names) != 1:
            raise UserError(
                f"{gold_file} has {len(names)} value columns, expected one, the gold standard; copy it again"
            )
        path = gold_file
    elif rating_file.is_file() or required:
        times, ratings, _ = _read_ratings(require_file(rating_file, f"{target} annotation of participant {name}"))
        path = rating_file
    else:
        return None
    lines = np.arange(2, len(times) + 2)
    if not np.isfinite(ratings).all():
        row = int(np.argwhere(~np.isfinite(ratings))[0, 0])
        raise UserError(
            f"{path}:{lines[row]} has a rating that is not finite, and targets cannot be imputed; copy it again"
        )
    return number_frames(times, path, lines), ratings.mean(axis=1)


def _read_ratings(path: Path) -> tuple[np.ndarray, np.ndarray, list[str]]:
    header = read_text(path).partition("\n")[0]
    rows = read_rows(path, delimiter=";" if ";" in header else ",")
    names = [name.strip() for name in rows[0]]
    columns = [i for i, name in enumerate(names) if name.lower() in TIME_COLUMNS]
    if len(columns) != 1 or len(names) < 2 or len(rows) < 2:
        raise UserError(
            f"{path} starts with {quote_values(header.strip())}, expected one column 'time' beside the columns of"
            " ratings, and rows below; copy it again"
        )
    values = parse_floats(rows[1:], path, first_row=2)
    time = columns[0]
    return values[:, time], np.delete(values, time, axis=1), names[:time] + names[time + 1 :]
