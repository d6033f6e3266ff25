"""The files of the SSPNet Conflict Corpus: which clip has which level and is in which part.

    audiodata/*.wav, or audiodata/{train,val,test}/*.wav    1430 clips, 48 kHz, 30 s: yy-mm-dd_start_end.wav (seconds)
    conflictlevel.csv                                       columns Name (of the file, without .wav) and Value (-10..10)
    partition.csv, or another csv here                      columns Name and split (train, val or test)

The release has no partition: that of INTERSPEECH 2013 (Schuller et al.) goes by debate, those moderated by speaker 50
for training, by 153 for validation, the others for the test. The clips of a debate share the date in their names, and
its speakers: a debate in two parts would let a model know the voices. Other files of the release are not read.
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
    """What a release must hold: clips and clips of high level by part, and how long each clip is, in seconds."""

    clips: dict[str, int]
    high: dict[str, int]
    seconds: float


RELEASE = Sizes(
    clips={"train": 793, "validation": 240, "test": 397},
    high={"train": 322, "validation": 113, "test": 171},
    seconds=30.0,
)


class Clip(NamedTuple):
    """One clip: its name (the file's, without .wav), the debate (yy-mm-dd), its file, and its level in -10..10."""

    name: str
    debate: str
    path: Path
    level: float


def read_clips(folder: Path, partition: Path | None, sizes: Sizes) -> dict[str, list[Clip]]:
    """part -> clips in the order of conflictlevel.csv; no sound is read.

    Args:
      folder: of the release.
      partition: a csv of columns Name and split, which overrides what is in `folder`; None takes the folders
        audiodata/{train,val,test} where they are there, else the csv in `folder`.
      sizes: what must be there.

    Raises:
      UserError: a missing or damaged file, names that are twice or only in one of files, labels and partition, labels
        that are no levels, a debate in two parts, or other counts than `sizes`.
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
            f"{folder / AUDIO_FOLDER} has {format_count(unlabelled, 'sound file')} without a label in {LABELS_FILE}, the first"
            f" is {unlabelled[0]}; copy the release again"
        )
    if partition is not None:
        parts, source = read_partition(partition, levels), partition
    elif folders:
        parts, source = folders, folder / AUDIO_FOLDER
    else:
        source = _find_partition_file(folder)
        parts = read_partition(source, levels)
    outside = [name for name in levels if name not in parts]
    if outside:
        raise UserError(
            f"{source} puts {format_count(outside, 'clip')} into no part, the first is {outside[0]}; each must be in"
            " train, val or test"
        )
    clips: dict[str, list[Clip]] = {part: [] for part in SPLITS}
    for name, level in levels.items():
        clips[parts[name]].append(Clip(name, _parse_debate(name, labels), files[name], level))
    _check_debates(clips, source)
    _check_counts(clips, sizes, source)
    return clips


def read_levels(path: Path) -> dict[str, float]:
    """clip -> level, of a csv with columns Name and Value.

    Raises:
      UserError: from `_table`; or a value that is no number in -10..10.
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
            f"{path} has {format_count(wrong, 'level')} other than a number in -10..10, the first in {wrong[0]}; correct it or"
            " copy the file again"
        )
    return levels


def read_partition(path: Path, known: Mapping[str, float]) -> dict[str, str]:
    """clip -> part, of a csv with columns Name and split.

    Raises:
      UserError: from `_table`; or a split that is none, or a clip that is not `known`.
    """
    parts, wrong, strange = {}, [], []
    for name, (row, text) in _read_table(path, "split").items():
        part = _SPLIT_OF.get(text.lower())
        if part is None:
            wrong.append(f"row {row} ({name[:60]}: {quote_values(text)})")
        elif name not in known:
            strange.append(f"row {row} ({quote_values(name)})")
        else:
            parts[name] = part
    if wrong:
        raise UserError(
            f"{path} has {format_count(wrong, 'split')} other than train, val or test, the first in {wrong[0]}; correct it"
        )
    if strange:
        raise UserError(
            f"{path} names {format_count(strange, 'clip')} that {LABELS_FILE} does not have, the first in {strange[0]};"
            " correct one of the two"
        )
    return parts


def format_count(found: Sized, noun: str) -> str:
    """'1 clip', '3 clips'."""
    return f"{len(found)} {noun}{'s' if len(found) != 1 else ''}"


