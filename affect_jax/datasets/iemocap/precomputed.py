"""Reads IEMOCAP as the authors of AMH give it out (on request): features of every utterance, in five folds.

    [seven_category_120/]folds/fold01/ ... fold05/
        {train,dev,test}_audio_mfcc.npy       [N, 1000, 120]  MFCC and their differences, zeros behind the end
        {train,dev,test}_audio_seqN.npy       [N]             how many of the 1000 there are
        {train,dev,test}_audio_prosody.npy    [N, 35]
        {train,dev,test}_video.npy            [N, 32, 2048]   ResNet-101, three frames a second
        {train,dev,test}_video_seqN.npy       [N]
        {train,dev,test}_nlp_trans.npy        [N, 128]        word numbers, 0 behind the last word
        {train,dev,test}_label.npy            [N]             0 to 6
        W_embedding.npy                       [V, 300]        a word's vector; here, or once in folds/

Utterances have no names or speakers there. A hash of its audio and video identifies an utterance, which shows that the
folds are five partitions of the same utterances. Those without video (video_seqN = 0) are left out, as the authors of
the thesis do. A length beyond the array, as of a long utterance that was cut, is limited to the array.
"""

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.datasets import npy_files
from affect_jax.datasets.iemocap.emotions import COUNTS
from affect_jax.errors import UserError

SPLITS = ("train", "dev", "test")
KINDS = ("audio_mfcc", "audio_seqN", "audio_prosody", "video", "video_seqN", "nlp_trans", "label")
VOCABULARY = "W_embedding.npy"
AUDIO, PROSODY, TEXT = 120, 35, 300
_ROOTS = ("seven_category_120/folds", "folds", ".")


class Sizes(NamedTuple):
    """What the files must hold: utterances of each code (also those without video), folds, and the width of video."""

    counts: dict[str, int]
    folds: int
    video: int


RELEASE = Sizes(counts=COUNTS, folds=5, video=2048)


class FoldSplit(NamedTuple):
    """One split of one fold: N rows on disk, which are read when they are needed.

    Attributes:
      prefix: of its files' names: '.../fold01/train'.
      audio: [N, T, 120].
      video: [N, T, D].
      prosody: [N, 35].
      words: int [N, T].
      label: int64 [N].
      audio_length: int64 [N].
      video_length: int64 [N].
    """

    prefix: str
    audio: np.ndarray
    video: np.ndarray
    prosody: np.ndarray
    words: np.ndarray
    label: np.ndarray
    audio_length: np.ndarray
    video_length: np.ndarray


class Utterance(NamedTuple):
    """Where an utterance is.

    Attributes:
      split: in the first fold: 'train', 'dev' or 'test'.
      row: in the files of that split.
      label: its number there.
      splits: its split in each fold.
    """

    split: str
    row: int
    label: int
    splits: tuple[str, ...]


def find_folds(folder: Path, sizes: Sizes) -> list[Path]:
    """Finds the folders of the folds.

    Raises:
      UserError: there are none, or too few or too many.
    """
    root = next((folder / name for name in _ROOTS if (folder / name / "fold01").is_dir()), None)
    if root is None:
        hint = "; for IEMOCAP_full_release set config.corpus.form to 'release'" if any(folder.glob("Session*")) else ""
        raise UserError(
            f"{folder} holds no folder folds/fold01; set config.corpus.manual_dir to the AMH authors' folder"
            f" seven_category_120{hint}"
        )
    folds = [root / f"fold{number:02d}" for number in range(1, sizes.folds + 1)]
    missing = [fold for fold in folds if not fold.is_dir()]
    if missing:
        raise UserError(f"{missing[0]} is missing, expected {sizes.folds} folds; copy it again")
    more = sorted({*root.glob("fold[0-9][0-9]")} - {*folds})
    if more:
        raise UserError(f"{more[0]} is one more than the expected {sizes.folds} folds; remove it")
    return folds


def open_fold(folder: Path, sizes: Sizes) -> dict[str, FoldSplit]:
    """Opens the splits of a fold, memory mapped.

    Raises:
      UserError: a file is missing, pickled or cut short, has another width or another number of rows than the other
        files of its split, or numbers that should be whole are not.
    """
    return {split: _open_split(folder / split, sizes) for split in SPLITS}


def _open_split(prefix: Path, sizes: Sizes) -> FoldSplit:
    widths = {"audio_mfcc": (None, AUDIO), "audio_prosody": (PROSODY,), "video": (None, sizes.video)}
    arrays = {}
    for kind in KINDS:
        shape = (None, *widths.get(kind, (None,) if kind == "nlp_trans" else ()))
        arrays[kind] = npy_files.open_array(Path(f"{prefix}_{kind}.npy"), shape)
    rows = {kind: len(values) for kind, values in arrays.items()}
    for kind, count in rows.items():
        if count != rows["label"]:
            raise UserError(
                f"{prefix}_{kind}.npy has {count} rows but {prefix}_label.npy has {rows['label']}; a row is the"
                " same utterance in all files of a split: copy them again"
            )
    whole = {
        kind: npy_files.require_whole_numbers(arrays[kind], Path(f"{prefix}_{kind}.npy"))
        for kind in ("audio_seqN", "video_seqN", "label")
    }
    return FoldSplit(
        prefix=str(prefix),
        audio=arrays["audio_mfcc"],
        video=arrays["video"],
        prosody=arrays["audio_prosody"],
        words=arrays["nlp_trans"],
        label=whole["label"],
        audio_length=np.minimum(whole["audio_seqN"], arrays["audio_mfcc"].shape[1]),
        video_length=np.minimum(whole["video_seqN"], arrays["video"].shape[1]),
    )


