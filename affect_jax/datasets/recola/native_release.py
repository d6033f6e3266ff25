"""RECOLA as its own release ships it: one file a participant.

    RECOLA-Annotation/emotional_behaviour/{arousal,valence}/P16.csv      time;FM1 ;FM2 ;FM3 ;FF1 ;FF2 ;FF3
    RECOLA-Annotation/emotional_behaviour/gold_standard/{arousal,valence}/P16.csv    optional: time,gold standard
    RECOLA-Audio-features/P16.arff
    RECOLA-Video-features/P16.arff
    partition.csv                                                        yours: participant,part

Nobody here has seen the release. Known from public code that reads it: the folder and file names, the semicolons and
the six annotators' columns (with their trailing blanks) on 7,501 rows of 40 ms; 130 audio columns beside a first one,
on the 7,499 frames from .04 s to 299.96 s, in arff; that a gold folder with comma-separated files exists somewhere.
Assumed: the time column's name (one of `time`, `frametime`, ...), that video files look like audio files, that frames
lie on the same 40-ms grid, and that files of one kind have the same frames. All of that is checked while reading;
nothing is taken by position. The modalities here are
`audio` and `video`, not AVEC's three, so AVEC's configurations do not run on this form.

The release does not say who is in which part (AVEC's train_1 ... test_9 are other names of these people), so the user
does: `partition.csv` with a header `participant,part` and the parts train, validation (or dev) and test.
"""

from pathlib import Path

import numpy as np

from affect_jax.datasets.recola import arff_files
from affect_jax.datasets.recola.avec_release import (
    SPLIT_PREFIXES,
    TIME_COLUMNS,
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
    """part -> participants, in the file's order.

    Raises:
      UserError: no partition.csv, another header, an unknown part, a participant twice, or an empty training part.
    """
    path = folder / "partition.csv"
    if not path.is_file():
        raise UserError(
            f"{path} is missing: RECOLA's own release has no partition; write one with the header 'participant,part'"
            " and rows such as 'P16,train' (parts: train, validation, test)"
        )
    rows = [[field.strip() for field in row] for row in read_rows(path, columns=2)]
    if rows[0] != ["participant", "part"]:
        raise UserError(f"{path} starts with {quote_values(','.join(rows[0]))}, expected 'participant,part'")
    names = {**{part: part for part in SPLIT_PREFIXES}, "dev": "validation"}
    parts: dict[str, list[str]] = {part: [] for part in SPLIT_PREFIXES}
    for number, (participant, part) in enumerate(rows[1:], start=2):
        if part not in names:
            raise UserError(f"{path} row {number} has part {quote_values(part)}, expected train, validation or test")
        if any(participant in people for people in parts.values()):
            raise UserError(f"{path} row {number} names {participant[:60]} a second time; each is in one part")
        parts[names[part]].append(participant)
    if not parts["train"]:
        raise UserError(f"{path} puts nobody into train")
    return {part: people for part, people in parts.items() if people}


def read_recording(folder: Path, target: str, part: str, name: str) -> RawRecording:
    """Reads one participant; modalities and gold are cut to the frames that all of them have.

    Raises:
      UserError: as `avec.read_recording`; or the files share too few frames.
    """
    values, columns, files, numbers = {}, {}, {}, {}
    for modality, place in MODALITIES.items():
        path = folder / place / f"{name}.arff"
        table = arff_files.read_arff(require_file(path, f"{modality} features of participant {name}"))
        times, values[modality], columns[modality] = split_time(table)
        numbers[modality], files[modality] = number_frames(times, path, table.lines), path
        if not len(times) or not columns[modality]:
            raise UserError(f"{path} has no rows or no feature columns; copy it again")
    gold = _read_gold(folder, target, name, required=part != "test")
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
    """(frame numbers, gold): the shipped gold standard, or the mean over the annotators."""
    shipped = folder / _BEHAVIOUR / "gold_standard" / target / f"{name}.csv"
    rated = folder / _BEHAVIOUR / target / f"{name}.csv"
    if shipped.is_file():
        times, ratings, names = _read_ratings(shipped)
        if len(names) != 1:
            raise UserError(f"{shipped} has {len(names)} value columns, expected one, the gold standard; copy it again")
        path = shipped
    elif rated.is_file() or required:
        times, ratings, _ = _read_ratings(require_file(rated, f"{target} annotation of participant {name}"))
        path = rated
    else:
        return None
    lines = np.arange(2, len(times) + 2)
    if not np.isfinite(ratings).all():
        row = int(np.argwhere(~np.isfinite(ratings))[0, 0])
        raise UserError(
            f"{path}:{lines[row]} has a rating that is not finite; a target cannot be imputed: copy it again"
        )
    return number_frames(times, path, lines), ratings.mean(axis=1)


def _read_ratings(path: Path) -> tuple[np.ndarray, np.ndarray, list[str]]:
    header = read_text(path).partition("\n")[0]
    rows = read_rows(path, delimiter=";" if ";" in header else ",")
    names = [name.strip() for name in rows[0]]
    at = [i for i, name in enumerate(names) if name.lower() in TIME_COLUMNS]
    if len(at) != 1 or len(names) < 2 or len(rows) < 2:
        raise UserError(
            f"{path} starts with {quote_values(header.strip())}, expected a column 'time' and columns of ratings below it"
        )
    values = parse_floats(rows[1:], path, first_row=2)
    return values[:, at[0]], np.delete(values, at[0], axis=1), names[: at[0]] + names[at[0] + 1 :]
