"""The frames of an mp3 file, found by walking from one to the next: how much sound there is, whatever a header says.

An mp3 file has no header of its own. Encoders put a count of frames into a first frame without sound (Xing or Info),
but many files lack it, and some have a wrong one; libsndfile then guesses from the first frame's bit rate. Between
frames there may be tags, pictures and rubbish. Source: ISO 11172-3, 2.4.2.3; ISO 13818-3 for the low rates.
"""

import mmap
from collections.abc import Sequence
from typing import NamedTuple

from affect_jax.features.file_pieces import Piece

_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # Hz by version
# kbit/s by the code in a frame's header; 0 is a free format, which is not walked.
_HIGH = {
    3: (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    2: (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
}
_LOW = {
    3: (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    1: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_IN_A_ROW = 3  # frames that must follow one another before they are believed


class Frame(NamedTuple):
    """A frame's header.

    Attributes:
      size: bytes, header included.
      samples: of one channel that it holds.
      kind: version, layer (3, 2, 1 for I, II, III) and rate, which are the same in all frames of a file.
      counts_at: where a count of frames would stand, from the start of the frame.
    """

    size: int
    samples: int
    kind: tuple[int, int, int]
    counts_at: int


class Walk(NamedTuple):
    """All frames of a file.

    Attributes:
      pieces: stretches of frames of sound.
      frames: how many.
      samples: of one channel, in all frames.
      kind: see `Frame`.
      counted: how many frames the file's own count says; 0 where it has none.
      head: the stretch of the frame that counts; empty where there is none.
      skipped: bytes between frames that are neither sound nor a tag.
      is_cut: whether the last frame ends with the file before it is over.
    """

    pieces: tuple[tuple[int, int], ...]
    frames: int
    samples: int
    kind: tuple[int, int, int]
    counted: int
    head: tuple[int, int]
    skipped: int
    is_cut: bool


def parse_frame(head: bytes) -> Frame | None:
    """Parses the four bytes of a frame's header; None where they are none, or of a free format."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    code, rate_code, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version == 1 or layer == 0 or code in (0, 15) or rate_code == 3 or head[3] & 3 == 2:
        return None
    rate = _RATES[version][rate_code]
    bits = 1000 * (_HIGH if version == 3 else _LOW)[layer][code]
    if layer == 3:
        samples, size = 384, (12 * bits // rate + padding) * 4
    else:
        samples = 576 if layer == 1 and version != 3 else 1152
        size = samples // 8 * bits // rate + padding
    is_mono = head[3] >> 6 == 3
    side = {(True, True): 17, (True, False): 32, (False, True): 9, (False, False): 17}[version == 3, is_mono]
    return Frame(size, samples, (version, layer, rate), 4 + side)


def walk_frames(data: bytes | mmap.mmap, start: int = 0, end: int | None = None) -> Walk | None:
    """Walks through all frames of `data[start:end]`; None where there are no frames that follow one another."""
    end = len(data) if end is None else end
    at = start
    kind: tuple[int, int, int] | None = None
    pieces: list[tuple[int, int]] = []
    frames = samples = counted = skipped = 0
    head, is_cut = (0, 0), False
    while (at := _skip_tags(data, at)) < end - 3:
        frame = parse_frame(data[at : at + 4])
        if frame is None or (kind is not None and frame.kind != kind) or (not pieces and not _leads_on(data, at, end)):
            following = _find_frame(data, at, end, kind)
            skipped += 0 if _is_tag(data, at) else (end if following < 0 else following) - at
            if following < 0:
                break
            at = following
            continue
        if at + frame.size > end:
            is_cut = True
            break
        kind = frame.kind
        if _find_count(data, at, frame):
            if not pieces and not counted:
                counted, head = _read_count(data, at, frame), (at, at + frame.size)
        else:
            frames, samples = frames + 1, samples + frame.samples
            if pieces and pieces[-1][1] == at:
                pieces[-1] = (pieces[-1][0], at + frame.size)
            else:
                pieces.append((at, at + frame.size))
        at += frame.size
    if kind is None or not frames:
        return None
    size = {"frames": frames, "samples": samples, "counted": counted, "skipped": skipped}
    return Walk(pieces=tuple(pieces), kind=kind, head=head, is_cut=is_cut, **size)


def make_count_frame(data: bytes | mmap.mmap, walk: Walk) -> bytes:
    """A frame without sound that says how many frames follow it; for layer III."""
    first = walk.pieces[0][0]
    for code in range(1, 15):
        head = bytes([0xFF, data[first + 1] | 1, data[first + 2] & 0x0C | code << 4, data[first + 3]])
        frame = parse_frame(head)
        if frame is not None and frame.size >= frame.counts_at + 12:
            body = bytes(frame.counts_at - 4) + b"Xing" + (1).to_bytes(4, "big") + walk.frames.to_bytes(4, "big")
            return (head + body).ljust(frame.size, b"\0")
    raise AssertionError("at the highest bit rate a frame has room for a count")


def list_pieces(data: bytes | mmap.mmap, walk: Walk) -> Sequence[Piece]:
    """What a decoder should be given: a right count of frames, and all frames of sound."""
    is_right = walk.counted and abs(walk.counted - walk.frames) <= 1
    if is_right or walk.kind[1] != 1:
        return [*([walk.head] if is_right else []), *walk.pieces]
    return [make_count_frame(data, walk), *walk.pieces]


def _leads_on(data: bytes | mmap.mmap, at: int, end: int, kind: tuple[int, int, int] | None = None) -> bool:
    """Whether frames of one kind follow one another from here, or one alone that ends exactly where the sound does."""
    for count in range(_IN_A_ROW):
        if at >= end - 3 or _is_tag(data, at):
            return count > 1 or (count == 1 and at <= end)
        frame = parse_frame(data[at : at + 4])
        if frame is None or (kind is not None and frame.kind != kind):
            return False
        kind, at = frame.kind, at + frame.size
    return True


def _find_frame(data: bytes | mmap.mmap, at: int, end: int, kind: tuple[int, int, int] | None) -> int:
    """Where the next frames begin behind `at`; -1 where there are none."""
    while 0 <= (at := data.find(b"\xff", at + 1, end)):
        if _leads_on(data, at, end, kind):
            return at
    return -1


def _skip_tags(data: bytes | mmap.mmap, at: int) -> int:
    """Where the ID3v2 tags that begin at `at` are over; they hold titles and pictures, megabytes of them."""
    while data[at : at + 3] == b"ID3" and len(data) >= at + 10:
        size = 0
        for byte in data[at + 6 : at + 10]:
            size = size << 7 | byte & 0x7F
        at += 10 + size + (10 if data[at + 5] & 0x10 else 0)
    return at


def find_tags_end(data: bytes | mmap.mmap) -> int:
    """Where the tags at the start of a file are over; 0 without any."""
    return _skip_tags(data, 0)


def _is_tag(data: bytes | mmap.mmap, at: int) -> bool:
    return data[at : at + 3] in (b"TAG", b"ID3", b"LYR") or data[at : at + 8] == b"APETAGEX"


def _find_count(data: bytes | mmap.mmap, at: int, frame: Frame) -> bytes:
    """The name of the count that a frame holds in place of sound; b'' where it holds sound."""
    if frame.kind[1] != 1:
        return b""
    name = data[at + frame.counts_at : at + frame.counts_at + 4]
    if name in (b"Xing", b"Info"):
        return name
    return b"VBRI" if data[at + 36 : at + 40] == b"VBRI" else b""


def _read_count(data: bytes | mmap.mmap, at: int, frame: Frame) -> int:
    place = at + frame.counts_at
    if _find_count(data, at, frame) == b"VBRI" or not data[place + 7] & 1:
        return 0  # libsndfile does not read what Fraunhofer's encoder counts
    return int.from_bytes(data[place + 8 : place + 12], "big")
