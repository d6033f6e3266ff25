"""A file of sound as blocks of samples: whatever the kind of file, counted while it is decoded.

libsndfile decodes wav, flac, ogg, opus, mp3, AIFF and others; PyAV (the extra `video`) what it does not know: m4a, aac,
amr, wma, webm, and the sound of videos. What a header says of the length is used for nothing but to find that a file is
cut short.
"""

import contextlib
import hashlib
import importlib.util
import itertools
import mmap
import re
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from affect_jax.errors import UserError, first_line
from affect_jax.features import mp3_frames, pyav_sound, sound_layouts
from affect_jax.features.file_pieces import FilePieces, Piece
from affect_jax.features.pyav_sound import make_cut_error
from affect_jax.runtime.file_kinds import name_file

KINDS = "wav, flac, ogg or mp3"
SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".aifc", ".au", ".caf", ".w64", ".rf64")
SUFFIXES += (
    ".mov",
    ".avi",
    ".mkv",
    ".mpg",
    ".flv",
    ".sph",
    ".wv",
    ".mp2",
    ".m4a",
    ".mp4",
    ".aac",
    ".amr",
    ".3gp",
    ".wma",
    ".webm",
    ".mka",
)
"""Names of files of sound end in one of these; what they hold is told by what is in them."""
LOWEST_RATE, HIGHEST_RATE = 100, 768_000
"""Hz; a header with another rate is taken for damaged, as no converter has it."""
_BLOCK = 1 << 16  # samples of each channel that are decoded at once
_FLAC_RATES = {4: 8000, 5: 16000, 6: 22050, 7: 24000, 8: 32000, 9: 44100, 10: 48000}  # Hz by a frame's code
_FOR_PYAV = {  # what a file begins with that libsndfile does not read, and where
    "an MP4 (m4a, mp4, mov, 3gp)": ((4, b"ftyp"), (4, b"moov"), (4, b"mdat"), (4, b"wide"), (4, b"free")),
    "an AMR": ((0, b"#!AMR"),),
    "an ASF (wma, wmv)": ((0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),),
    "a Matroska (webm, mkv, mka)": ((0, b"\x1a\x45\xdf\xa3"),),
    "an AAC": ((0, b"\xff\xf1"), (0, b"\xff\xf9"), (0, b"ADIF")),
    "an AVI": ((8, b"AVI "),),
    "an FLV": ((0, b"FLV\x01"),),
    "an MPEG": ((0, b"\x00\x00\x01\xba"), (0, b"\x00\x00\x01\xb3")),
    "a WavPack": ((0, b"wvpk"),),
    "a Monkey's Audio": ((0, b"MAC "),),
    "an AC-3": ((0, b"\x0b\x77"),),
    "a Speex": ((28, b"Speex   "),),
}


class Stream(NamedTuple):
    """A file that is being decoded.

    Attributes:
      rate: in Hz.
      channels: how many.
      announced: samples of each channel by the header; 0 where it does not say.
      is_fine: whether its samples have more than 16 bits.
      remarks: what a person should know of the file; what was lost in the middle is there once the blocks are read.
      blocks: float32 [n, channels] one after another; raises a UserError where the file turns out to be damaged.
    """

    rate: int
    channels: int
    announced: int
    is_fine: bool
    remarks: Sequence[str]
    blocks: Iterator[np.ndarray]


@contextlib.contextmanager
def open_stream(path: Path) -> Iterator[Stream]:
    """Opens a file of sound by what it holds, whatever it is called.

    Raises:
      UserError: the file is missing, is no ordinary file, cannot be read, is no sound, or its header is damaged.
    """
    check_is_file(path)
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("rb"))
            stream = _open_by_content(file, path, stack)
            _check_rate(stream, path)
            yield stream
        except _list_decoding_errors() as error:
            raise UserError(_word_failure(path, error)) from error


def _list_decoding_errors() -> tuple[type[Exception], ...]:
    """What decoders raise for damaged files."""
    import soundfile

    # MemoryError: a header that announces too much. PyAV is there only where it was needed.
    own = (soundfile.SoundFileError, OSError, TypeError, ValueError, MemoryError, RuntimeError)
    av = sys.modules.get("av")
    return (*own, av.error.FFmpegError) if av else own


