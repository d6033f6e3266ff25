"""One's own corpus, small: 12 items of 6 speakers, modalities of features, recordings, and labels of every kind."""

import numpy as np
import soundfile

RATE = 8000
LABELS = ("mood", "emotion", "valence", "trace")
FEATURES = ("face", "text")


def write(folder, columns=("face", "text", "gaze", "voice"), items=12, seed=0):
    """Writes own.csv and its files to `folder`; returns the csv's path.

    Modalities: `face` [T, 3], which shows the labels well, `text` [4] and `gaze` [T, 2], which show nothing, `voice`,
    0.2 s of sound. Labels: mood (2 classes), emotion (3), valence (numbers), trace (numbers, 5 an item).
    """
    draw = np.random.default_rng(seed)
    lines = [",".join(["id", "split", "group", *(f"label:{name}" for name in LABELS), *columns])]
    for n in range(items):
        speaker, emotion = n % 6, (n + n // 6) % 3
        valence = emotion - 1 + 0.1 * draw.normal()
        made = {
            "face": (valence + 0.1 * draw.normal(size=(3 + n % 3, 3))).astype(np.float32),
            "text": draw.normal(size=4).astype(np.float32),
            "gaze": draw.normal(size=(2 + n % 2, 2)).astype(np.float32),
        }
        sound = 0.3 * np.sin(np.arange(RATE // 5) * (0.1 + 0.1 * emotion)) + 0.01 * draw.normal(size=RATE // 5)
        for name in columns:
            if name == "voice":
                soundfile.write(folder / f"{name}_{n}.wav", sound, RATE)
            else:
                np.save(folder / f"{name}_{n}.npy", made[name])
        np.save(folder / f"trace_{n}.npy", valence + np.linspace(-0.2, 0.2, 5))
        part = ("train", "train", "train", "train", "validation", "test")[speaker]
        labels = (["calm", "tense"][n // 6], f"emotion{emotion}", f"{valence:.4f}", f"trace_{n}.npy")
        files = (f"{name}_{n}.{'wav' if name == 'voice' else 'npy'}" for name in columns)
        lines.append(",".join([f"item{n}", part, f"speaker{speaker}", *labels, *files]))
    (folder / "own.csv").write_text("\n".join(lines) + "\n")
    return folder / "own.csv"


def use(config, path, **corpus):
    """The config on that manifest, as flags would say it."""
    config.corpus.update(name="manifest", manifest=str(path), data_dir=str(path.parent / "data"), **corpus)
    return config
