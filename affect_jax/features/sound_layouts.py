"""Where the samples lie in files that hold them as plain numbers: wav, RF64, BW64, W64, AIFF, AIFC, AU and CAF.

Programs that write into a pipe cannot know the length beforehand, so what a header says of it counts only where it can
be true. Sources: Microsoft's RIFF and WAVEFORMATEXTENSIBLE, EBU Tech 3306 (RF64), ITU-R BS.2088 (BW64), Sony's Wave64,
Apple's AIFF-C and Core Audio Format.
"""

import struct
from typing import BinaryIO, NamedTuple

from affect_jax.errors import UserError

_PLAIN = {(1, 8): "PCM_U8", (1, 16): "PCM_16", (1, 24): "PCM_24", (1, 32): "PCM_32"}
_PLAIN |= {(3, 32): "FLOAT", (3, 64): "DOUBLE", (6, 8): "ALAW", (7, 8): "ULAW"}
_AIFF = {b"NONE": 0, b"twos": 0, b"sowt": 0, b"fl32": 3, b"FL32": 3, b"fl64": 3, b"FL64": 3, b"ulaw": 7, b"ULAW": 7}
_AIFF |= {b"alaw": 6, b"ALAW": 6, b"in24": 0, b"in32": 0}
_AU = {1: "ULAW", 2: "PCM_S8", 3: "PCM_16", 4: "PCM_24", 5: "PCM_32", 6: "FLOAT", 7: "DOUBLE", 27: "ALAW"}
_EXTENSIBLE, _MP3 = 0xFFFE, 0x55
_W64_TAIL = b"\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"
_W64_HEAD = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"
_MOST_CHUNKS = 10_000
_TAGS = (b"ID3", b"TAG", b"APETAGEX", b"LYRICSBEGIN")  # programs for music append them to any file


class Layout(NamedTuple):
    """Where samples lie.

    Attributes:
      subtype: what a sample is, as libsndfile names it; '' for one that is not a plain number (ADPCM, GSM), 'MP3'.
      endian: 'LITTLE' or 'BIG'.
      channels: how many.
      rate: in Hz.
      start: the first byte of the samples.
      size: bytes of samples that are there and are meant.
      missing: bytes that the header announces and that are not there.
      is_open: whether the header leaves the length open.
    """

    subtype: str
    endian: str
    channels: int
    rate: int
    start: int
    size: int
    missing: int = 0
    is_open: bool = False


def find_layout(file: BinaryIO, size: int, name: str) -> Layout | None:
    """Finds where samples lie; None in files of other kinds.

    Args:
      file: at its start.
      size: of the file, in bytes.
      name: of the file, for messages.

    Raises:
      UserError: the header is cut short or contradicts itself, or there is something behind the samples that it does
        not announce.
    """
    head = file.read(40)
    if head[:4] in (b"RIFF", b"RF64", b"BW64", b"RIFX") and head[8:12] == b"WAVE":
        return _find_wav(file, size, name, head[:4])
    if head[:16] == _W64_HEAD:
        return _find_w64(file, size, name)
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return _find_aiff(file, size, name)
    if head[:4] in (b".snd", b"dns.") and len(head) >= 24:
        return _find_au(head, size)
    if head[:4] == b"caff":
        return _find_caf(file, size, name)
    return None


def _find_wav(file: BinaryIO, size: int, name: str, kind: bytes) -> Layout | None:
    order = ">" if kind == b"RIFX" else "<"
    at, form, long_size = 12, b"", 0
    for _ in range(_MOST_CHUNKS):
        file.seek(at)
        chunk = file.read(8)
        if len(chunk) < 8:
            break
        announced, at = struct.unpack(order + "I", chunk[4:])[0], at + 8
        if chunk[:4] == b"ds64":
            long_size = struct.unpack("<Q", file.read(24).ljust(24, b"\0")[8:16])[0]
        elif chunk[:4] == b"fmt ":
            form = file.read(min(announced, 40))
        elif chunk[:4] == b"data":
            if len(form) < 16:
                raise UserError(f"{name} is damaged: its header does not say what its samples are; write it again")
            if announced == 0xFFFFFFFF and kind in (b"RF64", b"BW64"):
                announced = long_size
            return _place_wav_samples(file, size, name, (order, form, at, announced))
        at = _find_next_chunk(file, at, announced)
    raise UserError(f"{name} is a wav file without samples (no chunk 'data' in {size} bytes); copy or record it again")