def check_is_file(path: Path) -> None:
    """Refuses what is missing or is no ordinary file, without opening it: a pipe would be waited for.

    Raises:
      UserError: see above.
    """
    try:
        status = path.stat()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in a name
        if isinstance(error, (FileNotFoundError, NotADirectoryError)):
            what = "links to a file that is not there" if path.is_symlink() else "is not a file"
            raise UserError(f"{path} {what}; name a {KINDS} file") from error
        raise UserError(f"{path} cannot be read ({first_line(error)})") from error
    if not stat.S_ISREG(status.st_mode):
        kinds = {stat.S_IFDIR: "folder", stat.S_IFIFO: "pipe (FIFO)", stat.S_IFSOCK: "socket"}
        kind = kinds.get(stat.S_IFMT(status.st_mode), "device")
        raise UserError(f"{path} is a {kind}, not a file; name a {KINDS} file")
    if not status.st_size:
        raise UserError(f"{path} is empty (0 bytes); copy or record it again")


def _word_failure(path: Path, error: Exception) -> str:
    if isinstance(error, PermissionError):
        return f"{path} cannot be read (Permission denied); allow it with chmod, or name another file"
    reason = getattr(error, "strerror", None) or re.sub("^Error opening <.*>: ", "", " ".join(str(error).split()))
    if content := name_file(path):
        is_sound = content.endswith("recording") or content.startswith("a wav")
        reason = reason if is_sound else f"it is {content}"
    kind, more = _name_kind(path), ""
    if importlib.util.find_spec("av") is None:
        if kind:
            return f"{path} is {kind} file, which needs PyAV: pip install 'affect-jax[video]', or convert it to wav"
        more = " (pip install 'affect-jax[video]' reads others)"
    return f"{path} cannot be read as audio ({reason[:200] or type(error).__name__}); give a whole {KINDS} file{more}"


def _name_kind(path: Path) -> str:
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError:
        return ""
    return next((kind for kind, marks in _FOR_PYAV.items() if any(head[at:].startswith(m) for at, m in marks)), "")


def _check_rate(stream: Stream, path: Path) -> None:
    if not LOWEST_RATE <= stream.rate <= HIGHEST_RATE:
        raise UserError(
            f"{path} has a sampling rate of {stream.rate} Hz by its header, expected {LOWEST_RATE} to"
            f" {HIGHEST_RATE} Hz; correct its header with a sound editor, or write the file again"
        )


