"""A small CMU-MOSI in the layout of its raw release with planted answers, read by the same reader as the real files.

What is planted: the sentiment of an utterance bends the mouth of a drawn face, lifts the pitch and the loudness of a
voice, and chooses words; each modality sees it with a noise of its own, so several together tell more.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from affect_jax.datasets.cmu_mosi import raw_release
from affect_jax.datasets.release_files import write_marker
from affect_jax.datasets.synthetic_videos import FPS, draw_face, write_video
from affect_jax.datasets.whole_folder import make_whole_folder
from affect_jax.errors import UserError
from affect_jax.features.audio import to_int16

_RATE = 16000
_SHORTEST, _LONGEST = 3, 6
"""Utterances of a video."""
_DOUBT = {"text": 0.7, "audio": 1.0, "video": 0.9}
"""Standard deviation of what is added to a sentiment, of -3 to 3."""
_GOOD = ("GREAT", "LOVED", "FUNNY", "BEAUTIFUL", "BEST")
_BAD = ("BORING", "AWFUL", "HATED", "STUPID", "WORST")
_PLAIN = ("THE", "MOVIE", "IT", "WAS", "AND", "SCENE", "ACTOR", "A")


def synthesize_raw(folder: Path, *, train_videos: int = 24, test_videos: int = 12, seed: int = 0) -> None:
    """Writes the corpus; `folder` appears only when everything is written.

    Args:
      folder: must not exist.
      train_videos: videos that are not tested on, of which a fifth validates.
      test_videos: videos of the test split.
      seed: of all random numbers.

    Raises:
      UserError: a size is too small, the folder exists or cannot be written, or PyAV, which writes films, is missing.
    """
    if train_videos < 2 or test_videos < 1:
        raise UserError("config.corpus.synthetic has a size that is too small; give 2 training videos and 1 test video")
    names = [
        hashlib.sha256(f"{seed}/raw/{number}".encode()).hexdigest()[:8] + f"_-{number % 10}"
        for number in range(train_videos + test_videos)
    ]
    held_out = max(1, train_videos // 5)
    with make_whole_folder(Path(folder)) as place:
        root = place / "Raw"
        for part in (raw_release.SOUND, raw_release.FILM, raw_release.WORDS):
            (root / part).mkdir(parents=True)
        rows = [row for number, name in enumerate(names) for row in _write_video(root, name, number, seed)]
        (root / raw_release.LABELS[0]).write_text("start,end,video,segment,label\n" + "\n".join(rows) + "\n")
        sizes = {"form": "raw", "validation": names[:held_out], "test": names[train_videos:]}
        write_marker(place, "cmu_mosi", {"train_videos": train_videos, "test_videos": test_videos, "seed": seed}, sizes)


def _write_video(root: Path, name: str, number: int, seed: int) -> Iterator[str]:
    """Writes the files of the utterances of a video; yields their rows of labels.csv."""
    import soundfile

    rng = np.random.default_rng([seed, 20, number])
    mood, voice, shade = rng.normal(), rng.normal(), rng.uniform(0.3, 0.8)
    lines, clock = [], 0.0
    for segment in range(1, int(rng.integers(_SHORTEST, _LONGEST + 1)) + 1):
        sentiment = round(float(np.clip(1.5 * (mood + rng.normal()), -3, 3)), 1) + 0.0
        seen = {m: sentiment + doubt * rng.normal() for m, doubt in _DOUBT.items()}
        seconds = float(rng.uniform(0.5, 1.0))
        speech = to_int16(_render_voice(rng, seen["audio"], voice, seconds))
        path = f"{name}_{segment}"
        soundfile.write(root / raw_release.SOUND / f"{path}.wav", speech, _RATE, subtype="PCM_16")
        smiles = np.tanh(seen["video"] / 2 + 0.1 * rng.normal(size=max(1, round(seconds * FPS))))
        faces = (draw_face(float(smile), 0.0, 0.2, shade) for smile in smiles)
        write_video(root / raw_release.FILM / f"{path}.mp4", faces, speech, _RATE)
        lines.append(f"{segment}_DELIM_{' '.join(_draw_words(rng, seen['text']))}")
        yield f"{clock:.3f},{clock + seconds:.3f},{name},{segment},{sentiment:g}"
        clock += seconds
    (root / raw_release.WORDS / f"{name}.annotprocessed").write_text("\n".join(lines) + "\n")


def _render_voice(rng: np.random.Generator, sentiment: float, voice: float, seconds: float) -> np.ndarray:
    """float64 [T]: a hum that is higher and louder the better the sentiment."""
    time = np.arange(round(seconds * _RATE)) / _RATE
    pitch = 140 * 2 ** (0.2 * voice + 0.12 * sentiment)
    hum = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 8))
    return 0.05 * 2 ** (0.4 * sentiment) * hum / 2 * np.sin(np.pi * time / seconds) + 1e-4 * rng.normal(size=len(time))


def _draw_words(rng: np.random.Generator, sentiment: float) -> list[str]:
    """Three to seven words, of which more are good the better the sentiment."""
    count = int(rng.integers(3, 8))
    telling = rng.random(count) < 0.5
    good = rng.random(count) < 1 / (1 + np.exp(-1.5 * sentiment))
    return [
        str(rng.choice(_GOOD if is_good else _BAD) if tells else rng.choice(_PLAIN))
        for tells, is_good in zip(telling, good, strict=True)
    ]
