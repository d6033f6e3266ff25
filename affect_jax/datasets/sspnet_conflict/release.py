"""Reads the files of the SSPNet Conflict Corpus: the level and the split of each clip.

    audiodata/*.wav, or audiodata/{train,val,test}/*.wav    1430 clips, 48 kHz, 30 s: yy-mm-dd_start_end.wav (seconds)
    conflictlevel.csv                                       columns Name (of the file, without .wav) and Value (-10..10)
    partition.csv, or another csv here                      columns Name and split (train, val or test)
    manualdiarization/*.csv                                 who speaks when, see `diarization`; read if asked for

The release has no partition. That of INTERSPEECH 2013 (Schuller et al.) is by debate: those moderated by speaker 50 are
for training, by 153 for validation, the others for the test. The clips of a debate share the date in their names, and
the speakers: a debate in two splits would let a model know the voices. Other files of the release are not read.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sized
from pathlib import Path
from typing import NamedTuple

from affect_jax.datasets.release_files import quote_values, read_rows, read_text, require_file
from affect_jax.errors import UserError, suggest_nearest

SPLITS = ("train", "validation", "test")
LABELS_FILE, PARTITION_FILE, AUDIO_FOLDER = "conflictlevel.csv", "partition.csv", "audiodata"
LARGEST = 10.0
"""Levels are between -LARGEST and LARGEST; from 0 on they are high."""
_SPLIT_OF = {"train": "train", "val": "validation", "validation": "validation", "devel": "validation"} | {
    "dev": "validation",
    "test": "test",
}
_DEBATE = re.compile(r"\d\d-\d\d-\d\d(?!\d)")


class Sizes(NamedTuple):
    """What a release must hold: clips and clips of high level by split, and the length of each clip in seconds."""

    clips: dict[str, int]
    high: dict[str, int]
    seconds: float


RELEASE = Sizes(
    clips={"train": 793, "validation": 240, "test": 397},
    high={"train": 322, "validation": 113, "test": 171},
    seconds=30.0,
)


class Clip(NamedTuple):
    """One clip.

    Attributes:
      name: of its file, without .wav.
      debate: yy-mm-dd.
      path: of its file.
      level: of conflict, in -10..10.
    """

    name: str
    debate: str
    path: Path
    level: float


def read_clips(folder: Path, partition: Path | None, sizes: Sizes) -> dict[str, list[Clip]]:
    """Finds the clips of each split in the order of conflictlevel.csv; reads no sound.

    Args:
      folder: of the release.
      partition: a csv with the columns Name and split, which overrides the one in `folder`; None takes the folders
        audiodata/{train,val,test} if they exist, else the csv in `folder`.
      sizes: what the release must hold.

    Raises:
      UserError: a file is missing or damaged; a name is repeated, or missing in files, labels or partition; a label is
        not a level; a debate is in two splits; or the counts differ from `sizes`.
    """
    labels = folder / LABELS_FILE
    levels = read_levels(labels)
    files, folders = _find_audio_files(folder / AUDIO_FOLDER)
    unheard = [name for name in levels if name not in files]
    if unheard:
        raise UserError(
            f"{labels} has {format_count(unheard, 'label')} without a file in {folder / AUDIO_FOLDER}, the first of"
            f" {unheard[0][:60]}{suggest_nearest(unheard[0], files)}; copy the files again"
        )
    unlabelled = [files[name] for name in files if name not in levels]
    if unlabelled:
        raise UserError(
            f"{folder / AUDIO_FOLDER} has {format_count(unlabelled, 'sound file')} without a label in {LABELS_FILE},"
            f" the first is {unlabelled[0]}; copy the release again"
        )
    if partition is not None:
        split_of, source = read_partition(partition, levels), partition
    elif folders:
        split_of, source = folders, folder / AUDIO_FOLDER
    else:
        source = _find_partition_file(folder)
        split_of = read_partition(source, levels)
    outside = [name for name in levels if name not in split_of]
    if outside:
        raise UserError(
            f"{source} puts {format_count(outside, 'clip')} into no split, the first is {outside[0]}; put each into"
            " train, val or test"
        )
    clips: dict[str, list[Clip]] = {split: [] for split in SPLITS}
    for name, level in levels.items():
        clips[split_of[name]].append(Clip(name, _parse_debate(name, labels), files[name], level))
    _check_debates(clips, source)
    _check_counts(clips, sizes, source)
    return clips


def read_levels(path: Path) -> dict[str, float]:
    """Reads clip -> level from a csv with the columns Name and Value.

    Raises:
      UserError: from `_read_table`; or a value is not a number in -10..10.
    """
    levels, wrong = {}, []
    for name, (row, text) in _read_table(path, "Value").items():
        try:
            levels[name] = float(text)
        except ValueError:
            levels[name] = math.nan
        if not -LARGEST <= levels[name] <= LARGEST:
            wrong.append(f"row {row} ({name[:60]}: {quote_values(text)})")
    if wrong:
        raise UserError(
            f"{path} has {format_count(wrong, 'level')} other than a number in -10..10, the first in {wrong[0]};"
            " correct it or copy the file again"
        )
    return levels


def read_partition(path: Path, known: Mapping[str, float]) -> dict[str, str]:
    """Reads clip -> split from a csv with the columns Name and split.

    Raises:
      UserError: from `_read_table`; or a split is not train, val or test, or a clip is not in `known`.
    """
    split_of, wrong, unknown = {}, [], []
    for name, (row, text) in _read_table(path, "split").items():
        split = _SPLIT_OF.get(text.lower())
        if split is None:
            wrong.append(f"row {row} ({name[:60]}: {quote_values(text)})")
        elif name not in known:
            unknown.append(f"row {row} ({quote_values(name)})")
        else:
            split_of[name] = split
    if wrong:
        raise UserError(
            f"{path} has {format_count(wrong, 'split')} other than train, val or test, the first in {wrong[0]};"
            " correct it"
        )
    if unknown:
        raise UserError(
            f"{path} names {format_count(unknown, 'clip')} that {LABELS_FILE} does not have, the first in {unknown[0]};"
            " correct one of the two"
        )
    return split_of


def format_count(things: Sized, noun: str) -> str:
    """'1 clip', '3 clips'."""
    return f"{len(things)} {noun}{'s' if len(things) != 1 else ''}"


def _read_table(path: Path, column: str) -> dict[str, tuple[int, str]]:
    """Reads name -> (row number, field of `column`) from a csv that may have other columns, and `;` or tabs between."""
    header = read_text(require_file(path, f"a csv with the columns Name and {column}")).partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    rows = read_rows(path, delimiter=delimiter)
    heads = [head.strip().lower() for head in rows[0]]
    missing = [name for name in ("Name", column) if heads.count(name.lower()) != 1]
    if missing:
        raise UserError(
            f"{path} starts with {quote_values(header.strip())}, expected one column {missing[0]!r}; correct its header"
        )
    name_at, value_at = heads.index("name"), heads.index(column.lower())
    fields_of: dict[str, tuple[int, str]] = {}
    repeated = []
    for row, fields in enumerate(rows[1:], start=2):
        name = _strip_suffix(fields[name_at].strip())
        if name in fields_of:
            repeated.append(f"row {row} ({name[:60]}, as in row {fields_of[name][0]})")
        else:
            fields_of[name] = row, fields[value_at].strip()
    if repeated:
        raise UserError(
            f"{path} has {format_count(repeated, 'name')} a second time, the first in {repeated[0]}; keep one of each"
        )
    if not fields_of:
        raise UserError(f"{path} has a header but no rows; copy it again")
    return fields_of


def _strip_suffix(name: str) -> str:
    return name[:-4] if name.lower().endswith(".wav") else name


def _find_audio_files(folder: Path) -> tuple[dict[str, Path], dict[str, str]]:
    """Finds clip -> file, and clip -> split where the files are in folders named after splits."""
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder; give config.corpus.manual_dir the folder with {AUDIO_FOLDER}/")
    files: dict[str, Path] = {}
    split_of, repeated = {}, []
    # ._x.wav is what macOS writes beside x.wav.
    wavs = (p for p in folder.rglob("*") if p.suffix.lower() == ".wav" and not p.name.startswith("._"))
    for path in sorted(p for p in wavs if p.is_file()):
        name = _strip_suffix(path.name)
        if name in files:
            repeated.append(f"{files[name]} and {path}")
        files[name] = path
        subfolder = path.parent.relative_to(folder).as_posix().lower()
        if subfolder in _SPLIT_OF:
            split_of[name] = _SPLIT_OF[subfolder]
    if repeated:
        raise UserError(
            f"{folder} has {format_count(repeated, 'clip')} twice, the first as {repeated[0]}; keep one of each"
        )
    if not files:
        raise UserError(f"{folder} has no wav files; copy them there")
    return files, split_of


def _find_partition_file(folder: Path) -> Path:
    if (folder / PARTITION_FILE).is_file():
        return folder / PARTITION_FILE
    tables = []
    for path in sorted(p for p in folder.glob("*.csv") if p.is_file()):
        head = path.read_bytes().partition(b"\n")[0].decode("utf-8-sig", "replace")
        if {"name", "split"} <= {field.strip(' "').lower() for field in re.split(r"[,;\t]", head.strip())}:
            tables.append(path)
    if len(tables) == 1:
        return tables[0]
    count = f"{len(tables)} partitions ({', '.join(path.name for path in tables)})" if tables else "no partition"
    raise UserError(
        f"{folder} has {count}, expected one csv with the columns Name and split, or the folders"
        f" {AUDIO_FOLDER}/train, val and test; or name a csv as config.corpus.partition"
    )


def _parse_debate(name: str, path: Path) -> str:
    date = _DEBATE.match(name)
    if date is None:
        raise UserError(
            f"{path} names the clip {quote_values(name)}, expected yy-mm-dd_start_end, because the date says which"
            " debate a clip is from, and no debate may be in two splits; correct the name"
        )
    return date.group()


def _check_debates(clips: Mapping[str, list[Clip]], source: Path) -> None:
    splits_of: dict[str, Counter] = {}
    for split, members in clips.items():
        for clip in members:
            splits_of.setdefault(clip.debate, Counter())[split] += 1
    straddling = {debate: splits for debate, splits in splits_of.items() if len(splits) > 1}
    if straddling:
        debate, splits = min(straddling.items())
        where = " and ".join(f"{split} ({format_count(range(number), 'clip')})" for split, number in splits.items())
        raise UserError(
            f"{source} splits {format_count(straddling, 'debate')}, the first is {debate}: it is in {where}; put all"
            " clips of a debate into one split"
        )


def _check_counts(clips: Mapping[str, list[Clip]], sizes: Sizes, source: Path) -> None:
    for split, members in clips.items():
        high = sum(clip.level >= 0 for clip in members)
        expected = sizes.clips[split]
        if (len(members), high) != (expected, sizes.high[split]):
            raise UserError(
                f"{source} puts {len(members)} clips into {split}, {len(members) - high} of low and {high} of high"
                f" level (0 or more), expected {expected}, {expected - sizes.high[split]} and {sizes.high[split]};"
                " copy the release again or correct the partition"
            )
