"""Pictures of a video at a rate, by the times of its frames, of any container and codec (PyAV, the extra `video`).

Time 0 is where the container begins, which its sound and its pictures share.
"""

import contextlib
import importlib.util
import math
import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from affect_jax.errors import MissingPackageError, UserError, first_line
from affect_jax.features.pyav_sound import parse_duration
from affect_jax.features.segments import SLACK, WHOLE, Segment, check_inside, name_segment
from affect_jax.features.sound_streams import check_is_file

SUFFIXES = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".flv", ".wmv", ".3gp", ".ts", ".ogv")
"""Names of videos end in one of these; a file of sound may, too."""
_USUAL = Fraction(1, 25)
"""Seconds that the last frame is taken to last where nothing says it."""
_LOST = 1.0
"""Seconds that may lack at the end before a file counts as cut short: containers round, and sound may last longer."""
_LATE = 0.5
"""Seconds that the first frame may come late and still be what is seen from the start on."""
_MOST_PIXELS = 50_000_000


class Picture(NamedTuple):
    """What is seen at a time.

    Attributes:
      time: in seconds from the beginning of the file.
      image: uint8 [H, W, 3], upright.
    """

    time: float
    image: np.ndarray


class VideoFacts(NamedTuple):
    """What a container says of itself.

    Attributes:
      seconds: its length; 0 where it does not say.
      has_pictures, has_sound: whether there is a stream of each.
      sound_start: seconds from its beginning to that of its sound.
      common: seconds from its beginning to where the first of its streams ends; 0 where it does not say.
    """

    seconds: float
    has_pictures: bool
    has_sound: bool
    sound_start: float
    common: float


class _Shown(NamedTuple):
    """A frame, from when on and until when at least it is shown."""

    frame: Any
    time: float
    end: float


def is_video(path: Path) -> bool:
    """Whether a file's name is that of a video."""
    return path.suffix.lower() in SUFFIXES


def make_blind_error(path: Path) -> UserError:
    """The error of a file without pictures."""
    return UserError(f"{path} has no pictures; name a file that has, or make features of its sound alone")


def read_facts(path: Path) -> VideoFacts:
    """What the header of a container says.

    Raises:
      UserError: it is missing, empty, cut, or no container; or PyAV is not installed.
    """
    with _open_container(path) as container:
        audio, video = _pick(container.streams.audio), _pick_video(container)
        start = _measure_start(container)
        sound_start = float(audio.start_time * audio.time_base) - start if audio and audio.start_time else 0.0
        ends = [end for stream in (audio, video) if stream is not None and (end := _find_end(stream, start))]
        seconds = container.duration / 1e6 if container.duration else max(ends, default=0.0)
        return VideoFacts(
            seconds,
            video is not None,
            audio is not None,
            max(sound_start, 0.0),
            min((*ends, seconds)) if ends else seconds,
        )


def read_pictures(
    path: Path, rate: float, segment: Segment = WHOLE, remarks: list[str] | None = None
) -> Iterator[Picture]:
    """Decodes what is seen at start, start + 1 / rate, ... before the end of a file or of a stretch of it.

    What is seen at a time is the frame that was the last to appear, so frames may come at any times. Frames that cannot
    be decoded are left out, and times at which they would have been seen have no picture.

    Args:
      path: of a video.
      rate: pictures a second.
      segment: the stretch; of one shorter than 1 / rate, what is seen at its start is given.
      remarks: gets what a person should know of the file.

    Raises:
      UserError: the file is missing, empty, cut short or no video, has no pictures, or the stretch is not inside of it.
    """
    remarks, name = [] if remarks is None else remarks, name_segment(str(path), segment)
    with _open_container(path) as container:
        video = _pick_video(container)
        if video is None:
            raise make_blind_error(path)
        start = _measure_start(container)
        announced = _find_end(video, start)
        length = announced or (container.duration / 1e6 if container.duration else 0.0)
        if length:
            check_inside(segment, 0.0, length, SLACK, str(path))
        if not container.streams.audio:
            announced = length  # else sound may be what is that long
        if not video.average_rate:
            remarks.append("its header has no frame rate, so the times of its frames alone are used")
        elif _lacks_rate(path):  # FFmpeg assumes one, and says so in its log alone
            remarks.append(f"its header has no frame rate, so {float(video.average_rate):g} a second are assumed")
        try:
            yield from _sample(_decode(container, video, start, segment.start, remarks), rate, segment, announced, path)
        except require_av().error.FFmpegError as error:
            raise UserError(f"{name} cannot be decoded ({error.strerror}); copy it again") from error


def _lacks_rate(path: Path) -> bool:
    """Whether an AVI file's header of pictures has a frame rate of 0, or of 1 / 0; its frames have no times."""
    with path.open("rb") as file:
        head = file.read(4096)
    at = head.find(b"strh")
    while head.startswith(b"RIFF") and at >= 0 and len(head) >= at + 36:
        if head[at + 8 : at + 12] == b"vids":
            return 0 in struct.unpack_from("<II", head, at + 28)
        at = head.find(b"strh", at + 4)
    return False


def cut_half(image: np.ndarray, half: str) -> np.ndarray:
    """uint8 [H, W, 3] -> its 'left' or 'right' half [H, W / 2, 3], or all of it where `half` is ''."""
    middle = image.shape[1] // 2
    part = {"left": slice(middle), "right": slice(middle, None)}.get(half, slice(None))
    return np.ascontiguousarray(image[:, part])