def hash_utterance(split: FoldSplit, row: int) -> str:
    """16 hexadecimal digits of an utterance's audio and video, up to their lengths, as float32."""
    digest = hashlib.blake2b(digest_size=8)
    for values in (split.audio[row, : split.audio_length[row]], split.video[row, : split.video_length[row]]):
        digest.update(np.ascontiguousarray(values, "<f4").data)
    return digest.hexdigest()


def match_folds(folds: list[dict[str, FoldSplit]]) -> dict[str, Utterance]:
    """Matches the utterances of all folds by their hashes; leaves out those without video. Reads every fold once.

    Returns:
      Hash -> utterance, in the order of the first fold's files.

    Raises:
      UserError: a fold has an utterance twice or lacks it, or its label differs between folds.
    """
    places_in_folds: list[dict[str, tuple[str, int]]] = []
    for fold in folds:
        places: dict[str, tuple[str, int]] = {}
        for name, split in fold.items():
            for row in np.flatnonzero(split.video_length > 0).tolist():
                key = hash_utterance(split, row)
                if key in places:
                    other, first = places[key]
                    raise UserError(
                        f"{split.prefix}_*.npy row {row} and {fold[other].prefix}_*.npy row {first} (from 0) are the"
                        " same utterance (audio and video are equal); keep an utterance once in a fold"
                    )
                places[key] = name, row
        if places_in_folds:
            first_fold = _ReadFold(folds[0], places_in_folds[0])
            this_fold = _ReadFold(fold, places)
            _check_same_utterances(first_fold, this_fold)
            _check_same_utterances(this_fold, first_fold)
        places_in_folds.append(places)
    return {
        key: Utterance(name, row, int(folds[0][name].label[row]), tuple(places[key][0] for places in places_in_folds))
        for key, (name, row) in places_in_folds[0].items()
    }


class _ReadFold(NamedTuple):
    """The splits of a fold, and hash of an utterance -> (split, row)."""

    splits: dict[str, FoldSplit]
    places: dict[str, tuple[str, int]]


def _check_same_utterances(one: _ReadFold, other: _ReadFold) -> None:
    """Checks that every utterance of one fold is in the other, with the same label."""
    for key, (name, row) in one.places.items():
        split = one.splits[name]
        if key not in other.places:
            raise UserError(
                f"{split.prefix}_*.npy row {row} (from 0) is not in {Path(other.splits['train'].prefix).parent}; each"
                " fold must hold the same utterances with the same audio and video: copy the folds again"
            )
        other_name, other_row = other.places[key]
        other_split = other.splits[other_name]
        if split.label[row] != other_split.label[other_row]:
            raise UserError(
                f"{split.prefix}_label.npy row {row} is {split.label[row]} but {other_split.prefix}_label.npy row"
                f" {other_row}, the same utterance, is {other_split.label[other_row]}; copy the folds again"
            )


def open_vocabulary(fold: Path) -> tuple[Path, np.ndarray]:
    """Opens the word vectors [V, 300] of a fold; returns their file, too.

    Raises:
      UserError: the file is missing, or has another width.
    """
    path = next((place / VOCABULARY for place in (fold, fold.parent) if (place / VOCABULARY).is_file()), None)
    if path is None:
        raise UserError(f"{fold / VOCABULARY} is missing (the words' vectors); copy it again")
    return path, npy_files.open_array(path, (None, TEXT))


def read_features(split: FoldSplit, row: int, modality: str, vocabulary: tuple[Path, np.ndarray] | None) -> np.ndarray:
    """Reads float32 [T, D] of one utterance in its own length, without padding.

    Args:
      split: that has the utterance.
      row: of the utterance.
      modality: text, video, audio or prosody.
      vocabulary: of `open_vocabulary`; only text needs it.

    Raises:
      UserError: the utterance has no steps, a word that is not in the vocabulary, or a value that is not finite.
    """
    if modality == "text":
        return _read_text(split, row, *vocabulary)
    kind, values = {
        "video": ("video", split.video[row, : split.video_length[row]]),
        "audio": ("audio_mfcc", split.audio[row, : split.audio_length[row]]),
        "prosody": ("audio_prosody", split.prosody[row][None, :]),
    }[modality]
    return npy_files.require_finite(values, f"{split.prefix}_{kind}.npy row {row} (from 0)")


def _read_text(split: FoldSplit, row: int, path: Path, table: np.ndarray) -> np.ndarray:
    where = f"{split.prefix}_nlp_trans.npy row {row} (from 0)"
    numbers = npy_files.require_whole_numbers(split.words[row], Path(f"{split.prefix}_nlp_trans.npy"))
    numbers = numbers[: 1 + np.flatnonzero(numbers)[-1]] if numbers.any() else numbers[:0]
    if numbers.size and numbers.max() >= len(table):
        raise UserError(
            f"{where} has the word number {numbers.max()}, but {path} has {len(table)} words, 0 to {len(table) - 1};"
            " copy both again"
        )
    return npy_files.require_finite(table[numbers], where)