def _open_by_content(file: BinaryIO, path: Path, stack: contextlib.ExitStack) -> Stream:
    size = path.stat().st_size
    layout = sound_layouts.find_layout(file, size, str(path))
    if layout is not None and layout.missing:
        raise make_cut_error(path, f"{layout.missing} bytes that its header announces are not there")
    if layout is not None and layout.subtype not in ("", "MP3"):
        return _open_plain(file, path, layout, stack)
    data = stack.enter_context(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    if layout is not None and layout.subtype == "":
        return _open_with_soundfile(path, FilePieces(file, _announce_length(data, layout)), stack)
    first = 0 if layout is not None else mp3_frames.find_tags_end(data)
    magic = data[first : first + 4]
    if first and magic == b"RIFF":
        pieces = FilePieces(file, [(first, size)])
        tagged = sound_layouts.find_layout(pieces, size - first, str(path))
        if tagged is not None and tagged.subtype not in ("", "MP3") and not tagged.missing:
            return _open_plain(pieces, path, tagged, stack)
    if magic == b"fLaC":
        return _open_flac(file, path, data, first, stack)
    if magic == b"OggS":
        return _open_ogg(file, path, data, first, stack)
    if layout is not None or first or mp3_frames.parse_frame(magic) or path.suffix.lower() in (".mp3", ".mp2", ".mpga"):
        begin, end = (layout.start, layout.start + layout.size) if layout is not None else (first, size)
        walk = mp3_frames.walk_frames(data, begin, end)
        if walk is not None:
            return _open_mp3(file, path, data, walk, stack)
    has_pyav = importlib.util.find_spec("av") is not None
    if has_pyav and _name_kind(path):
        return _open_with_pyav(file, path, stack)
    try:
        return _open_with_soundfile(path, FilePieces(file, [(0, size)]), stack)
    except RuntimeError:
        if not has_pyav:
            raise
        return _open_with_pyav(file, path, stack)


def _open_plain(file: BinaryIO, path: Path, layout: sound_layouts.Layout, stack: contextlib.ExitStack) -> Stream:
    """Samples that are plain numbers, wherever in the file they lie."""
    import soundfile

    # Checked here, as libsndfile does not say what is wrong with them.
    if not 1 <= layout.channels <= 1024:
        raise UserError(f"{path} is damaged: its header has {layout.channels} channels; write it again")
    if not LOWEST_RATE <= layout.rate <= HIGHEST_RATE:
        return Stream(layout.rate, layout.channels, 0, False, (), iter(()))
    pieces = FilePieces(file, [(layout.start, layout.start + layout.size)])
    raw = soundfile.SoundFile(
        pieces, "r", layout.rate, layout.channels, layout.subtype, endian=layout.endian, format="RAW"
    )
    sound = stack.enter_context(raw)
    return _stream_soundfile(sound, path, sound.frames)


def _announce_length(data: mmap.mmap, layout: sound_layouts.Layout) -> list[Piece]:
    """The wav file with its true length in its header, where that leaves it open."""
    if not layout.is_open or layout.size >= 1 << 32:
        return [(0, len(data))]
    head = data[4 : layout.start - 4]
    riff = (layout.start + layout.size - 8).to_bytes(4, "little")
    return [
        data[:4] + riff + head[4:] + layout.size.to_bytes(4, "little"),
        (layout.start, layout.start + layout.size),
    ]


def _open_with_soundfile(path: Path, pieces: FilePieces, stack: contextlib.ExitStack) -> Stream:
    import soundfile

    sound = stack.enter_context(soundfile.SoundFile(pieces))
    return _stream_soundfile(sound, path, sound.frames)


def _stream_soundfile(sound: Any, path: Path, announced: int, remarks: tuple[str, ...] = ()) -> Stream:
    is_known = 0 < announced < 1 << 48
    blocks = _read_soundfile(sound, path, announced if is_known else 0)
    is_fine = not sound.subtype.startswith(("PCM_16", "PCM_U8", "PCM_S8", "ULAW", "ALAW", "IMA", "MS_", "GSM", "G72"))
    return Stream(sound.samplerate, sound.channels, announced if is_known else 0, is_fine, remarks, blocks)


def _read_soundfile(sound: Any, path: Path, announced: int) -> Iterator[np.ndarray]:
    import soundfile

    # soundfile seeks after each read of a file that can be sought in, which fails where the header has no length.
    sound.seekable = lambda: False
    done = 0
    while True:
        try:
            block = sound.read(_BLOCK, dtype="float32", always_2d=True)
        except soundfile.SoundFileError as error:
            raise UserError(
                f"{path} is cut short or damaged: it cannot be decoded to its end; copy it again"
            ) from error
        if not len(block):
            break
        done += len(block)
        yield block
    if done < announced:
        raise make_cut_error(path, f"{announced - done} of {announced} samples that its header announces are not there")


def _open_flac(file: BinaryIO, path: Path, data: mmap.mmap, first: int, stack: contextlib.ExitStack) -> Stream:
    """libsndfile believes the rate in a flac file's header, which the first frame repeats, and compares no checksum."""
    end = len(data) - 128 if data[-128:-125] == b"TAG" else len(data)
    stream = _open_with_soundfile(path, FilePieces(file, [(first, end)]), stack)
    rate, checksum = int.from_bytes(data[first + 18 : first + 21], "big") >> 4, data[first + 26 : first + 42]
    width = (int.from_bytes(data[first + 20 : first + 22], "big") >> 4 & 31) + 1
    at, last = first + 4, False
    while not last and at + 4 <= len(data):
        last, at = data[at] >= 128, at + 4 + int.from_bytes(data[at + 1 : at + 4], "big")
    repeated = _FLAC_RATES.get(data[at + 2] & 15, rate) if at + 2 < len(data) else rate
    if repeated != rate:
        raise UserError(
            f"{path} is damaged: its header has {rate} Hz, but its first frame {repeated} Hz; copy it again"
        )
    if not any(checksum) or width not in (8, 16, 24):
        return stream
    return stream._replace(blocks=_check_flac(stream.blocks, path, width // 8, checksum))


def _check_flac(blocks: Iterator[np.ndarray], path: Path, width: int, checksum: bytes) -> Iterator[np.ndarray]:
    """The blocks; an error behind the last of them where they are not those that were encoded."""
    digest, scale = hashlib.md5(usedforsecurity=False), np.float32(1 << 8 * width - 1)
    for block in blocks:
        numbers = np.rint(block * scale).astype("<i4").reshape(-1, 1).view(np.uint8)
        digest.update(np.ascontiguousarray(numbers[:, :width]).tobytes())
        yield block
    if digest.digest() != checksum:
        raise UserError(f"{path} is damaged: its samples are not those of the checksum in its header; copy it again")


def _open_ogg(file: BinaryIO, path: Path, data: mmap.mmap, first: int, stack: contextlib.ExitStack) -> Stream:
    at, pages, starts, is_first = first, 0, [], False
    while data[at : at + 4] == b"OggS" and at + 27 <= len(data):
        was_first, is_first = is_first, bool(data[at + 5] & 2)  # of a stream
        if is_first and not was_first:
            starts.append(at)
        lengths = data[at + 27 : at + 27 + data[at + 26]]
        at, pages = at + 27 + data[at + 26] + sum(lengths), pages + 1
    if at > len(data):
        raise make_cut_error(path, f"the last of its {pages} pages lacks {at - len(data)} bytes")
    if data[first + 28 : first + 36] == b"Speex   ":
        raise RuntimeError("Speex is not supported")
    # libsndfile stops at the end of the first of several recordings in one file.
    ends = [*starts[1:], len(data)]
    parts = [_open_with_soundfile(path, FilePieces(file, [piece]), stack) for piece in zip(starts, ends, strict=True)]
    if len(parts) < 2:
        return parts[0] if parts else _open_with_soundfile(path, FilePieces(file, [(first, len(data))]), stack)
    if len({(part.rate, part.channels) for part in parts}) > 1:
        raise UserError(f"{path} is {len(parts)} recordings of different rates or channels in one; cut it apart")
    remark = f"{len(parts)} ogg recordings one after another, heard as one"
    blocks = itertools.chain.from_iterable(part.blocks for part in parts)
    return parts[0]._replace(announced=sum(part.announced for part in parts), remarks=(remark,), blocks=blocks)


def _open_mp3(
    file: BinaryIO, path: Path, data: mmap.mmap, walk: mp3_frames.Walk, stack: contextlib.ExitStack
) -> Stream:
    import soundfile

    samples = walk.samples // walk.frames
    if walk.counted > walk.frames + 2:
        lost, announced = (walk.counted - walk.frames) * samples, walk.counted * samples
        error = make_cut_error(path, f"{lost} of {announced} samples that its header announces are not there")
        # Programs that cut mp3 files between frames leave the count in the header as it was.
        raise error if walk.is_cut else UserError(f"{error}, or, if it plays to its end, convert it to wav")
    sound = stack.enter_context(soundfile.SoundFile(FilePieces(file, mp3_frames.list_pieces(data, walk))))
    remarks = []
    if walk.skipped:
        remarks.append(f"what is no sound between its frames is left out ({walk.skipped} bytes)")
    if walk.is_cut:
        remarks.append("its last frame is not whole, so it may be cut short")
    return _stream_soundfile(sound, path, 0, tuple(remarks))._replace(announced=walk.samples)


def _open_with_pyav(file: BinaryIO, path: Path, stack: contextlib.ExitStack) -> Stream:
    import av

    file.seek(0)
    # Playlists could name other files and addresses, which are not to be opened.
    closed = {"protocol_whitelist": "none"}
    container = stack.enter_context(av.open(file, metadata_errors="replace", container_options=closed))
    if not container.streams.audio:
        raise UserError(f"{path} cannot be read as audio (it has no sound in it); give a whole {KINDS} file")
    track, remarks = container.streams.audio[0], []
    frames = pyav_sound.decode_packets(container, track, path, remarks)
    first = next(frames, None)
    if first is None:
        raise UserError(f"{path} has no samples (zero length); record or copy it again")
    seconds = float(track.duration * track.time_base) if track.duration else 0.0
    if not seconds and track.start_time is not None:
        end = pyav_sound.parse_duration(track.metadata.get("DURATION", ""))
        seconds = max(end - float(track.start_time * track.time_base), 0.0)
    announced = round(seconds * first.frame.sample_rate)
    blocks = pyav_sound.read_blocks(path, first, frames, announced)
    return Stream(first.frame.sample_rate, first.frame.layout.nb_channels, announced, True, remarks, blocks)
