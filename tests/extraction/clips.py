"""Small videos for tests: a bright square that moves, and a tone."""

import fractions

import av
import numpy as np

HEIGHT, WIDTH = 48, 64


def draw(position, level=200, size=(WIDTH, HEIGHT)):
    """uint8 [H, W, 3] with a square at a position from 0 to 1."""
    image = np.full((size[1], size[0], 3), 30, np.uint8)
    left = round(position * (size[0] - 12))
    image[16:28, left : left + 12] = level
    return image


def write_clip(
    path, *, seconds=1.0, fps=10, frames=None, times=None, tone=440.0, delay=0.0, codec="mpeg4", sound_codec="aac"
):
    """Writes a clip of frames (None: none; a function of the share that has passed), with a tone (None: none)."""
    rate = 48000 if sound_codec == "libopus" else 16000
    count = len(times) if times is not None else round(seconds * fps)
    with av.open(str(path), "w") as container:
        video = sound = None
        if frames is not None:
            first = frames(0.0)
            video = container.add_stream(codec, rate=fps)
            video.height, video.width = first.shape[:2]
            video.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            video.gop_size = 5
            if times is not None:
                video.codec_context.time_base = fractions.Fraction(1, 1000)
        if tone is not None:
            sound = container.add_stream(sound_codec, rate=rate, layout="mono")
        for number in range(count if video else 0):
            frame = av.VideoFrame.from_ndarray(frames(number / count), format="rgb24")
            if times is not None:
                frame.pts, frame.time_base = round(times[number] * 1000), fractions.Fraction(1, 1000)
            container.mux(video.encode(frame))
        if video:
            container.mux(video.encode())
        if sound:
            samples = 0.3 * np.sin(2 * np.pi * tone * np.arange(round(seconds * rate)) / rate)
            frame = av.AudioFrame.from_ndarray(samples.astype(np.float32)[None], format="fltp", layout="mono")
            frame.sample_rate, frame.time_base = rate, fractions.Fraction(1, rate)
            frame.pts = round(delay * rate)
            container.mux(sound.encode(frame))
            container.mux(sound.encode())


def find_packets(path, kind="video"):
    """(place, size) of the packets of the pictures, or of the sound."""
    with av.open(str(path)) as container:
        return [(p.pos, p.size) for p in container.demux(**{kind: 0}) if p.size and p.pos is not None]
