"""Sound that PyAV decodes, packet by packet: what is lost in the middle is left out, told, and keeps its time."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from affect_jax.errors import UserError

_MOST_BROKEN, _MOST_LOST = 1000, 600.0
"""Pieces that are tried one after another, and seconds of silence that stand in the place of lost ones."""


def make_cut_error(path: Path, what: str) -> UserError:
    """The error of a file that ends too early."""
    return UserError(f"{path} is cut short: {what}; copy it again")


def parse_duration(text: str) -> float:
    """Seconds of `00:01:02.500`, which most programs write into Matroska files, which have no field for it; 0 if none.

    They count to the end of a stream from the beginning of the file.
    """
    try:
        hours, minutes, seconds = map(float, text.split(":"))
    except ValueError:
        return 0.0
    return 3600 * hours + 60 * minutes + seconds


class Heard(NamedTuple):
    """A frame of sound, and the seconds before it that could not be decoded."""

    frame: Any
    lost: float


def decode_packets(container: Any, track: Any, path: Path, remarks: list[str]) -> Iterator[Heard]:
    """The frames of a track; packets in its middle that cannot be decoded are left out and told.

    Raises:
      UserError: its end cannot be decoded, or less than half of it can.
    """
    import av

    packets = container.demux(track)
    end = float(track.start_time * track.time_base) if track.start_time is not None else None
    whole = broken = pending = 0
    lost = 0.0
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                break
            frames = packet.decode()
        except av.error.FFmpegError as error:
            pending, reason = pending + 1, error
            if pending > _MOST_BROKEN:
                break
            continue
        for frame in frames:
            time = None if frame.pts is None else float(frame.pts * frame.time_base)
            seconds = frame.samples / frame.sample_rate
            gap = 0.0
            if pending:
                gap = pending * seconds if time is None or end is None else max(time - end, 0.0)
                gap = min(gap, _MOST_LOST)
                broken, pending, lost = broken + pending, 0, lost + gap
            whole += 1
            end = (time if time is not None else (end or 0.0) + gap) + seconds
            yield Heard(frame, gap)
    if pending or broken > whole:
        raise UserError(
            f"{path} is cut short or damaged: it cannot be decoded beyond {end or 0.0:.1f} s; copy it again"
        ) from reason
    if broken:
        remarks.append(f"{broken} pieces of its sound cannot be decoded ({lost:.2f} s): silence stands in their place")


def read_blocks(path: Path, first: Heard, frames: Iterator[Heard], announced: int) -> Iterator[np.ndarray]:
    """float32 [n, channels] of the frames, in the channels and at the rate of the first, with silence for what is lost.

    Args:
      path: of the file.
      first: of the frames.
      frames: the others.
      announced: samples of each channel by the header; 0 where it does not say.

    Raises:
      UserError: there are fewer than were announced.
    """
    import av

    channels, rate = first.frame.layout.nb_channels, first.frame.sample_rate
    done, last, resampler = 0, None, None
    for frame, lost in itertools.chain((first,), frames, (Heard(None, 0.0),)):
        form = last if frame is None else (frame.layout.name, frame.format.name, frame.sample_rate)
        if form != last:
            # A resampler hands frames on as they are where the first of them fitted, whatever the others are.
            resampler = av.AudioResampler(format="fltp", layout=first.frame.layout, rate=rate)
            last = form
        if lost:
            silence = np.zeros((round(lost * rate), channels), np.float32)
            done += len(silence)
            yield silence
        for part in resampler.resample(frame):
            block = _copy_frame(part, channels)
            done += len(block)
            yield block
    if done < announced - rate // 4:
        raise make_cut_error(path, f"{(announced - done) / rate:.1f} of {announced / rate:.1f} s are not there")


def _copy_frame(frame: Any, channels: int) -> np.ndarray:
    """float32 [n, channels] of a frame of planar floats."""
    if len(frame.planes) != channels or any(plane.buffer_size < 4 * frame.samples for plane in frame.planes):
        raise ValueError("a part has other channels than the first")
    planes = [np.frombuffer(plane, np.float32, frame.samples) for plane in frame.planes]
    return np.stack(planes, axis=1)
