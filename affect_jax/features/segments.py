"""A stretch of a file, in seconds: what a row of a manifest names by `start` and `end`."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

from affect_jax.errors import UserError
from affect_jax.features.audio import Sound

SLACK = 0.1
"""Seconds that an end may lie behind that of the file: times in transcripts are rounded, and so are lengths of mp3."""
BEHIND = f"ends that lie at most {SLACK:g} s behind the end of the file are read to its end"

Content = TypeVar("Content")


class Segment(NamedTuple):
    """A stretch from `start` up to `end`, in seconds of the file's own clock; None is the end of the file."""

    start: float = 0.0
    end: float | None = None


WHOLE = Segment()
"""The whole file."""


def format_seconds(seconds: float) -> str:
    """Seconds to the millisecond, without zeros behind."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".")


def name_segment(name: str, segment: Segment) -> str:
    """How messages call a stretch: `talk.wav from 1.5 to 3 s`."""
    if segment == WHOLE:
        return name
    end = "its end" if segment.end is None else f"{format_seconds(segment.end)} s"
    return f"{name} from {format_seconds(segment.start)}{' s' if segment.end is None else ''} to {end}"


def check_inside(segment: Segment, first: float, last: float, slack: float, name: str) -> None:
    """Refuses a stretch that is not inside of a file.

    Args:
      segment: the stretch.
      first: where the file begins, in seconds.
      last: where it ends.
      slack: seconds that the stretch may reach beyond either.
      name: of the file, for the message.

    Raises:
      UserError: it starts or ends outside; the sentence tells the file's length.
    """
    length = f"{format_seconds(last)} s"
    if first:
        length = f"times from {format_seconds(first)} to {length}"
    for what, seconds in (("start", segment.start), ("end", segment.end)):
        if not seconds:  # left open, or the beginning, wherever that is
            continue
        if seconds > last + slack or seconds < first - slack or (what == "start" and seconds >= last):
            raise UserError(
                f"{name} has {length}, so the {what} at {format_seconds(seconds)} s lies outside of it; correct it (in"
                " seconds, or as [hh:]mm:ss)"
            )


def cut_sound(sound: Sound, segment: Segment, name: str) -> Sound:
    """The samples of a stretch, from the nearest sample on, as a sound editor cuts them.

    Raises:
      UserError: the stretch is not inside of the recording, or is shorter than a sample.
    """
    if segment == WHOLE:
        return sound
    seconds = len(sound.samples) / sound.rate
    check_inside(segment, 0.0, seconds, SLACK, name)
    end = seconds if segment.end is None else segment.end
    samples = sound.samples[round(segment.start * sound.rate) : round(end * sound.rate)]
    if not len(samples):
        raise UserError(f"{name_segment(name, segment)} has no sample; correct start or end")
    remarks = (*sound.remarks, BEHIND) if end > seconds else sound.remarks
    return sound._replace(samples=samples, remarks=remarks)


def hold_last(read: Callable[[Path], Content]) -> Callable[[Path], Content]:
    """`read`, which remembers what it gave for the last path, so that a long file with many segments is read once."""
    held: dict[Path, Content] = {}

    def read_once(path: Path) -> Content:
        if path not in held:
            held.clear()  # first, so that no two files are in memory
            held[path] = read(path)
        return held[path]

    return read_once
