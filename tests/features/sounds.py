"""Sound files as people have them, made by hand."""

import struct

import numpy as np
import pytest
import soundfile

from affect_jax.features import audio, mp3_frames

RATE = 8000


def tone(hertz, seconds=1.0, rate=RATE, size=0.3):
    return (size * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def make_wav(
    path, body, *, kind=1, channels=1, rate=RATE, bits=16, size=None, riff=None, before=b"", after=b"", name=b"RIFF"
):
    """A wav file whose header says what it is told to say."""
    block = channels * bits // 8
    form = struct.pack("<HHIIHH", kind, channels, rate, rate * block, block, bits)
    inside = b"WAVE" + b"fmt " + struct.pack("<I", len(form)) + form + before
    inside += b"data" + struct.pack("<I", len(body) if size is None else size) + body + b"\0" * (len(body) % 2) + after
    path.write_bytes(name + struct.pack("<I", len(inside) if riff is None else riff) + inside)
    return path


def to_bytes(samples):
    return audio.to_int16(samples).tobytes()


def forget_length(path):
    """As a recorder that streams writes a flac file: no number of samples, no checksum."""
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0
    data[22:26], data[26:42] = bytes(4), bytes(16)
    path.write_bytes(data)


def write_mp3(path, loud_first, mode="VARIABLE", rate=16000):
    """8 s, of which the first is loud and the others are quiet, or the other way round."""
    rng, x = np.random.default_rng(0), tone(300, 8.0, rate)
    x[:rate] = rng.normal(0, 0.2, rate) if loud_first else 0
    x[rate:] *= 1e-4 if loud_first else 1
    with soundfile.SoundFile(path, "w", rate, 1, format="MP3", bitrate_mode=mode, compression_level=0.5) as file:
        file.write(x)
    return path.read_bytes()


def cut_first_frame(data):
    """An mp3 file without the count of its frames."""
    return data[mp3_frames.parse_frame(data[:4]).size :]


def write_with_pyav(path, codec, container, rate=16000, seconds=8.0, layout="mono"):
    av = pytest.importorskip("av")
    with av.open(str(path), "w", format=container) as file:
        track = file.add_stream(codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(tone(300, seconds, rate)[None], format="fltp", layout="mono")
        frame.sample_rate = rate
        form = av.AudioResampler(format=track.codec_context.format.name, layout=layout, rate=rate)
        for part in (*form.resample(frame), *form.resample(None)):
            file.mux(track.encode(part))
        file.mux(track.encode(None))
