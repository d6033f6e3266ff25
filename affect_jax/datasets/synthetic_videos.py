"""Small videos of drawn faces or bars, for synthetic corpora (PyAV, the extra `video`)."""

import fractions
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from affect_jax.features import video

FPS = 10


def write_video(path: Path, images: Iterable[np.ndarray], speech: np.ndarray | None = None, rate: int = 0) -> None:
    """Writes pictures, and sound beside them.

    Args:
      path: its suffix chooses the container.
      images: uint8 [H, W, 3], `FPS` a second; H and W even.
      speech: int16 [T] or of two channels [T, 2]; None for a video without sound.
      rate: of the speech, in Hz.

    Raises:
      UserError: PyAV is not installed.
    """
    av = video.require_av()
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=FPS)
        stream.pix_fmt, stream.gop_size, stream.bit_rate = "yuv420p", 5, 2_000_000
        voice, done = None, 0
        if speech is not None:
            # AVI does not say by how much MP3 or AAC begin late; ADPCM, which old films have too, does not.
            codec = "adpcm_ms" if path.suffix == ".avi" else "aac"
            voice = container.add_stream(codec, rate=rate, layout=_find_layout(speech))
        for number, image in enumerate(images):
            if number == 0:
                stream.height, stream.width = image.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            if voice is not None:  # beside its picture, as players and readers want it
                done, start = min(len(speech), round((number + 1) / FPS * rate)), done
                _write_sound(container, voice, speech[start:done], start, rate)
        container.mux(stream.encode())
        if voice is not None:
            _write_sound(container, voice, speech[done:], done, rate)
            container.mux(voice.encode())


def _find_layout(speech: np.ndarray) -> str:
    return "mono" if speech.ndim == 1 else "stereo"


def _write_sound(container: Any, voice: Any, samples: np.ndarray, start: int, rate: int) -> None:
    """Encodes int16 [T] or [T, 2] from the sample `start` on."""
    if len(samples):
        packed = np.ascontiguousarray(samples).reshape(1, -1)
        frame = video.require_av().AudioFrame.from_ndarray(packed, format="s16", layout=_find_layout(samples))
        frame.sample_rate, frame.time_base, frame.pts = rate, fractions.Fraction(1, rate), start
        container.mux(voice.encode(frame))


def draw_face(smile: float, brow: float, mouth: float, shade: float) -> np.ndarray:
    """uint8 [64, 64, 3]: a head with brows and a mouth.

    Args:
      smile: how far the corners of the mouth are up, from -1 to 1.
      brow: how far the brows fall towards the nose, from -1 to 1.
      mouth: how far it is open, from 0 to 1.
      shade: brightness of the skin, from 0 to 1.
    """
    y, x = np.mgrid[-1:1:64j, -1:1:64j]
    image = np.full((64, 64), 40.0)
    image[(x / 0.75) ** 2 + (y / 0.95) ** 2 < 1] = 110 + 110 * shade
    side = np.abs(np.abs(x) - 0.32)
    image[(side / 0.12) ** 2 + ((y + 0.2) / 0.07) ** 2 < 1] = 20
    image[(side < 0.2) & (np.abs(y + 0.42 + 0.6 * brow * (np.abs(x) - 0.32)) < 0.05)] = 20
    lips = 0.45 - 1.2 * smile * (x**2 - 0.06)
    image[(np.abs(x) < 0.4) & (np.abs(y - lips) < 0.05 + 0.15 * mouth * (1 - (x / 0.4) ** 2))] = 60
    return np.repeat(np.clip(image, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def draw_bars(values: Sequence[float]) -> np.ndarray:
    """uint8 [64, 64, 3]: bars across, one a value, as bright as it is high, from -2 to 2."""
    levels = np.clip(128 + 60 * np.asarray(values), 0, 255).astype(np.uint8)
    image = np.full((64, 64), 60, np.uint8)
    edges = np.linspace(2, 62, len(levels) + 1).astype(int)
    for level, top, bottom in zip(levels, edges, edges[1:], strict=False):
        image[top : bottom - 2, 8:56] = level
    return np.repeat(image[..., None], 3, axis=2)
