"""IEMOCAP as the authors of AMH give it out (on request): features of every utterance, in five folds.

    [seven_category_120/]folds/fold01/ ... fold05/
        {train,dev,test}_audio_mfcc.npy       [N, 1000, 120]  MFCC and their differences, zeros behind the end
        {train,dev,test}_audio_seqN.npy       [N]             how many of the 1000 there are
        {train,dev,test}_audio_prosody.npy    [N, 35]
        {train,dev,test}_video.npy            [N, 32, 2048]   ResNet-101, three frames a second
        {train,dev,test}_video_seqN.npy       [N]
        {train,dev,test}_nlp_trans.npy        [N, 128]        word numbers, 0 behind the last word
        {train,dev,test}_label.npy            [N]             0 to 6
        W_embedding.npy                       [V, 300]        a word's vector; here, or once in folds/

Utterances have no names and speakers there. An utterance is known by a hash of its audio and its video, by which the
folds turn out to be five partitions of the same utterances. Those without video (video_seqN = 0) are left out, as the
authors of the thesis do. A length beyond the array, as of a long utterance that was cut, is the array's.
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
    """What must be there: utterances of each code (with those that have no video), folds, and the width of video."""

    counts: dict[str, int]
    folds: int
    video: int


RELEASE = Sizes(counts=COUNTS, folds=5, video=2048)


class FoldSplit(NamedTuple):
    """One part of one fold: N rows on disk, of which only what is asked for is read.

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
    """Where an utterance lies in the first fold, its label's number, and its part ('train', ...) in each fold."""

    part: str
    row: int
    label: int
    sides: tuple[str, ...]


def find_folds(folder: Path, sizes: Sizes) -> list[Path]:
    """The folds' folders.

    Raises:
      UserError: one is missing, or there are none.
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
        raise UserError(f"{more[0]} is there beside the expected {sizes.folds} folds; take it away")
    return folds


def open_fold(folder: Path, sizes: Sizes) -> dict[str, FoldSplit]:
    """The parts of a fold, memory mapped.

    Raises:
      UserError: a file is missing, pickled or cut short, has another width, or another number of rows than its part's
        other files, or what should be whole numbers is not.
    """
    return {part: _open_split(folder / part, sizes) for part in SPLITS}


def _open_split(prefix: Path, sizes: Sizes) -> FoldSplit:
    widths = {"audio_mfcc": (None, AUDIO), "audio_prosody": (PROSODY,), "video": (None, sizes.video)}
    found = {}
    for kind in KINDS:
        shape = (None, *widths.get(kind, (None,) if kind == "nlp_trans" else ()))
        found[kind] = npy_files.open_array(Path(f"{prefix}_{kind}.npy"), shape)
    rows = {kind: len(values) for kind, values in found.items()}
    for kind, count in rows.items():
        if count != rows["label"]:
            raise UserError(
                f"{prefix}_{kind}.npy has {count} rows but {prefix}_label.npy has {rows['label']}; a row is an"
                " utterance in all files of a part: copy them again"
            )
    whole = {
        kind: npy_files.require_whole_numbers(found[kind], Path(f"{prefix}_{kind}.npy"))
        for kind in ("audio_seqN", "video_seqN", "label")
    }
    return FoldSplit(
        prefix=str(prefix),
        audio=found["audio_mfcc"],
        video=found["video"],
        prosody=found["audio_prosody"],
        words=found["nlp_trans"],
        label=whole["label"],
        audio_length=np.minimum(whole["audio_seqN"], found["audio_mfcc"].shape[1]),
        video_length=np.minimum(whole["video_seqN"], found["video"].shape[1]),
    )


def hash_utterance(part: FoldSplit, row: int) -> str:
    """16 hexadecimal digits of an utterance's audio and video, up to their lengths, as float32."""
    digest = hashlib.blake2b(digest_size=8)
    for values in (part.audio[row, : part.audio_length[row]], part.video[row, : part.video_length[row]]):
        digest.update(np.ascontiguousarray(values, "<f4").data)
    return digest.hexdigest()


