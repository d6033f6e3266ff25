"""IEMOCAP_full_release as its owners ship it: emotions, transcripts and the sound of every utterance.

    Session{1..5}/dialog/EmoEvaluation/<dialog>.txt     lines `[6.29 - 8.23]<TAB>Ses01F_impro01_F000<TAB>neu<TAB>[...]`
    Session{1..5}/dialog/transcriptions/<dialog>.txt    lines `Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.`
    Session{1..5}/sentences/wav/<dialog>/<utterance>.wav

All text is latin-1. Lines of other forms are passed over (annotators' single votes, a heading, interjections without a
name), and so are macOS' `._*` files. Video features and word vectors are not part of the release.
"""

import re
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.datasets.iemocap import arrays, sessions
from affect_jax.datasets.iemocap.emotions import COUNTS, LEFT_OUT
from affect_jax.errors import UserError
from affect_jax.features import audio, text

RATE, TEXT = 16000, 300
FOLDERS = ("dialog/EmoEvaluation", "dialog/transcriptions", "sentences/wav")
"""What is read of a session."""
GLOVE_FILE, VIDEO_FOLDER = "glove.txt", "video_features"
"""Where word vectors and video features are looked for unless `config.corpus` says otherwise."""

_EMOTION = re.compile(r"\[[\d.]+ - [\d.]+\]\t(\S+)\t(\S+)\t\[.*")
_TRANSCRIPT = re.compile(r"(Ses\S+) \[[\d.]+-[\d.]+\]: ?(.*)")


class Utterance(NamedTuple):
    """What a line of EmoEvaluation says: the utterance's name, its emotion's code, and its session's folder."""

    id: str
    code: str
    folder: Path

    @property
    def wav(self) -> Path:
        """Its sound file."""
        return self.folder / "sentences" / "wav" / self.id.rpartition("_")[0] / f"{self.id}.wav"


def locate(folder: Path, count: int) -> dict[int, Path]:
    """Session -> its folder.

    Raises:
      UserError: a session, or one of its folders, is missing.
    """
    root = folder / "IEMOCAP_full_release" if (folder / "IEMOCAP_full_release").is_dir() else folder
    found = {number: root / f"Session{number}" for number in range(1, count + 1)}
    if not any(path.is_dir() for path in found.values()):
        amh = any((folder / name).is_dir() for name in ("seven_category_120", "folds", "fold01"))
        hint = "; for the AMH authors' folds set config.corpus.form to 'precomputed'" if amh else ""
        raise UserError(
            f"{folder} holds no folder Session1, Session2, ...; set config.corpus.manual_dir to IEMOCAP_full_release"
            f"{hint}"
        )
    for number, path in found.items():
        for name in FOLDERS:
            if not (path / name).is_dir():
                raise UserError(f"{path / name} is missing, expected {count} sessions with it; unpack session {number}")
    return found


def _files(folder: Path) -> list[tuple[Path, list[str]]]:
    """(file, its lines) of the text files of a folder, not of folders in it."""
    files = sorted(path for path in folder.glob("*.txt") if not path.name.startswith("."))
    return [(path, path.read_bytes().decode("latin-1").splitlines()) for path in files]


def _lines(folder: Path) -> list[tuple[Path, int, str]]:
    """(file, line number, line) of all of them."""
    return [(path, at, line) for path, lines in _files(folder) for at, line in enumerate(lines, start=1)]


def read_emotions(places: dict[int, Path]) -> list[Utterance]:
    """All utterances that have a label, whichever it is, session by session as their dialogs say them.

    Raises:
      UserError: a name or a code that is none, an utterance of another session, or one that is there twice.
    """
    found: dict[str, Utterance] = {}
    for number, place in places.items():
        folder = place / "dialog" / "EmoEvaluation"
        for path, lines in _files(folder):
            if not any(line.startswith("[") for line in lines):
                raise UserError(f"{path} has no line that labels an utterance; it may be damaged: copy it again")
        for path, at, line in _lines(folder):
            match = _EMOTION.fullmatch(line.rstrip())
            if not match:
                if line.startswith("["):
                    raise UserError(f"{path} line {at} is cut short or damaged ({line[:60]!r}); copy the file again")
                continue
            name, code = match.groups()
            sessions.speaker(name, f"{path} line {at}")
            if sessions.session(name) != number:
                raise UserError(f"{path} line {at} names {name}, which is not of session {number}; copy the file again")
            if code not in COUNTS and code not in LEFT_OUT:
                raise UserError(
                    f"{path} line {at} labels {name} {code!r}, expected one of {', '.join((*COUNTS, *LEFT_OUT))}; mend"
                    " the line or copy the file again"
                )
            if name in found:
                raise UserError(f"{path} line {at} has {name} a second time; copy the file again")
            found[name] = Utterance(name, code, place)
    return list(found.values())