def _read_table(path: Path, column: str) -> dict[str, tuple[int, str]]:
    """name -> (row number, field of `column`), of a csv that may have other columns, and `;` or tabs between them."""
    header = read_text(require_file(path, f"a csv with the columns Name and {column}")).partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    rows = read_rows(path, delimiter=delimiter)
    heads = [head.strip().lower() for head in rows[0]]
    missing = [name for name in ("Name", column) if heads.count(name.lower()) != 1]
    if missing:
        raise UserError(
            f"{path} starts with {quote_values(header.strip())}, expected one column {missing[0]!r}; correct its head"
        )
    at, value = heads.index("name"), heads.index(column.lower())
    found: dict[str, tuple[int, str]] = {}
    twice = []
    for row, fields in enumerate(rows[1:], start=2):
        name = _strip_suffix(fields[at].strip())
        if name in found:
            twice.append(f"row {row} ({name[:60]}, as in row {found[name][0]})")
        else:
            found[name] = row, fields[value].strip()
    if twice:
        raise UserError(
            f"{path} has {format_count(twice, 'name')} a second time, the first in {twice[0]}; keep one of each"
        )
    if not found:
        raise UserError(f"{path} has a head and no rows; copy it again")
    return found


def _strip_suffix(name: str) -> str:
    return name[:-4] if name.lower().endswith(".wav") else name


def _find_audio_files(folder: Path) -> tuple[dict[str, Path], dict[str, str]]:
    """(clip -> file, clip -> part where the files lie in folders of parts)."""
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder; give config.corpus.manual_dir the folder with {AUDIO_FOLDER}/")
    files: dict[str, Path] = {}
    parts, twice = {}, []
    # ._x.wav is what macOS writes beside x.wav.
    wavs = (p for p in folder.rglob("*") if p.suffix.lower() == ".wav" and not p.name.startswith("._"))
    for path in sorted(p for p in wavs if p.is_file()):
        name = _strip_suffix(path.name)
        if name in files:
            twice.append(f"{files[name]} and {path}")
        files[name] = path
        place = path.parent.relative_to(folder).as_posix()
        if place.lower() in _SPLIT_OF:
            parts[name] = _SPLIT_OF[place.lower()]
    if twice:
        raise UserError(f"{folder} has {format_count(twice, 'clip')} twice, the first as {twice[0]}; keep one of each")
    if not files:
        raise UserError(f"{folder} has no wav files; copy them there")
    return files, parts


def _find_partition_file(folder: Path) -> Path:
    if (folder / PARTITION_FILE).is_file():
        return folder / PARTITION_FILE
    found = []
    for path in sorted(p for p in folder.glob("*.csv") if p.is_file()):
        head = path.read_bytes().partition(b"\n")[0].decode("utf-8-sig", "replace")
        if {"name", "split"} <= {field.strip(' "').lower() for field in re.split(r"[,;\t]", head.strip())}:
            found.append(path)
    if len(found) == 1:
        return found[0]
    what = f"{len(found)} partitions ({', '.join(path.name for path in found)})" if found else "no partition"
    raise UserError(
        f"{folder} has {what}, expected one csv with the columns Name and split, or the folders"
        f" {AUDIO_FOLDER}/train, val and test; or name a csv as config.corpus.partition"
    )


def _parse_debate(name: str, path: Path) -> str:
    date = _DEBATE.match(name)
    if date is None:
        raise UserError(
            f"{path} names the clip {quote_values(name)}, expected yy-mm-dd_start_end: the date says which debate a clip is"
            " of, and no debate may be in two parts"
        )
    return date.group()


def _check_debates(clips: Mapping[str, list[Clip]], source: Path) -> None:
    parts_of: dict[str, Counter] = {}
    for part, found in clips.items():
        for clip in found:
            parts_of.setdefault(clip.debate, Counter())[part] += 1
    straddling = {debate: parts for debate, parts in parts_of.items() if len(parts) > 1}
    if straddling:
        debate, parts = min(straddling.items())
        where = " and ".join(f"{part} ({format_count(range(number), 'clip')})" for part, number in parts.items())
        raise UserError(
            f"{source} splits {format_count(straddling, 'debate')}, the first is {debate}: it is in {where}; put all clips of"
            " a debate into one part"
        )


def _check_counts(clips: Mapping[str, list[Clip]], sizes: Sizes, source: Path) -> None:
    for part, found in clips.items():
        high = sum(clip.level >= 0 for clip in found)
        wanted = sizes.clips[part]
        if (len(found), high) != (wanted, sizes.high[part]):
            raise UserError(
                f"{source} puts {len(found)} clips into {part}, {len(found) - high} of low and {high} of high level"
                f" (0 or more), expected {wanted}, {wanted - sizes.high[part]} and {sizes.high[part]}; copy the release"
                " again or correct the partition"
            )