def _find_next_chunk(file: BinaryIO, at: int, length: int) -> int:
    """Where the next chunk begins: at an even place, but for programs that forget about that."""
    if length % 2:
        file.seek(at + length)
        if _is_chunk_name(file.read(4)):
            return at + length
    return at + length + length % 2


def _is_chunk_name(name: bytes) -> bool:
    return len(name) == 4 and all(32 <= byte < 127 for byte in name)


def _place_wav_samples(file: BinaryIO, size: int, name: str, parts: tuple[str, bytes, int, int]) -> Layout:
    order, form, start, announced = parts
    code, channels, rate, bytes_a_second, frame, bits = struct.unpack(order + "HHIIHH", form[:16])
    if code == _EXTENSIBLE and len(form) >= 26:
        code = struct.unpack(order + "H", form[24:26])[0]
    subtype = _PLAIN.get((code, -(-bits // 8) * 8), "")
    if subtype and (frame != channels * -(-bits // 8) or bytes_a_second != rate * frame or not channels):
        raise UserError(
            f"{name} is damaged: its header has {channels} channels of {bits} bits at {rate} Hz, but {frame} bytes a"
            f" sample and {bytes_a_second} a second; copy it again, or write it again with a sound editor"
        )
    subtype = "MP3" if code == _MP3 else subtype
    layout = Layout(subtype, "BIG" if order == ">" else "LITTLE", channels, rate, start, announced)
    return _measure_samples(file, size, name, layout)


def _measure_samples(file: BinaryIO, size: int, name: str, layout: Layout) -> Layout:
    """The layout with as many bytes of samples as there are and as are meant."""
    there, announced = size - layout.start, layout.size
    file.seek(layout.start)
    is_open = _is_open_size(announced) or (announced == 0 and there > 0 and not _begins_chunks(file, size))
    if is_open and (announced == 0 or announced >= there):
        return layout._replace(size=there, is_open=True)
    if announced in (size, size - 8) and there > 0:  # a program's error: the size of the whole file, whole as it is
        return layout._replace(size=there, is_open=True)
    if announced > there:
        return layout._replace(size=max(0, there), missing=announced - there)
    file.seek(layout.start + announced)
    # Other chunks may follow, one zero byte or none before them; and some programs fill a block with zeros.
    behind = file.read(1 << 20)
    if behind[:4] == b"RIFF" and behind[8:12] == b"WAVE":
        raise UserError(
            f"{name} is several wav files in one ({there - announced} bytes of others follow); cut it apart"
        )
    if behind.startswith(_TAGS):
        return layout
    if behind.strip(b"\0") and not _is_chunk_name(behind[:4]) and not _is_chunk_name(behind[1:5]):
        raise UserError(
            f"{name} is damaged: it has {there - announced} bytes behind the end of the samples that its header"
            " announces; copy it again, or write it again with a sound editor"
        )
    return layout


def _is_open_size(announced: int) -> bool:
    """Whether a size is what programs write that do not know it: ffmpeg FFFFFFFF, sox 7FFFF000, arecord 80000000."""
    return 0x7FFFF000 <= announced <= 0x80001000 or 0xFFFFF000 <= announced <= 0xFFFFFFFF or announced >= 1 << 62


def _begins_chunks(file: BinaryIO, size: int) -> bool:
    """Whether whole chunks follow one another up to the end: a file that is really without samples may have some."""
    at = file.tell()
    for _ in range(_MOST_CHUNKS):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8 or not _is_chunk_name(head[:4]):
            return False
        length = int.from_bytes(head[4:], "little")
        at += 8 + length + length % 2
        if at in (size, size + 1):
            return True
    return False


def _find_w64(file: BinaryIO, size: int, name: str) -> Layout | None:
    at, form = 40, b""
    for _ in range(_MOST_CHUNKS):
        file.seek(at)
        head = file.read(24)
        if len(head) < 24:
            break
        length = struct.unpack("<Q", head[16:])[0]
        if head[:16] == b"fmt " + _W64_TAIL:
            form = file.read(40)
        elif head[:16] == b"data" + _W64_TAIL and len(form) >= 16:
            return _place_wav_samples(file, size, name, ("<", form, at + 24, max(0, length - 24)))
        at += max(24, length + -length % 8)
    raise UserError(f"{name} is a W64 file without samples in its {size} bytes; copy or record it again")


def _find_aiff(file: BinaryIO, size: int, name: str) -> Layout | None:
    at, common = 12, b""
    for _ in range(_MOST_CHUNKS):
        file.seek(at)
        chunk = file.read(8)
        if len(chunk) < 8:
            break
        length, at = int.from_bytes(chunk[4:], "big"), at + 8
        if chunk[:4] == b"COMM":
            common = file.read(min(length, 22))
        elif chunk[:4] == b"SSND" and len(common) >= 18:
            offset = int.from_bytes(file.read(8)[:4], "big")
            return _place_aiff_samples(file, size, name, (common, at + 8 + offset, max(0, length - 8 - offset)))
        at = _find_next_chunk(file, at, length)
    raise UserError(f"{name} is an AIFF file without samples (no chunk 'SSND'); copy or record it again")


def _place_aiff_samples(file: BinaryIO, size: int, name: str, parts: tuple[bytes, int, int]) -> Layout:
    common, start, announced = parts
    channels, _, bits, exponent, mantissa = struct.unpack(">hIhHQ", common[:18])
    power = (exponent & 0x7FFF) - 16383 - 63
    rate = round(mantissa * 2.0**power) if -64 < power <= 0 else 0
    coding = common[18:22] if len(common) >= 22 else b"NONE"
    code, width = _AIFF.get(coding, -1), -(-bits // 8)
    width = {b"fl64": 8, b"FL64": 8, b"fl32": 4, b"FL32": 4}.get(coding, 1 if code in (6, 7) else width)
    subtype = {1: "PCM_S8", 2: "PCM_16", 3: "PCM_24", 4: "PCM_32"}.get(width, "")
    subtype = subtype if code == 0 else _PLAIN.get((code, 8 * width), "")
    layout = Layout(subtype, "LITTLE" if coding == b"sowt" else "BIG", channels, rate, start, announced)
    return _measure_samples(file, size, name, layout)


def _find_au(head: bytes, size: int) -> Layout | None:
    order = ">" if head[:4] == b".snd" else "<"
    start, announced, coding, rate, channels = struct.unpack(order + "IIIII", head[4:24])
    if coding not in _AU or start > size:
        return None
    there = size - start
    is_open = announced in (0, 0xFFFFFFFF)
    layout = Layout(_AU[coding], "BIG" if order == ">" else "LITTLE", channels, rate, start, there, is_open=is_open)
    return layout if is_open else layout._replace(size=min(there, announced), missing=max(0, announced - there))


def _find_caf(file: BinaryIO, size: int, name: str) -> Layout | None:
    at, form = 8, b""
    for _ in range(_MOST_CHUNKS):
        file.seek(at)
        chunk = file.read(12)
        if len(chunk) < 12:
            break
        length, at = struct.unpack(">q", chunk[4:])[0], at + 12
        if chunk[:4] == b"desc":
            form = file.read(32)
        elif chunk[:4] == b"data" and len(form) == 32:
            rate, coding, flags, _, _, channels, bits = struct.unpack(">d4sIIIII", form)
            code = {b"lpcm": 3 if flags & 1 else 0, b"ulaw": 7, b"alaw": 6}.get(coding, -1)
            subtype = {8: "PCM_S8", 16: "PCM_16", 24: "PCM_24", 32: "PCM_32"}.get(bits, "")
            subtype = subtype if code == 0 else _PLAIN.get((code, bits or 8), "")
            endian = "LITTLE" if flags & 2 else "BIG"
            there, start = size - at - 4, at + 4  # a count of edits comes first
            announced = there if length < 0 else length - 4
            whole = Layout(
                subtype, endian, channels, round(rate) if 0 < rate < 1e9 else 0, start, min(there, announced)
            )
            return whole._replace(missing=max(0, announced - there), is_open=length < 0)
        at += max(0, length)
    raise UserError(f"{name} is a CAF file without samples in its {size} bytes; copy or record it again")
