"""Words of transcripts, with their times where these are written: SubRip (.srt), WebVTT (.vtt), plain text (.txt)."""

import codecs
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from affect_jax.errors import UserError
from affect_jax.features.segments import WHOLE, Segment

TIMED = (".srt", ".vtt")
SUFFIXES = (*TIMED, ".txt")
_LARGEST = 50_000_000
"""Bytes: no transcript is longer."""
_CLOCK = r"(?:(\d+):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
_CUE = re.compile(rf"\s*{_CLOCK}\s*-->\s*{_CLOCK}")
_INLINE = re.compile(rf"<{_CLOCK}>")
_MARKUP = re.compile(r"<[^<>]*>|\{\\[^{}]*\}")
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&nbsp;": " ", "&lrm;": "", "&rlm;": "", "&amp;": "&"}


class Word(NamedTuple):
    """A word as it stands in a text.

    Attributes:
      text: without blanks.
      start, end: when it is said, in seconds; NaN where nothing says it.
    """

    text: str
    start: float = float("nan")
    end: float = float("nan")


class Transcript(NamedTuple):
    """The words of a text.

    Attributes:
      words: in the order of their times, or of the text.
      is_timed: whether they have times.
      remarks: what is odd about the file.
    """

    words: tuple[Word, ...]
    is_timed: bool = False
    remarks: tuple[str, ...] = ()


class _Cue(NamedTuple):
    start: float
    end: float
    text: str


def read_transcript(path: Path) -> Transcript:
    """Reads a transcript by its suffix.

    The words of a cue share its time by their lengths, unless times stand among them, as WebVTT allows.

    Raises:
      UserError: it is missing, too large, in another encoding, or a cue has no time, or ends before it starts.
    """
    text = _read_text(path)
    if path.suffix.lower() not in TIMED:
        words = tuple(Word(word) for word in text.split())
        return Transcript(words, remarks=() if words else ("no word is in it, so it is missing",))
    cues = list(_parse_cues(text, path))
    if not cues and text.strip().removeprefix("WEBVTT").strip():
        raise UserError(
            f"{path} has no cue (a line such as 00:00:01,000 --> 00:00:02,500); is it another kind of file?"
        )
    remarks, ordered = [], sorted(cues)
    if cues != ordered or any(b.start < a.end - 1e-6 for a, b in zip(ordered, ordered[1:], strict=False)):
        remarks.append("cues overlap or are out of order; their words are taken in the order of their times")
    words = sorted((word for cue in cues for word in _split_cue(cue)), key=lambda word: word.start)
    remarks += [] if words else ["no word is in it, so it is missing"]
    return Transcript(tuple(words), True, tuple(remarks))


def split_text(text: str) -> Transcript:
    """The words of a text that has no times."""
    return Transcript(tuple(Word(word) for word in text.split()))


def cut_transcript(transcript: Transcript, segment: Segment) -> Transcript:
    """The words whose middle lies in a stretch; all of those that have no times."""
    if segment == WHOLE or not transcript.is_timed:
        return transcript
    end = float("inf") if segment.end is None else segment.end
    words = tuple(w for w in transcript.words if segment.start <= (w.start + w.end) / 2 < end)
    return transcript._replace(words=words)


def format_cues(cues: Sequence[tuple[float, float, str]], form: str) -> str:
    """Subtitles of (start, end, text) in seconds: SubRip ('srt') or WebVTT ('vtt')."""
    mark = "," if form == "srt" else "."
    blocks = [
        f"{number}\n{_format_time(start, mark)} --> {_format_time(end, mark)}\n{_escape(text, form)}\n"
        for number, (start, end, text) in enumerate(cues, start=1)
    ]
    return "\n".join(["WEBVTT\n", *blocks] if form == "vtt" else blocks)


def _escape(text: str, form: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") if form == "vtt" else text


def _format_time(seconds: float, mark: str) -> str:
    whole, milliseconds = divmod(round(max(seconds, 0.0) * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{mark}{milliseconds:03}"


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            raise UserError(
                f"{path} has {path.stat().st_size / 1e6:.0f} MB, too many for a transcript; correct the path"
            )
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); correct the path") from None
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 (perhaps Latin-1); save it as UTF-8") from None
    if "\0" in text:
        raise UserError(f"{path} is no text; name a transcript")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _parse_cues(text: str, path: Path) -> Iterator[_Cue]:
    """The cues of a file; blocks without a time (a header, notes, styles) are none."""
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        if "-->" not in lines[at]:
            at += 1
            continue
        times = _CUE.match(lines[at])
        if times is None:
            raise UserError(f"{path} line {at + 1} has no time (00:00:01,000 --> 00:00:02,500): {lines[at].strip()!r}")
        start, end = _read_time(times.groups()[:4]), _read_time(times.groups()[4:])
        if end < start:
            raise UserError(f"{path} line {at + 1} ends at {end:g} s, before its start at {start:g} s; correct it")
        begin = at = at + 1
        while at < len(lines) and lines[at].strip() and "-->" not in lines[at]:
            at += 1
        yield _Cue(start, end, "\n".join(lines[begin:at]))


def _read_time(parts: Sequence[str | None]) -> float:
    hours, minutes, seconds, fraction = parts
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + int(fraction.ljust(3, "0")) / 1000


def _split_cue(cue: _Cue) -> Iterator[Word]:
    """The words of a cue; those between two times that stand among them share what lies between these."""
    pieces = _INLINE.split(cue.text)
    texts = pieces[::5]
    starts = [cue.start, *(_read_time(pieces[at : at + 4]) for at in range(1, len(pieces), 5))]
    starts = [min(max(start, cue.start), cue.end) for start in starts]
    for text, start, end in zip(texts, starts, [*starts[1:], cue.end], strict=True):
        words = _clean(text).split()
        total, done = sum(map(len, words)), 0
        for word in words:
            begin, done = done, done + len(word)
            yield Word(word, start + (end - start) * begin / total, start + (end - start) * done / total)


def _clean(text: str) -> str:
    """A text without markup, nor the dashes that begin what another person says."""
    text = _MARKUP.sub("", text)
    for name, mark in _ENTITIES.items():
        text = text.replace(name, mark)
    return re.sub(r"^\s*[-\u2013\u2014]+\s+", "", text, flags=re.MULTILINE)
