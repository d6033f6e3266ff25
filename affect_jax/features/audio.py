"""Speech from files: decoding, one sampling rate, the RMS normalisation of raw speech, and MFCC.

Everything is numpy in memory, and nothing here depends on a corpus. A file that cannot be used raises a UserError that
names it.
"""

import hashlib
import re
import struct
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from affect_jax.errors import UserError

FULL_SCALE = 0.999
"""A sample of at least this magnitude counts as clipped: 16-bit converters stop at 32767 / 32768."""
MFCC_WIDTH = 120
_KINDS = "wav, flac, ogg or mp3"
_PLAIN = (1, 3, 0xFFFE)  # kinds of wav whose samples are plain numbers
_FLAC_RATES = {4: 8000, 5: 16000, 6: 22050, 7: 24000, 8: 32000, 9: 44100, 10: 48000}  # Hz by a frame's code
_OPEN_SIZES = (0, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)  # what programs write that do not know the length beforehand


class Sound(NamedTuple):
    """A decoded file: float32 [T] in about [-1, 1], mono, at its own rate in Hz."""

    samples: np.ndarray
    rate: int


def read_audio(path: str | Path, *, rate: int) -> np.ndarray:
    """Reads a file as mono speech at one rate.

    Args:
      path: a wav, flac, ogg or mp3 file of any rate and number of channels.
      rate: in Hz.

    Returns:
      float32 [T]; may be a little outside of [-1, 1] where resampling overshoots.

    Raises:
      UserError: as `decode_audio`; or the file is shorter than one sample at `rate`.
    """
    sound = decode_audio(path)
    samples = resample_audio(sound, rate)
    if not samples.size:
        raise UserError(f"{path} has {sound.samples.size} samples at {sound.rate} Hz, too few to be read at {rate} Hz")
    return samples


def decode_audio(path: str | Path) -> Sound:
    """Reads a file at its own rate and averages its channels.

    An ogg or mp3 file that was cut between two of its frames looks like a shorter one.

    Raises:
      UserError: the file is missing, is not audio, is cut short or damaged, has no samples, or has NaN
        or infinite samples.
    """
    import soundfile

    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path} is not a file; name a {_KINDS} file")
    try:
        if not path.stat().st_size:
            raise UserError(f"{path} is empty (0 bytes); copy or record it again")
        damage = _find_wav_damage(path)
        with soundfile.SoundFile(path) as file:
            rate, announced = file.samplerate, file.frames
            channels = file.read(dtype="float32", always_2d=True)
            damage = damage or (_find_flac_damage(path, channels) if file.subtype == "PCM_16" else "")
    # TypeError: a name like x.raw, for which soundfile asks for a format instead of looking into the file.
    # MemoryError: a damaged header that announces billions of samples.
    except (soundfile.SoundFileError, OSError, TypeError, MemoryError) as error:
        reason = " ".join(str(error).replace(f"Error opening {str(path)!r}: ", "").split())
        raise UserError(f"{path} cannot be read as audio ({reason}); give a whole {_KINDS} file") from error
    if not damage and len(channels) < announced:
        lost = announced - len(channels)
        damage = f"cut short: {lost} of {announced} samples that its header announces are not there"
    if damage:
        raise UserError(f"{path} is {damage}; copy it again")
    if not len(channels):
        raise UserError(f"{path} has no samples (zero length); record or copy it again")
    samples = channels[:, 0] if channels.shape[1] == 1 else channels.mean(axis=1)
    wrong = int((~np.isfinite(samples)).sum())
    if wrong:
        raise UserError(
            f"{path} has {wrong} NaN or infinite samples, the first at"
            f" {int(np.argmin(np.isfinite(samples))) / rate:.3f} s; write the file again"
        )
    return Sound(samples, rate)


def resample_audio(sound: Sound, rate: int) -> np.ndarray:
    """Returns float32 [about T * rate / sound.rate], resampled with a band limit in high quality (soxr HQ)."""
    if sound.rate == rate:
        return sound.samples
    import soxr

    return soxr.resample(sound.samples, sound.rate, rate, quality="HQ")


def to_int16(x: np.ndarray) -> np.ndarray:
    """Returns int16 samples; full scale is 32768, values are rounded to the nearest and clipped to [-1, 1)."""
    return np.clip(np.rint(np.asarray(x, np.float32) * 32768), -32768, 32767).astype(np.int16)


def to_float(x: np.ndarray) -> np.ndarray:
    """Returns float32 samples in about [-1, 1] from int16 or float samples."""
    x = np.asarray(x)
    return x.astype(np.float32) / np.float32(32768) if x.dtype == np.int16 else x.astype(np.float32, copy=False)


def normalize_rms(x: np.ndarray, name: str = "the recording") -> np.ndarray:
    """Returns x / sqrt(mean x^2) over its own samples: equation 3.4 of the thesis.

    Args:
      x: int16 or float [T].
      name: of the file or clip, for the message.

    Returns:
      float32 [T] with a root mean square of 1.

    Raises:
      UserError: there are no samples, or all are 0, so that there is nothing to scale by.
    """
    x = np.asarray(x, np.float32)
    rms = np.sqrt(np.mean(np.square(x, dtype=np.float64))) if x.size else 0.0
    if not rms > 0:
        raise UserError(f"{name} is silent (its root mean square is 0); leave it out or record it again")
    return (x / rms).astype(np.float32)


