import csv
import json

import numpy as np
import pytest
import soundfile

from affect_jax.datasets import sspnet_conflict
from affect_jax.datasets.release_files import MARKER
from affect_jax.datasets.sspnet_conflict import synthetic
from affect_jax.errors import UserError
from affect_jax.features import audio

RATE = 8000
SMALL = {"train": 3, "validation": 1, "test": 2, "seconds": 2}
BANDS = (60, 140, 200, 280, 400, 800, 1600, 2400, 4000)  # Hz; voices are pitched at 95 to 345


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw") / "sspnet_conflict"
    sspnet_conflict.synthesize(folder)
    return folder


@pytest.fixture(scope="module")
def settings(raw, tmp_path_factory):
    return {"manual_dir": str(raw), "data_dir": str(tmp_path_factory.mktemp("data"))}


@pytest.fixture(scope="module")
def corpus(settings):
    return sspnet_conflict.load(settings)


@pytest.fixture(scope="module")
def planted(settings):
    return sspnet_conflict.read_planted(settings)


def statistics(speech):
    """[10, bands + 2]: of each tenth, log energies in bands and in all, and the share of quiet moments."""
    found = []
    for part in np.array_split(audio.normalize(speech).astype(np.float64), 10):
        power = np.abs(np.fft.rfft(part * np.hanning(len(part)))) ** 2
        hertz = np.fft.rfftfreq(len(part), 1 / RATE)
        bands = [power[(hertz >= a) & (hertz < b)].mean() for a, b in zip(BANDS[:-1], BANDS[1:], strict=True)]
        frames = np.sqrt(np.mean(part[: len(part) // 160 * 160].reshape(-1, 160) ** 2, axis=1))
        found.append([*np.log(bands), np.log(np.mean(part**2)), np.mean(frames < 0.5 * frames.max())])
    return np.array(found)


def ridge(x, y, x_new, strength=0.1):
    mean, std = x.mean(axis=0), x.std(axis=0)
    x, x_new = (x - mean[None]) / std[None], (x_new - mean[None]) / std[None]
    weights = np.linalg.solve(x.T @ x + strength * len(x) * np.eye(x.shape[1]), x.T @ (y - y.mean()))
    return x_new @ weights + y.mean()


def stacked(corpus, part):
    """Statistics [N, 10, S] and levels [N] of a part."""
    clips = corpus.splits[part]
    return np.stack([statistics(c.features["speech"]) for c in clips]), np.array([c.targets["conflict"] for c in clips])


def test_planted_conflict_is_heard_by_simple_statistics(corpus, planted):
    (x, y), (x_test, y_test) = stacked(corpus, "train"), stacked(corpus, "test")
    found = ridge(x.mean(axis=1), y[:, 0], x_test.mean(axis=1))
    assert np.corrcoef(found, y_test[:, 0])[0, 1] > 0.9
    names = {part: [clip.id for clip in corpus.splits[part]] for part in ("train", "test")}
    where = {
        part: np.array([[t in planted[name] for t in range(10)] for name in found]).ravel()
        for part, found in names.items()
    }
    scores = ridge(x.reshape(-1, x.shape[-1]), where["train"].astype(float), x_test.reshape(-1, x.shape[-1]))
    yes, no = scores[where["test"]], scores[~where["test"]]
    assert np.mean(yes[:, None] > no[None, :]) > 0.95, "area under the curve: planted tenths against the others"


def test_loudness_alone_and_the_debate_do_not_tell(corpus):
    rms = [np.sqrt(np.mean(c.features["speech"].astype(float) ** 2)) for c in corpus.splits["train"]]
    levels = np.array([c.targets["conflict"][0] for c in corpus.splits["train"]])
    assert abs(np.corrcoef(rms, levels)[0, 1]) < 0.6, "gain is random; a full clip is denser than an empty one"
    groups = np.array([c.group for c in corpus.splits["train"]])
    means = np.array([levels[groups == g].mean() for g in np.unique(groups)])
    assert means.std() < 0.6 * levels.std()


def test_the_level_is_the_stated_function_of_the_planted_share(raw, corpus, planted):
    with (raw / "planted.csv").open(newline="") as file:
        rows = {row["Name"]: row for row in csv.DictReader(file)}
    for clips in corpus.splits.values():
        for clip in clips:
            share = len(planted[clip.id]) / 10
            assert float(rows[clip.id]["Share"]) == share
            level = synthetic.compute_level(share)
            assert clip.targets["conflict"][0] * 10 == pytest.approx(level) == float(rows[clip.id]["Level"])
    shares = np.linspace(0, 1, 11)
    assert (np.diff([synthetic.compute_level(s) for s in shares]) > 0).all()
    assert (synthetic.compute_level(0), synthetic.compute_level(1)) == (-10, 10)


def test_every_part_has_all_levels_and_every_tenth_its_turn(corpus, planted):
    for clips in corpus.splits.values():
        levels = [float(clip.targets["conflict"][0]) for clip in clips]
        assert min(levels) == -1
        assert max(levels) == 1
    turns = np.bincount([t for tenths in planted.values() for t in tenths], minlength=10)
    assert turns.min() > 0.5 * turns.max()


def test_default_sizes_and_sound(raw, corpus):
    assert corpus.synthetic
    assert {part: len(clips) for part, clips in corpus.splits.items()} == {"train": 48, "validation": 16, "test": 16}
    info = soundfile.info(raw / "audiodata" / f"{corpus.splits['train'][0].id}.wav")
    assert (info.samplerate, info.channels, info.subtype, info.duration) == (48000, 1, "PCM_16", 6)
    for clip in (c for clips in corpus.splits.values() for c in clips):
        speech = clip.features["speech"].astype(np.float64)
        assert abs(speech.mean()) < 0.02 * speech.std(), "no direct current"
        assert 2000 < np.abs(speech).max() < 32767


def test_seeded_and_marked(tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        sspnet_conflict.synthesize(tmp_path / name, **SMALL, seed=seed)
    a, b, c = ({p.relative_to(tmp_path / n): p.read_bytes() for p in (tmp_path / n).rglob("*.*")} for n in "abc")
    assert a == b
    assert a != c
    marker = json.loads((tmp_path / "a" / MARKER).read_text())
    assert marker["synthetic"] is True
    assert marker["parameters"] == {**SMALL, "seed": 3}
    assert marker["sizes"]["clips"] == {"train": 3, "validation": 1, "test": 2}


def test_refuses_sizes_and_existing_folders(tmp_path):
    for wrong in ({"train": 0}, {"test": 0}, {"seconds": 1}):
        with pytest.raises(UserError, match="at least 1 clip in each split, and clips of at least 2 s"):
            sspnet_conflict.synthesize(tmp_path / "a", **{**SMALL, **wrong})
    with pytest.raises(UserError, match="exists already"):
        sspnet_conflict.synthesize(tmp_path, **SMALL)
