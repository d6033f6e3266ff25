"""Recordings of a manifest are read once, by all cores, and not again after a kill."""

import threading

import numpy as np
import pytest
import soundfile

from affect_jax.datasets import manifest
from affect_jax.datasets.manifest import recording_pool
from affect_jax.features import recordings
from tests.datasets.manifest.conftest import RATE


@pytest.mark.parametrize("few", [0, 10**9])
def test_recordings_are_computed_once_whoever_computes_them(corpus, monkeypatch, few):
    corpus.sound(seconds=0.5).write()
    monkeypatch.setattr(recording_pool, "_FEW_BYTES", few)
    monkeypatch.setattr(recording_pool, "count_cores", lambda: 2)
    calls, compute = [], recordings.compute_features

    def note(path, *rest):
        calls.append(path.name)
        return compute(path, *rest)

    monkeypatch.setattr(recordings, "compute_features", note)
    settings = corpus.settings(sound="mfcc", rate=RATE)
    manifest.describe(settings)  # as a process does that is killed before it builds
    kept = list((corpus.folder / "data" / recording_pool.KEPT).iterdir())
    assert len(kept) == len(corpus.rows)
    for cache in (corpus.folder / "data" / "manifest").glob("*.json"):
        cache.unlink()
    loaded = manifest.load(settings)
    assert sorted(calls) == ([] if few == 0 else sorted(f"{row['id']}.wav" for row in corpus.rows))
    assert not (corpus.folder / "data" / recording_pool.KEPT).exists()
    for recording in (r for part in loaded.splits.values() for r in part):
        expected, _ = compute(corpus.folder / "voice" / f"{recording.id}.wav", "mfcc", RATE)
        np.testing.assert_array_equal(recording.features["voice"], expected.values)


def test_what_was_done_to_recordings_is_told_of_all_of_them(corpus):
    corpus.sound(seconds=0.5).write()
    for row in corpus.rows[:3]:
        samples = corpus.arrays[row["id"], "voice"].astype(np.float64)
        soundfile.write(corpus.folder / row["voice"], samples, RATE, subtype="FLOAT")
    lines = manifest.list_contents(corpus.settings(sound="waveform", rate=RATE))
    (line,) = [line for line in lines if "divided by" in line]
    assert "16-bit numbers in a file of floats, divided by 32768" in line
    assert "3" in line


def test_threads_share_an_amount():
    budget, order = recording_pool._Budget(10), []
    first, second = threading.Event(), threading.Event()

    def take(name, amount, wait):
        with budget.take(amount):
            order.append(name)
            wait.wait(5)

    threads = [threading.Thread(target=take, args=args) for args in (("a", 8, first), ("b", 100, second))]
    threads[0].start()
    while order != ["a"]:
        pass
    threads[1].start()
    with budget.take(2):
        order.append("c")
    first.set()
    second.set()
    for thread in threads:
        thread.join(5)
    assert order == ["a", "c", "b"]
