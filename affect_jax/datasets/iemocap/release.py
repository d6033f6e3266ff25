"""Reads IEMOCAP_full_release as its owners ship it: emotions, transcripts and the sound of every utterance.

    Session{1..5}/dialog/EmoEvaluation/<dialog>.txt     lines `[6.29 - 8.23]<TAB>Ses01F_impro01_F000<TAB>neu<TAB>[...]`
    Session{1..5}/dialog/transcriptions/<dialog>.txt    lines `Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.`
    Session{1..5}/sentences/wav/<dialog>/<utterance>.wav

    Session{1..5}/dialog/avi/DivX/<dialog>.avi          only where an extractor makes features of them

A film shows both actors, each in one half: the one whose letter the dialog's name has, who wears the markers, on the
left. We have not seen a film; public code that cuts faces out of them says so.

All text is latin-1. Lines of other forms are ignored (votes of single annotators, a heading, interjections without a
name), and so are macOS' `._*` files. Video features and word vectors are not part of the release.
"""

import re
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.datasets import npy_files
from affect_jax.datasets.iemocap import sessions
from affect_jax.datasets.iemocap.emotions import COUNTS, LEFT_OUT
from affect_jax.errors import UserError
from affect_jax.features import audio, sound_files, text

RATE, TEXT = 16000, 300
FOLDERS = ("dialog/EmoEvaluation", "dialog/transcriptions", "sentences/wav")
"""What we read of a session."""
GLOVE_FILE, VIDEO_FOLDER = "glove.txt", "video_features"
"""Where to look for word vectors and video features unless `config.corpus` says otherwise."""

FILMS = ("dialog/avi/DivX", "dialog/avi")
"""Where a session's films may lie."""
_EMOTION = re.compile(r"\[([\d.]+) - ([\d.]+)\]\t(\S+)\t(\S+)\t\[.*")
_TRANSCRIPT = re.compile(r"(Ses\S+) \[[\d.]+-[\d.]+\]: ?(.*)")


class Utterance(NamedTuple):
    """What a line of EmoEvaluation says: the utterance's name, its emotion's code, its session's folder, and when in
    its dialog it begins and ends, in seconds.
    """

    id: str
    code: str
    folder: Path
    start: float
    end: float

    @property
    def wav(self) -> Path:
        """Its sound file."""
        return self.folder / "sentences" / "wav" / self.dialog / f"{self.id}.wav"

    @property
    def dialog(self) -> str:
        """The name of its dialog."""
        return self.id.rpartition("_")[0]

    @property
    def half(self) -> str:
        """The half of the film in which its speaker is seen: 'left' or 'right'."""
        return "left" if self.id[5] == self.id.rpartition("_")[2][0] else "right"


def find_sessions(folder: Path, count: int) -> dict[int, Path]:
    """Finds the folder of each session.

    Raises:
      UserError: a session, or one of its folders, is missing.
    """
    root = folder / "IEMOCAP_full_release" if (folder / "IEMOCAP_full_release").is_dir() else folder
    folders = {number: root / f"Session{number}" for number in range(1, count + 1)}
    if not any(path.is_dir() for path in folders.values()):
        is_precomputed = any((folder / name).is_dir() for name in ("seven_category_120", "folds", "fold01"))
        hint = "; for the AMH authors' folds set config.corpus.form to 'precomputed'" if is_precomputed else ""
        raise UserError(
            f"{folder} holds no folder Session1, Session2, ...; set config.corpus.manual_dir to IEMOCAP_full_release"
            f"{hint}"
        )
    for number, path in folders.items():
        for name in FOLDERS:
            if not (path / name).is_dir():
                raise UserError(f"{path / name} is missing, expected {count} sessions with it; unpack session {number}")
    return folders


