"""Reads RECOLA as AVEC 2016 shipped it: one arff file per recording, modality and target; nine recordings per split.

    features_{audio,video_geometric,video_appearance}/{arousal,valence}/{train,dev,test}_{1..9}.arff
    ratings_gold_standard/{arousal,valence}/{train,dev}_{1..9}.arff
    ratings_individual/{arousal,valence}/{train,dev}_{1..9}.csv        asked for by config.corpus.raters alone

A feature file has a frame-time column (seconds, every 40 ms from 0) and D feature columns; a string column beside them
is ignored. The features of one modality differ between the two target folders (their windows have other lengths,
Valstar et al., "AVEC 2016", ACM MM 2016). The gold standard of the test split was not shipped; if the folder has such a
file, it is read.
Nobody here has seen the files of single ratings; they are read in the form that the owners' own release has.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.datasets.column_roles import TIME_COLUMNS
from affect_jax.datasets.recola import arff_files, rating_files
from affect_jax.datasets.release_files import convert_to_float32, quote_values, require_file
from affect_jax.errors import UserError

FRAME_SECONDS = 0.04
SPLIT_PREFIXES = {"train": "train", "validation": "dev", "test": "test"}
"""Split of this project -> prefix of the release's files."""
_TOLERANCE = 1e-3  # seconds: frame times are shipped with two or three decimals


class Sizes(NamedTuple):
    """What a release must hold: recordings of each split, frames of each recording, columns of each modality."""

    recordings: dict[str, int]
    frames: int
    columns: dict[str, int]


RELEASE = Sizes(
    recordings={"train": 9, "validation": 9, "test": 9},
    frames=7501,
    columns={"audio": 88, "video_geometric": 632, "video_appearance": 168},
)


class RawRecording(NamedTuple):
    """One recording as read.

    Attributes:
      id: 'dev_3', or 'P16' in the native form.
      features: modality -> float32 [T, D].
      columns: modality -> D names.
      files: modality -> path, for messages.
      target: float32 [T]; None without a gold standard.
      start: number of the first frame, whose time is `start * FRAME_SECONDS`.
      spans: modality or 'target' -> numbers of the first and last frame in its file; only in the native form, where
        files may differ in them.
    """

    id: str
    features: dict[str, np.ndarray]
    columns: dict[str, tuple[str, ...]]
    files: dict[str, Path]
    target: np.ndarray | None
    start: int
    spans: dict[str, tuple[int, int]] = {}


def list_recordings(folder: Path, target: str, split: str, sizes: Sizes) -> list[str]:
    """The ids of a split, from 1 to n, after checking that every modality has exactly these files.

    Raises:
      UserError: a file is missing, or there are too many.
    """
    expected = [f"{SPLIT_PREFIXES[split]}_{i}" for i in range(1, sizes.recordings[split] + 1)]
    for modality in sizes.columns:
        modality_folder = folder / f"features_{modality}" / target
        for name in expected:
            require_file(
                modality_folder / f"{name}.arff",
                f"{modality} features of {len(expected)} {SPLIT_PREFIXES[split]} recordings for {target}",
            )
        extra = {p.stem for p in modality_folder.glob(f"{SPLIT_PREFIXES[split]}_*.arff")} - set(expected)
        if extra:
            raise UserError(
                f"{modality_folder} has {min(extra)}.arff beside the {len(expected)} {SPLIT_PREFIXES[split]} files;"
                " remove it"
            )
    return expected


def read_recording(
    folder: Path, target: str, split: str, name: str, sizes: Sizes, *, raters: bool = False
) -> RawRecording:
    """Reads the features and the gold standard of one recording and checks that they share one time grid.

    With `raters`, their disagreement is one of the modalities; of test recordings, which nobody reads it of, it is 0.

    Raises:
      UserError: a file is missing or damaged, has a wrong number of columns or rows, or frame times off the 40-ms grid;
        or the gold standard belongs to another recording or is not finite.
    """
    features, columns, files = {}, {}, {}
    for modality, width in sizes.columns.items():
        path = folder / f"features_{modality}" / target / f"{name}.arff"
        table = arff_files.read_arff(path)
        times, values, names = split_time(table)
        if len(names) != width:
            raise UserError(f"{path} has {len(names)} feature columns, expected {width} for {modality}; copy it again")
        _check_grid(table, times, sizes.frames)
        features[modality], columns[modality], files[modality] = convert_to_float32(values), names, path
    path = folder / "ratings_gold_standard" / target / f"{name}.arff"
    gold = None
    if split != "test" or path.is_file():
        gold = _read_gold(path, name, sizes.frames)
    if raters:
        path = folder / "ratings_individual" / target / f"{name}.csv"
        kind = rating_files.MODALITY
        features[kind], columns[kind], files[kind] = np.zeros((sizes.frames, 1), np.float32), ("deviation",), path
        if split != "test":
            features[kind] = _read_disagreement(path, name, sizes.frames)
    return RawRecording(name, features, columns, files, gold, start=0)