def read_transcripts(places: dict[int, Path], wanted: Collection[str]) -> dict[str, str]:
    """Utterance -> what is said.

    Raises:
      UserError: a wanted utterance has no line, or two that differ.
    """
    found: dict[str, str] = {}
    for place in places.values():
        for path, at, line in _lines(place / "dialog" / "transcriptions"):
            match = _TRANSCRIPT.fullmatch(line.rstrip())
            if match and found.setdefault(match[1], match[2]) != match[2]:
                raise UserError(f"{path} line {at} has {match[1]} a second time with other words; copy the file again")
    missing = [name for name in wanted if name not in found]
    if missing:
        folder = places[sessions.session(missing[0])] / "dialog" / "transcriptions"
        path = folder / f"{missing[0].rpartition('_')[0]}.txt"
        raise UserError(
            f"{missing[0]} has a label but no transcript in {path} ({len(missing)} of {len(wanted)} utterances have"
            " none); copy the folders dialog/transcriptions again"
        )
    return {name: found[name] for name in wanted}


def read_text(places: dict[int, Path], wanted: Collection[str], glove: Path) -> tuple[dict[str, np.ndarray], str]:
    """Utterance -> float32 [T, 300] word vectors, and a sentence on the words that have none (zeros).

    Raises:
      UserError: a transcript is missing or without words, or there is no such file of vectors, or it is damaged.
    """
    if not glove.is_file():
        raise UserError(
            f"{glove} is missing (the words' vectors, which the release lacks); set config.corpus.glove to a GloVe file"
            f" of {TEXT} numbers a word, such as glove.840B.300d.txt, or leave 'text' out of config.corpus.modalities"
        )
    words = {name: text.split_words(said) for name, said in read_transcripts(places, wanted).items()}
    empty = [name for name, found in words.items() if not found]
    if empty:
        raise UserError(f"the transcript of {empty[0]} has no words (zero length); mend it in dialog/transcriptions")
    every = Counter(word for found in words.values() for word in found)
    vectors = text.read_glove(glove, every, TEXT)
    if not vectors:
        raise UserError(
            f"{glove} has none of the {len(every)} words of the transcripts, such as {every.most_common(1)[0][0]!r};"
            " name a GloVe file in UTF-8, or copy it again"
        )
    unknown = Counter({word: n for word, n in every.items() if word not in vectors})
    often = ", ".join(word for word, _ in unknown.most_common(5))
    note = (
        f"{unknown.total()} of {every.total()} words ({100 * unknown.total() / every.total():.1f} %) have no vector in"
        f" {glove.name}: zeros{f'; most often {often}' if often else ''}"
    )
    return {name: text.look_up_vectors(found, vectors, TEXT) for name, found in words.items()}, note


def read_audio(utterance: Utterance) -> np.ndarray:
    """float32 [T, 120] MFCC and their differences, every 10 ms.

    Raises:
      UserError: there is no sound file, it is damaged or cut short, or shorter than 25 ms.
    """
    if not utterance.wav.is_file():
        raise UserError(
            f"{utterance.id} has a label but no sound: {utterance.wav} is missing; copy the folders sentences/wav again"
        )
    samples = audio.read_audio(utterance.wav, rate=RATE)
    try:
        return audio.compute_mfcc(samples, RATE)
    except UserError as error:
        raise UserError(f"{utterance.wav} is too short: {error}") from error


def video_width(folder: Path, name: str) -> int:
    """D of an utterance's file of video features; all others must have the same.

    Raises:
      UserError: as `read_video`.
    """
    return arrays.read(_video_file(folder, name), (None, None)).shape[1]


def read_video(folder: Path, name: str, width: int) -> np.ndarray:
    """float32 [T, width] of the user's npy file of an utterance.

    Raises:
      UserError: no file, pickled, of another shape, without rows, or not finite.
    """
    path = _video_file(folder, name)
    return arrays.checked(arrays.read(path, (None, width)), str(path))


def _video_file(folder: Path, name: str) -> Path:
    path = folder / f"{name}.npy"
    if not path.is_file():
        raise UserError(
            f"{name} has a label but no video features: {path} is missing; compute it, or leave 'video' out of"
            " config.corpus.modalities"
        )
    return path