def _read_text_files(folder: Path) -> list[tuple[Path, list[str]]]:
    """Reads (file, its lines) for the text files of a folder, not of its subfolders."""
    files = sorted(path for path in folder.glob("*.txt") if not path.name.startswith("."))
    return [(path, path.read_bytes().decode("latin-1").splitlines()) for path in files]


def _read_lines(folder: Path) -> list[tuple[Path, int, str]]:
    """Reads (file, line number, line) for all text files of a folder."""
    return [(path, at, line) for path, lines in _read_text_files(folder) for at, line in enumerate(lines, start=1)]


def read_emotions(places: dict[int, Path]) -> list[Utterance]:
    """Reads all labelled utterances, whatever their label, in the order of sessions and dialogs.

    Raises:
      UserError: a name or a code is wrong, or an utterance is of another session or repeated.
    """
    utterances: dict[str, Utterance] = {}
    for number, place in places.items():
        folder = place / "dialog" / "EmoEvaluation"
        for path, lines in _read_text_files(folder):
            if not any(line.startswith("[") for line in lines):
                raise UserError(f"{path} has no line that labels an utterance; it may be damaged: copy it again")
        for path, at, line in _read_lines(folder):
            match = _EMOTION.fullmatch(line.rstrip())
            if not match:
                if line.startswith("["):
                    raise UserError(f"{path} line {at} is cut short or damaged ({line[:60]!r}); copy the file again")
                continue
            start, end, name, code = match.groups()
            sessions.parse_speaker(name, f"{path} line {at}")
            if sessions.parse_session(name) != number:
                raise UserError(
                    f"{path} line {at} names {name}, which does not belong to session {number}; copy the file again"
                )
            if code not in COUNTS and code not in LEFT_OUT:
                raise UserError(
                    f"{path} line {at} labels {name} {code!r}, expected one of {', '.join((*COUNTS, *LEFT_OUT))};"
                    " correct the line or copy the file again"
                )
            if name in utterances:
                raise UserError(f"{path} line {at} has {name} a second time; copy the file again")
            utterances[name] = Utterance(name, code, place, _parse_seconds(start), _parse_seconds(end))
    return list(utterances.values())