def _read_disagreement(path: Path, name: str, frames: int) -> np.ndarray:
    """float32 [frames, 1]."""
    require_file(path, f"single ratings of recording {name}, which config.corpus.raters asks for")
    times, ratings, _ = rating_files.read_ratings(path)
    if len(times) != frames:
        raise UserError(f"{path} has {len(times)} rows, expected {frames}; it may be cut short: copy it again")
    number_frames(times, path, np.arange(2, len(times) + 2))
    return convert_to_float32(rating_files.compute_disagreement(ratings, path))


def split_time(table: arff_files.ArffTable) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Splits a table into times [N], the other values [N, D] and their names.

    Raises:
      UserError: not exactly one column has a name in `TIME_COLUMNS`.
    """
    columns = [i for i, name in enumerate(table.names) if name.lower() in TIME_COLUMNS]
    if len(columns) != 1:
        raise UserError(
            f"{table.path} has {len(columns)} columns of frame times, expected one of {', '.join(TIME_COLUMNS)}; its"
            f" columns start with {', '.join(table.names[:4])}: copy the file again"
        )
    names = table.names[: columns[0]] + table.names[columns[0] + 1 :]
    return table.values[:, columns[0]], np.delete(table.values, columns[0], axis=1), names


def number_frames(times: np.ndarray, path: Path, lines: np.ndarray) -> np.ndarray:
    """int64 [N]: times as consecutive multiples of 40 ms.

    Raises:
      UserError: a time is off the grid, repeated or skipped; the message has its line.
    """
    with np.errstate(invalid="ignore"):
        numbers = np.rint(times / FRAME_SECONDS)
        is_off = ~(np.abs(times - numbers * FRAME_SECONDS) <= _TOLERANCE)
    is_off[1:] |= np.diff(numbers) != 1
    if is_off.any():
        row = int(np.flatnonzero(is_off)[0])
        before = f" after {times[row - 1]:g} s" if row else ""
        raise UserError(
            f"{path}:{lines[row]} has frame time {times[row]:g} s{before}, expected steps of 0.04 s; copy it again"
        )
    return numbers.astype(np.int64)


def _check_grid(table: arff_files.ArffTable, times: np.ndarray, frames: int) -> None:
    if len(times) != frames:
        raise UserError(f"{table.path} has {len(times)} rows, expected {frames}; it may be cut short: copy it again")
    numbers = number_frames(times, table.path, table.lines)
    if numbers[0] != 0:
        raise UserError(
            f"{table.path} starts at {times[0]:g} s, expected 0 s, so that features and gold standard line up; copy"
            " it again"
        )


def _read_gold(path: Path, name: str, frames: int) -> np.ndarray:
    require_file(path, "the gold standard of a train or dev recording")
    table = arff_files.read_arff(path)
    times, values, names = split_time(table)
    if len(names) != 1:
        raise UserError(f"{path} has {len(names)} value columns, expected one, GoldStandard; copy it again")
    for column in table.strings.values():
        other = next((word for word in column if word.lower() != name.lower()), None)
        if other is not None:
            raise UserError(
                f"{path} holds the gold standard of {quote_values(other)}, expected {name!r}; the files may be mixed"
                " up: copy them again"
            )
    _check_grid(table, times, frames)
    if not np.isfinite(values).all():
        line = table.lines[int(np.flatnonzero(~np.isfinite(values[:, 0]))[0])]
        raise UserError(
            f"{path}:{line} has no finite gold standard, and targets cannot be imputed; copy the file again"
        )
    return convert_to_float32(values[:, 0])
