"""A small manifest with planted answers and files of several kinds, to look at and to experiment with.

What is planted: an item has one of three emotions, and a valence that follows from it. The pitch and loudness of the
voice show the emotion well, the slow movement of the face half as well, and the word vector only separates sad from the
others. Every speaker has their own pitch and face, so a model must learn from other speakers. Some faces are missing.
"""

import csv
from pathlib import Path

import numpy as np

from affect_jax.datasets.manifest.synthetic_steps import synthesize_steps
from affect_jax.datasets.release_files import write_marker
from affect_jax.datasets.whole_folder import make_whole_folder
from affect_jax.errors import UserError

_VALENCE = {"happy": 0.8, "neutral": 0.0, "sad": -0.7}
_PITCH = {"happy": 260.0, "neutral": 200.0, "sad": 160.0}  # Hz
_RATE = 16000
_MISSING = 6  # one of so many items has no face


def synthesize(folder: Path, *, layout: str = "item", speakers: int = 8, items: int = 6, seed: int = 0) -> None:
    """Writes `manifest.csv` and its files; `folder` appears only when everything is written.

    Args:
      folder: must not exist.
      layout: item; or steps, which writes what `synthetic_steps` does, in its own sizes.
      speakers: how many groups.
      items: how many items each group has.
      seed: of all random numbers.

    Raises:
      UserError: another layout, too few speakers for folds or items for classes, or the folder exists or cannot be
        written.
    """
    if layout == "steps":
        synthesize_steps(folder, seed=seed)
        return
    if layout != "item":
        raise UserError(f"there is no synthetic manifest of the layout {layout!r}; choose item or steps")
    if speakers < 3 or items < 3:
        raise UserError(f"a synthetic manifest has {speakers} speakers with {items} items each; give 3 or more of both")
    with make_whole_folder(Path(folder)) as place:
        for name in ("face", "voice", "words"):
            (place / name).mkdir()
        with (place / "manifest.csv").open("w", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(["id", "group", "label:emotion", "label:valence", "voice", "face", "words"])
            for speaker in range(speakers):
                table.writerows(_write_speaker(place, speaker, items, seed))
        write_marker(place, "manifest", dict(speakers=speakers, items=items, seed=seed), sizes={})


def _write_speaker(place: Path, speaker: int, items: int, seed: int) -> list[list[str]]:
    import soundfile

    own = np.random.default_rng([seed, speaker]).normal(size=2)
    rows = []
    for item in range(items):
        rng = np.random.default_rng([seed, speaker, item])
        name, emotion = f"speaker{speaker + 1}_{item + 1}", tuple(_VALENCE)[item % 3]
        valence = _VALENCE[emotion] + rng.normal(scale=0.1)
        seconds = rng.uniform(0.6, 1.2)
        times = np.arange(int(seconds * _RATE)) / _RATE
        pitch = _PITCH[emotion] * 2 ** ((own[0] + 0.5 * rng.normal()) / 12)
        sound = np.sin(2 * np.pi * pitch * times) * (0.25 + 0.1 * valence) + 0.01 * rng.normal(size=len(times))
        soundfile.write(place / "voice" / f"{name}.wav", sound, _RATE, subtype="PCM_16")
        frames = np.arange(int(25 * seconds))
        movement = np.sin(frames[:, None] * (0.5 + 0.3 * valence) * np.array([0.3, 0.5, 0.7, 0.9])[None, :])
        face = movement + 0.5 * valence + own[1] + 0.7 * rng.normal(size=movement.shape)
        missing = (speaker * items + item) % _MISSING == _MISSING - 1
        if not missing:
            np.save(place / "face" / f"{name}.npy", face.astype(np.float32))
        words = np.where(emotion == "sad", 1.0, -0.5) + rng.normal(size=3)
        (place / "words" / f"{name}.csv").write_text("w1,w2,w3\n" + ",".join(f"{x:.4f}" for x in words) + "\n")
        files = [f"voice/{name}.wav", "" if missing else f"face/{name}.npy", f"words/{name}.csv"]
        rows.append([name, f"speaker{speaker + 1}", emotion, f"{valence:.4f}", *files])
    return rows
