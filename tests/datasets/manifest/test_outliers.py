"""What is said of a file that is far longer than the others of its column."""

import numpy as np
import pytest
import soundfile

from affect_jax.datasets import manifest


def write(folder, lengths, save):
    rows = ["id,label,voice"]
    for n, length in enumerate(lengths):
        rows.append(f"clip_{n:02},{n % 3 / 2},{save(folder / f'v{n}', length, n)}")
    (folder / "own.csv").write_text("\n".join(rows) + "\n")
    settings = {"name": "manifest", "manifest": str(folder / "own.csv"), "data_dir": str(folder / "data"), "folds": 3}
    return [line for line in manifest.list_contents(settings) if line.startswith("far longer")]


def save_array(path, length, seed):
    np.save(path.with_suffix(".npy"), np.random.default_rng(seed).normal(size=(length, 2)).astype(np.float32))
    return path.with_suffix(".npy").name


def save_times(path, length, seed):
    """At 10 frames a second, as the file says."""
    lines = [f"{0.1 * t:.1f},{np.sin(t + seed):.4f}" for t in range(length)]
    path.with_suffix(".csv").write_text("\n".join(["time,x", *lines]) + "\n")
    return path.with_suffix(".csv").name


def save_sound(path, length, seed):
    sound = 0.3 * np.sin(np.arange(80 * length) * (0.1 + 0.01 * seed))
    soundfile.write(path.with_suffix(".wav"), sound, 8000)
    return path.with_suffix(".wav").name


@pytest.mark.parametrize(
    ("save", "sentence"),
    [
        (save_array, "'clip_03' has 3,000 frames, the 9 others 80 to 120 frames"),
        (save_times, "'clip_03' has 300 s, the 9 others 8 to 12 s"),
        (save_sound, "'clip_03' has 30 s, the 9 others 0.8 to 1.2 s"),
    ],
)
def test_the_outlier_is_named_with_its_length(tmp_path, save, sentence):
    lengths = [80, 100, 120, 3000, *[100] * 6]
    assert write(tmp_path, lengths, save) == [f"far longer   voice: {sentence}; is the path right?"]


def test_nothing_is_said_of_lengths_as_people_have_them(tmp_path):
    assert write(tmp_path, [30, 50, 100, 140, 60, 70], save_array) == []
