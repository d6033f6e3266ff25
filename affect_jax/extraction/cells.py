"""Cells of a table as what extractors read: samples, words or pictures of a file or of a stretch of it."""

import functools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.encoders.images import read_image
from affect_jax.errors import UserError
from affect_jax.extraction.sources import RATE, Source
from affect_jax.features import sound_files, sound_streams, transcripts, video
from affect_jax.features.audio import Sound
from affect_jax.features.segments import WHOLE, Segment, cut_sound, hold_last, name_segment
from affect_jax.features.transcripts import Transcript
from affect_jax.features.video import Picture
from affect_jax.runtime import files

_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
_DIGITS = re.compile(r"(\d+)")


class Cell(NamedTuple):
    """A cell that is there.

    Attributes:
      path: the file or folder that it names; None where it holds words.
      segment: the stretch.
      content: a hash of what is read: equal ones give equal features.
      seconds: of the stretch, about; 0 where nothing says it.
      pictures: the files of a folder of pictures.
      transcript: of words.
      remarks: what is odd about it.
      half: 'left' or 'right' where that half of its pictures alone is looked at; '' for all of them.
    """

    path: Path | None
    segment: Segment
    content: str
    seconds: float = 0.0
    pictures: tuple[Path, ...] = ()
    transcript: Transcript | None = None
    remarks: tuple[str, ...] = ()
    half: str = ""

    @property
    def name(self) -> str:
        """How messages call it."""
        return name_segment(str(self.path), self.segment)


class Heard(NamedTuple):
    """A recording, and when in its file it begins, in seconds."""

    sound: Sound
    start: float


Decode = Callable[[Path], Heard]


def open_cell(text: str, base: Path, segment: Segment, source: Source, rate: float, half: str = "") -> Cell:
    """Finds what a cell names, and its content, without decoding it.

    Args:
      text: of the cell.
      base: folder that paths start from.
      segment: the stretch.
      source: what will read it.
      rate: pictures a second, of videos.
      half: 'left' or 'right' where that half of the pictures of a video alone is looked at.

    Raises:
      UserError: there is no such file, or none of a kind that the extractor reads.
    """
    if source.kind == "words":
        return _open_words(text, base, segment)
    path = base / files.expand_home(text)
    if source.kind == "pictures" and not video.is_video(path):
        return _open_pictures(path, segment, source)
    if not path.exists():
        raise UserError(f"{path} is missing; correct the path")
    sound_streams.check_is_file(path)
    content, facts = _hash_file(path), None
    if video.is_video(path):
        facts = video.read_facts(path)
        if source.kind == "pictures" and not facts.has_pictures:
            raise video.make_blind_error(path)
        if source.kind == "sound" and not facts.has_sound:
            raise UserError(f"{path} has no sound; name a file that has, or make features of its pictures alone")
    whole = facts.seconds if facts else sound_files.estimate_seconds(path)
    seconds = max((whole if segment.end is None else segment.end) - segment.start, 0.0)
    if source.kind == "pictures":
        content += f" {rate:g}" + (f" {half}" if half else "")
    return Cell(path, segment, content, seconds, half=half)


def _hash_file(path: Path) -> str:
    status = path.stat()
    return _hash_version(path, status.st_size, status.st_mtime_ns)


@functools.lru_cache(4096)
def _hash_version(path: Path, size: int, changed: int) -> str:
    """The hash of a file that several modalities, or many stretches, are made of."""
    return files.hash_file(path)


def _open_words(text: str, base: Path, segment: Segment) -> Cell:
    path = base / files.expand_home(text) if text.lower().endswith(transcripts.SUFFIXES) else None
    transcript = transcripts.read_transcript(path) if path else transcripts.split_text(text)
    cut = transcripts.cut_transcript(transcript, segment)
    start = segment.start if cut.is_timed else 0.0
    words = tuple(word._replace(start=word.start - start, end=word.end - start) for word in cut.words)
    remarks = cut.remarks
    if transcript.words and not words:
        remarks = (*remarks, "no word is in a stretch, so it is missing")
    seconds = 0.0
    if cut.is_timed and words:
        seconds = max((transcript.words[-1].end if segment.end is None else segment.end) - segment.start, 0.0)
    content = " ".join(f"{w.text} {w.start:.3f} {w.end:.3f}" if cut.is_timed else w.text for w in words)
    return Cell(path, WHOLE, content, seconds, transcript=Transcript(words, cut.is_timed), remarks=remarks)


def _open_pictures(path: Path, segment: Segment, source: Source) -> Cell:
    if path.suffix.lower() in sound_streams.SUFFIXES:
        sound_streams.check_is_file(path)
        raise video.make_blind_error(path)
    if segment != WHOLE:
        raise UserError("pictures have no times, so start and end say nothing of them; leave these out")
    try:
        pictures = _list_pictures(path)
        return Cell(path, segment, " ".join(map(_hash_file, pictures)), pictures=tuple(pictures))
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); correct the path") from None


def _list_pictures(path: Path) -> list[Path]:
    """The pictures of a folder in the order of their names, numbers by value; or the one that is named."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UserError(f"{path} is neither a video, nor a folder of pictures, nor a picture; correct the path")
    pictures = [file for file in path.iterdir() if file.suffix.lower() in _PICTURES]
    if not pictures:
        raise UserError(f"{path} has no pictures ({', '.join(_PICTURES)}); correct the path")
    return sorted(pictures, key=_order_by_numbers)


def _order_by_numbers(file: Path) -> list[tuple[int, int, str]]:
    """A key that sorts 2.png before 10.png."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in _DIGITS.split(file.name)]


def make_decoder() -> Decode:
    """A reader of recordings that remembers the last one, as its other stretches may be asked for next."""

    def decode(path: Path) -> Heard:
        start = video.read_facts(path).sound_start if video.is_video(path) else 0.0
        return Heard(sound_files.decode_audio(path), start)

    return hold_last(decode)


def read_samples(cell: Cell, decode: Decode) -> tuple[np.ndarray, float]:
    """The samples of a stretch, float32 [S] at `RATE`, and when after its start they begin, in seconds.

    Sound of a video may begin later than its pictures; times are those of the video.

    Raises:
      UserError: it cannot be decoded, nothing is to be heard, or the stretch is not inside of it.
    """
    heard, segment = decode(cell.path), cell.segment
    end = None if segment.end is None else segment.end - heard.start
    if end is not None and end <= 0:
        raise UserError(f"{cell.name} has no sound, which begins at {heard.start:.2f} s; leave this stretch out")
    sound = cut_sound(heard.sound, Segment(max(segment.start - heard.start, 0.0), end), str(cell.path))
    samples = sound_files.resample_sound(sound, RATE, cell.name)
    sound_files.check_sounding(samples, sound, RATE, cell.name)
    return samples, max(heard.start - segment.start, 0.0)


def read_pictures(cell: Cell, rate: float, remarks: list[str]) -> Iterator[Picture]:
    """The pictures of a cell, with times from the start of the stretch; NaN of those in a folder.

    Raises:
      UserError: a file cannot be decoded.
    """
    if cell.pictures:
        for path in cell.pictures:
            yield Picture(float("nan"), read_image(path))
        return
    for picture in video.read_pictures(cell.path, rate, cell.segment, remarks):
        yield Picture(picture.time - cell.segment.start, video.cut_half(picture.image, cell.half))