def measure_clipping(x: np.ndarray) -> float:
    """Returns the share of samples at full scale (`FULL_SCALE`) of int16 or float [T] samples; 0 where there are none.

    Call it before resampling, which rounds the flat tops off.
    """
    return float(np.mean(np.abs(to_float(x)) >= FULL_SCALE)) if len(x) else 0.0


def compute_mfcc(x: np.ndarray, rate: int) -> np.ndarray:
    """Computes 40 Mel-frequency cepstral coefficients with their first and second differences.

    Windows of 25 ms every 10 ms (Hamming), as in chapter 4 of the thesis; 64 Mel bands up to rate / 2; the differences
    are those of a parabola through 9 windows. Not standardised.

    Args:
      x: int16 or float [T].
      rate: in Hz.

    Returns:
      float32 [1 + T // (rate / 100), 120]: 40 coefficients, 40 first and 40 second differences.

    Raises:
      UserError: fewer samples than one window, or a rate at which the bands would be empty.
    """
    import librosa

    window, hop = round(rate * 0.025), round(rate * 0.010)
    frames = count_mfcc_frames(len(x), rate)
    # Padded to at least twice the window: the lowest of 64 Mel bands are narrower than 1 / 25 ms.
    size = 2 ** int(np.ceil(np.log2(2 * window)))
    samples = np.pad(to_float(x), (0, max(0, size - len(x))))
    coefficients = librosa.feature.mfcc(
        y=samples, sr=rate, n_mfcc=40, n_fft=size, win_length=window, hop_length=hop, window="hamming", n_mels=64
    )[:, :frames]
    # 'nearest' at the ends: 'interp' would refuse clips of fewer than 9 windows.
    changes = [librosa.feature.delta(coefficients, order=order, mode="nearest") for order in (1, 2)]
    return np.concatenate([coefficients, *changes]).T.astype(np.float32)


def count_mfcc_frames(samples: int, rate: int) -> int:
    """Returns how many frames `mfcc` makes of so many samples; its errors are those of `mfcc`."""
    if rate < 8000 or samples < round(rate * 0.025):
        raise UserError(f"MFCC need at least 25 ms at 8000 Hz or more; these are {samples} samples at {rate} Hz")
    return 1 + samples // round(rate * 0.010)


def _find_wav_damage(path: Path) -> str:
    """Returns what is wrong with a wav file as a whole, in words; '' for a sound file and for other formats.

    libsndfile reads a file that lacks samples as if it were whole, believes a length that is too short, and accepts a
    header whose numbers contradict one another.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return ""
        form, announced, start = _read_chunks(file)
        kind, channels, rate, bytes_a_second, frame, bits = struct.unpack("<HHIIHH", form.ljust(16, b"\0")[:16])
        if kind in _PLAIN and (frame != channels * -(-bits // 8) or bytes_a_second != rate * frame):
            return (
                f"damaged: its header has {channels} channels of {bits} bits at {rate} Hz, but {frame} bytes a sample"
                f" and {bytes_a_second} a second"
            )
        if announced in _OPEN_SIZES:
            return ""
        end = start + announced
        if end > size:
            return f"cut short: {end - size} bytes that its header announces are not there"
        file.seek(end)
        behind = file.read()
    # Other chunks may follow the samples, one zero byte or none before them; and some programs fill a block with zeros.
    if behind.strip(b"\0") and not re.match(rb"\0?[ -~]{4}", behind):
        return f"damaged: it has {len(behind)} bytes behind the end of the samples that its header announces"
    return ""


def _find_flac_damage(path: Path, channels: np.ndarray) -> str:
    """Returns what is wrong with the header of a 16-bit flac file, in words; '' for a sound file and other formats.

    libsndfile believes the header's rate, which the first frame repeats, and its number of samples, and compares no
    checksum.
    """
    data = path.read_bytes()
    if data[:4] != b"fLaC":
        return ""
    rate, checksum = int.from_bytes(data[18:21], "big") >> 4, data[26:42]
    at, last = 4, False
    while not last and at + 4 <= len(data):
        last, at = data[at] >= 128, at + 4 + int.from_bytes(data[at + 1 : at + 4], "big")
    repeated = _FLAC_RATES.get(data[at + 2] & 15, rate) if at + 2 < len(data) else rate
    if repeated != rate:
        return f"damaged: its header has {rate} Hz, but its first frame {repeated} Hz"
    if any(checksum) and hashlib.md5(to_int16(channels).astype("<i2").tobytes()).digest() != checksum:
        return "damaged: its samples are not those of the checksum in its header"
    return ""


def _read_chunks(file: BinaryIO) -> tuple[bytes, int, int]:
    """Returns the format chunk, the announced bytes of the samples, and where they start; b'' and 0 without them."""
    form = b""
    while len(chunk := file.read(8)) == 8:
        length, at = int.from_bytes(chunk[4:], "little"), file.tell()
        if chunk[:4] == b"data":
            return form, length, at
        if chunk[:4] == b"fmt ":
            form = file.read(min(length, 16))
        file.seek(at + length + length % 2)
    return form, 0, 0