def _sample(
    frames: Iterator[_Shown | None], rate: float, segment: Segment, announced: float, path: Path
) -> Iterator[Picture]:
    """The pictures at the wanted times; None among the frames is a place where some could not be decoded."""
    end = math.inf if segment.end is None else segment.end
    last, count, final = None, 0, 0.0

    def find_time() -> float:
        return segment.start + count / rate

    for shown in frames:
        if shown is not None and 0 < shown.time - find_time() < _LATE and last is None and count == 0:
            last = shown._replace(time=segment.start)  # the first frame may come a little late
        while last is not None and find_time() < min(end, shown.time if shown is not None else last.end):
            yield Picture(find_time(), _convert(last.frame, path))
            count += 1
        if shown is None:  # of what is shown until the next whole frame nothing is known
            last = None
            continue
        if last is None:
            count = max(count, math.ceil((shown.time - segment.start) * rate - 1e-6))
        last, final = shown, shown.end
        if shown.time >= end:
            break
    while last is not None and find_time() < min(end, last.end):
        yield Picture(find_time(), _convert(last.frame, path))
        count += 1
    if not final:
        raise UserError(f"{name_segment(str(path), segment)} has no frame that can be decoded; copy it again")
    if not count and segment.start >= final:
        raise UserError(f"{path} has no pictures behind {final:.2f} s; correct the start at {segment.start:g} s")
    if announced and final < min(end, announced) - _LOST:
        raise UserError(f"{path} is cut short: its pictures end at {final:.1f} of {announced:.1f} s; copy it again")


def _decode(container: Any, video: Any, start: float, begin: float, remarks: list[str]) -> Iterator[_Shown | None]:
    """Frames with their times, from the last one before `begin` on at the latest; None where some are lost."""
    errors, broken, last = require_av().error, 0, -math.inf
    step = float(1 / video.average_rate) if video.average_rate else float(_USUAL)
    if begin > 2:
        with contextlib.suppress(errors.FFmpegError):  # then everything before is decoded, too
            container.seek(int((begin + start) / video.time_base), stream=video)
    number, is_first = 0, True
    packets = container.demux(video)
    while True:
        try:
            packet = next(packets, None)
        except errors.FFmpegError:
            broken += 1
            break
        if packet is None:
            break
        try:
            frames = packet.decode()
        except errors.FFmpegError:
            frames = [None]
        for frame in frames:
            if frame is None or frame.is_corrupt:
                broken += 1
                yield None
                continue
            time = number * step if frame.pts is None else float(frame.pts * frame.time_base) - start
            number += 1
            if is_first and begin > 2 and time > begin + step:  # an index that leads to the wrong place
                container.seek(0)
                packets, is_first = container.demux(video), False
                break
            is_first = False
            if time <= last:
                continue
            last = time
            seconds = float(frame.duration * frame.time_base) if frame.duration else step
            yield _Shown(frame, time, time + seconds)
    if broken:
        remarks.append(f"frames that cannot be decoded are left out ({broken})")


def _convert(frame: Any, path: Path) -> np.ndarray:
    """uint8 [H, W, 3] of a frame, with square pixels, turned upright."""
    if frame.width * frame.height > _MOST_PIXELS:
        raise UserError(f"{path} has frames of {frame.width} by {frame.height} pixels; make them smaller")
    aspect = getattr(frame, "sample_aspect_ratio", None)
    width = round(frame.width * aspect) if aspect and 0.1 < aspect < 10 else frame.width
    image = frame.to_ndarray(format="rgb24", width=width) if width != frame.width else frame.to_ndarray(format="rgb24")
    turns = round((frame.rotation or 0) / 90)
    return np.ascontiguousarray(np.rot90(image, turns)) if turns % 4 else image


def require_av() -> Any:
    """PyAV.

    Raises:
      MissingPackageError: it is not installed.
    """
    if importlib.util.find_spec("av") is None:
        raise MissingPackageError("videos need PyAV, which is not installed: pip install 'affect-jax[video]'")
    import av

    return av


@contextlib.contextmanager
def _open_container(path: Path) -> Iterator[Any]:
    if not path.exists():
        raise UserError(f"{path} is missing; correct the path")
    check_is_file(path)
    av = require_av()
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("rb"))
            # Playlists could name other files and addresses, which are not to be opened.
            closed = {"protocol_whitelist": "none"}
            container = stack.enter_context(av.open(file, metadata_errors="replace", container_options=closed))
        except PermissionError:
            raise UserError(f"{path} cannot be read (Permission denied); allow it with chmod") from None
        except (av.error.FFmpegError, OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or first_line(error)
            raise UserError(f"{path} is cut short or no video ({reason}); copy it again") from error
        yield container


def _pick(streams: Any) -> Any:
    return streams[0] if streams else None


def _pick_video(container: Any) -> Any:
    """The first stream of pictures that is no cover of an album."""
    attached = require_av().stream.Disposition.attached_pic
    return next((s for s in container.streams.video if not s.disposition & attached), None)


def _measure_start(container: Any) -> float:
    """Seconds of the streams' clocks at which the container begins."""
    return container.start_time / 1e6 if container.start_time else 0.0


def _find_end(stream: Any, start: float) -> float:
    """Seconds from the beginning of the container to the end of a stream; 0 where nothing says it."""
    if stream.duration:
        first = float(stream.start_time * stream.time_base) - start if stream.start_time else 0.0
        return first + float(stream.duration * stream.time_base)
    return parse_duration(stream.metadata.get("DURATION", ""))