def match_folds(folds: list[dict[str, FoldSplit]]) -> dict[str, Utterance]:
    """Identity -> utterance, in the order of the first fold's files; those without video are left out.

    Reads every fold once.

    Raises:
      UserError: an utterance that is twice in a fold, that a fold lacks, or whose label differs between folds.
    """
    found: list[dict[str, tuple[str, int]]] = []
    for fold in folds:
        places: dict[str, tuple[str, int]] = {}
        for name, part in fold.items():
            for row in np.flatnonzero(part.video_length > 0).tolist():
                key = hash_utterance(part, row)
                if key in places:
                    other, first = places[key]
                    raise UserError(
                        f"{part.prefix}_*.npy row {row} and {fold[other].prefix}_*.npy row {first} (from 0) are the"
                        " same utterance (audio and video are equal); an utterance must be in one part of a fold, once"
                    )
                places[key] = name, row
        _check_against_first_fold(folds, found, fold, places)
        found.append(places)
    return {
        key: Utterance(name, row, int(folds[0][name].label[row]), tuple(places[key][0] for places in found))
        for key, (name, row) in found[0].items()
    }


def _check_against_first_fold(
    folds: list[dict[str, FoldSplit]],
    found: list[dict[str, tuple[str, int]]],
    fold: dict[str, FoldSplit],
    places: dict[str, tuple[str, int]],
) -> None:
    """Checks a fold against the first one."""
    if not found:
        return
    for a, of_a, b, of_b in ((found[0], folds[0], places, fold), (places, fold, found[0], folds[0])):
        for key, (name, row) in a.items():
            if key not in b:
                raise UserError(
                    f"{of_a[name].prefix}_*.npy row {row} (from 0) is not in {Path(of_b['train'].prefix).parent}; each"
                    " fold must hold the same utterances with the same audio and video: copy the folds again"
                )
            other, at = b[key]
            if of_a[name].label[row] != of_b[other].label[at]:
                raise UserError(
                    f"{of_a[name].prefix}_label.npy row {row} is {of_a[name].label[row]} but"
                    f" {of_b[other].prefix}_label.npy row {at}, the same utterance, is {of_b[other].label[at]};"
                    " copy the folds again"
                )


def open_vocabulary(fold: Path) -> tuple[Path, np.ndarray]:
    """The word vectors [V, 300] of a fold and their file.

    Raises:
      UserError: there are none, or of another width.
    """
    path = next((place / VOCABULARY for place in (fold, fold.parent) if (place / VOCABULARY).is_file()), None)
    if path is None:
        raise UserError(f"{fold / VOCABULARY} is missing (the words' vectors); copy it again")
    return path, npy_files.open_array(path, (None, TEXT))


def read_features(part: FoldSplit, row: int, modality: str, vocabulary: tuple[Path, np.ndarray] | None) -> np.ndarray:
    """float32 [T, D] of one utterance: its own length, without padding.

    Args:
      part: where it lies.
      row: its row there.
      modality: text, video, audio or prosody.
      vocabulary: of `open_vocabulary`; only text needs it.

    Raises:
      UserError: nothing there, a word that is not in the vocabulary, or a value that is not finite.
    """
    if modality == "text":
        return _read_text(part, row, *vocabulary)
    kind, values = {
        "video": ("video", part.video[row, : part.video_length[row]]),
        "audio": ("audio_mfcc", part.audio[row, : part.audio_length[row]]),
        "prosody": ("audio_prosody", part.prosody[row][None, :]),
    }[modality]
    return npy_files.require_finite(values, f"{part.prefix}_{kind}.npy row {row} (from 0)")


def _read_text(part: FoldSplit, row: int, path: Path, table: np.ndarray) -> np.ndarray:
    where = f"{part.prefix}_nlp_trans.npy row {row} (from 0)"
    numbers = npy_files.require_whole_numbers(part.words[row], Path(f"{part.prefix}_nlp_trans.npy"))
    numbers = numbers[: 1 + np.flatnonzero(numbers)[-1]] if numbers.any() else numbers[:0]
    if numbers.size and numbers.max() >= len(table):
        raise UserError(
            f"{where} has the word number {numbers.max()}, but {path} has {len(table)} words, 0 to {len(table) - 1};"
            " copy both again"
        )
    return npy_files.require_finite(table[numbers], where)
