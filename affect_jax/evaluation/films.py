"""The films of clips, as a page plays them: WebM of VP8 and Opus, which browsers have without a licence."""

import fractions
import io
from collections.abc import Callable, Container
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from affect_jax.errors import UserError
from affect_jax.features import audio, sound_files, video
from affect_jax.features.segments import WHOLE, Segment, cut_sound

Decode = Callable[[Path], audio.Sound]
_FPS, _SIDE, _RATE = 15, 320, 48_000
"""Pictures a second; pixels of their longer side at most; Hz of the sound, which is one of Opus'."""


class Film(NamedTuple):
    """A video of a clip, the stretch of it that the clip is, and 'left' or 'right' where that half alone is shown."""

    path: Path
    segment: Segment = WHOLE
    half: str = ""


def find_films(folder: Path, wanted: Container[str]) -> dict[str, Film]:
    """Clip id -> the video of its name below a folder; sound alone is no film."""
    paths = sorted(path for path in folder.rglob("*") if path.stem in wanted and video.is_video(path))
    return {path.stem: Film(path) for path in paths if video.read_facts(path).has_pictures}


def encode_film(film: Film, decode: Decode = sound_files.decode_audio) -> tuple[bytes, float]:
    """A film as WebM, small, and its seconds.

    Args:
      film: it.
      decode: reads the sound of a file; it may remember the last one, of which further clips may be stretches.

    Raises:
      UserError: the file cannot be read, or PyAV is not installed.
    """
    av = video.require_av()
    speech = _read_sound(film, decode)
    buffer, count = io.BytesIO(), 0
    with av.open(buffer, "w", format="webm") as container:
        pictures = container.add_stream("libvpx", rate=_FPS, options={"deadline": "realtime", "cpu-used": "8"})
        pictures.pix_fmt, pictures.bit_rate = "yuv420p", 200_000
        voice = container.add_stream("libopus", rate=_RATE, layout="mono") if speech is not None else None
        for picture in video.read_pictures(film.path, _FPS, film.segment):
            image = _reduce(video.cut_half(picture.image, film.half))
            if not count:
                pictures.height, pictures.width = image.shape[:2]
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = round((picture.time - film.segment.start) * _FPS), fractions.Fraction(1, _FPS)
            container.mux(pictures.encode(frame))
            count = frame.pts + 1
        container.mux(pictures.encode())
        if voice is not None:
            frame = av.AudioFrame.from_ndarray(speech[None], format="flt", layout="mono")
            frame.sample_rate, frame.time_base, frame.pts = _RATE, fractions.Fraction(1, _RATE), 0
            container.mux(voice.encode(frame))
            container.mux(voice.encode())
    seconds = count / _FPS
    return buffer.getvalue(), max(seconds, len(speech) / _RATE) if speech is not None else seconds


def _read_sound(film: Film, decode: Decode) -> np.ndarray | None:
    """float32 [T] on the clock of the pictures; None of a film without sound."""
    facts = video.read_facts(film.path)
    if not facts.has_sound:
        return None
    start, end = film.segment.start - facts.sound_start, film.segment.end
    try:
        sound = decode(film.path)
        sound = cut_sound(sound, Segment(max(start, 0.0), None if end is None else end - facts.sound_start), "")
    except UserError:  # nothing is to be heard in this stretch
        return None
    samples = audio.resample_audio(audio.Sound(audio.to_float(sound.samples), sound.rate), _RATE)
    return np.concatenate([np.zeros(round(max(-start, 0.0) * _RATE), np.float32), samples.astype(np.float32)])


def _reduce(image: np.ndarray) -> np.ndarray:
    """The picture with even sides, of which the longer has `_SIDE` pixels at most."""
    scale = min(1.0, _SIDE / max(image.shape[:2]))
    height, width = (max(2, 2 * round(side * scale / 2)) for side in image.shape[:2])
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