def _parse_seconds(text: str) -> float:
    """A time; NaN where it is none, as only films need it."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def find_film(utterance: Utterance) -> Path:
    """The avi file of an utterance's dialog.

    Raises:
      UserError: it is missing, or the utterance has no times.
    """
    if not utterance.start < utterance.end:
        raise UserError(
            f"{utterance.id} has no times, or ends before it starts, in dialog/EmoEvaluation; copy the file again"
        )
    film = _look_for_film(utterance)
    if film is None:
        place = utterance.folder / FILMS[0] / f"{utterance.dialog}.avi"
        raise UserError(
            f"{utterance.id} has a label but no film: {place} is missing; copy dialog/avi, or leave 'video' out of "
            "config.corpus.modalities"
        )
    return film


def has_film(utterance: Utterance) -> bool:
    """Whether the dialog of an utterance has a film, and the utterance times in it."""
    return utterance.start < utterance.end and _look_for_film(utterance) is not None


def _look_for_film(utterance: Utterance) -> Path | None:
    places = [utterance.folder / folder / f"{utterance.dialog}.avi" for folder in FILMS]
    return next((path for path in places if path.is_file()), None)


def read_transcripts(places: dict[int, Path], wanted: Collection[str]) -> dict[str, str]:
    """Reads utterance -> transcript.

    Raises:
      UserError: a wanted utterance has no line, or two that differ.
    """
    transcripts: dict[str, str] = {}
    for place in places.values():
        for path, at, line in _read_lines(place / "dialog" / "transcriptions"):
            match = _TRANSCRIPT.fullmatch(line.rstrip())
            if match and transcripts.setdefault(match[1], match[2]) != match[2]:
                raise UserError(f"{path} line {at} has {match[1]} a second time with other words; copy the file again")
    missing = [name for name in wanted if name not in transcripts]
    if missing:
        folder = places[sessions.parse_session(missing[0])] / "dialog" / "transcriptions"
        path = folder / f"{missing[0].rpartition('_')[0]}.txt"
        raise UserError(
            f"{missing[0]} has a label but no transcript in {path} ({len(missing)} of {len(wanted)} utterances have"
            " none); copy the folders dialog/transcriptions again"
        )
    return {name: transcripts[name] for name in wanted}


def read_text(places: dict[int, Path], wanted: Collection[str], glove: Path) -> tuple[dict[str, np.ndarray], str]:
    """Reads utterance -> float32 [T, 300] word vectors, and a sentence on the words without a vector (zeros).

    Raises:
      UserError: a transcript is missing or without words, or the file of vectors is missing or damaged.
    """
    if not glove.is_file():
        raise UserError(
            f"{glove} is missing (the words' vectors, which the release lacks); set config.corpus.glove to a GloVe file"
            f" of {TEXT} numbers a word, such as glove.840B.300d.txt, or leave 'text' out of config.corpus.modalities"
        )
    words = {name: text.split_words(transcript) for name, transcript in read_transcripts(places, wanted).items()}
    empty = [name for name, tokens in words.items() if not tokens]
    if empty:
        raise UserError(f"the transcript of {empty[0]} has no words (zero length); correct it in dialog/transcriptions")
    every = Counter(word for tokens in words.values() for word in tokens)
    vectors = text.read_glove(glove, every, TEXT)
    if not vectors:
        raise UserError(
            f"{glove} has none of the {len(every)} words of the transcripts, such as {every.most_common(1)[0][0]!r};"
            " name a GloVe file in UTF-8, or copy it again"
        )
    unknown = Counter({word: n for word, n in every.items() if word not in vectors})
    frequent = ", ".join(word for word, _ in unknown.most_common(5))
    note = (
        f"{unknown.total()} of {every.total()} words ({100 * unknown.total() / every.total():.1f} %) have no vector in"
        f" {glove.name}: zeros{f'; most often {frequent}' if frequent else ''}"
    )
    return {name: text.look_up_vectors(tokens, vectors, TEXT) for name, tokens in words.items()}, note


def find_sound(utterance: Utterance) -> Path:
    """The sound file of an utterance.

    Raises:
      UserError: it is missing.
    """
    if not utterance.wav.is_file():
        raise UserError(
            f"{utterance.id} has a label but no sound: {utterance.wav} is missing; copy the folders sentences/wav again"
        )
    return utterance.wav


def read_audio(utterance: Utterance) -> np.ndarray:
    """Computes float32 [T, 120] MFCC and their differences, every 10 ms.

    Raises:
      UserError: the sound file is missing, damaged, cut short, or shorter than 25 ms.
    """
    samples = sound_files.read_audio(find_sound(utterance), rate=RATE)
    try:
        return audio.compute_mfcc(samples, RATE)
    except UserError as error:
        raise UserError(f"{utterance.wav} is too short: {error}") from error


def read_video_width(folder: Path, name: str) -> int:
    """Reads D from the file of one utterance; all others must have the same.

    Raises:
      UserError: as `read_video`.
    """
    return npy_files.open_array(_find_video_file(folder, name), (None, None)).shape[1]


def read_video(folder: Path, name: str, width: int) -> np.ndarray:
    """Reads float32 [T, width] from the user's npy file of an utterance.

    Raises:
      UserError: the file is missing, pickled, of another shape, without rows, or not finite.
    """
    path = _find_video_file(folder, name)
    return npy_files.require_finite(npy_files.open_array(path, (None, width)), str(path))


def _find_video_file(folder: Path, name: str) -> Path:
    path = folder / f"{name}.npy"
    if not path.is_file():
        raise UserError(
            f"{name} has a label but no video features: {path} is missing; compute it, or leave 'video' out of"
            " config.corpus.modalities"
        )
    return path
