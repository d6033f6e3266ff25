"""The corpus of noise that streaming is timed with, and the page of its results."""

import numpy as np

from affect_jax.datasets import build
from affect_jax.datasets.stored_array import StoredArray
from benchmarks import noise, streaming


def test_noise_left_in_its_files_is_the_noise_in_memory(tmp_path):
    whole = noise.clips(tmp_path, 3, seconds=1)
    with build.leave_features(0):
        left = noise.clips(tmp_path, 3, seconds=1)
    assert [r.id for r in left] == [r.id for r in whole]
    for a, b in zip(left, whole, strict=True):
        assert isinstance(a.features["speech"], StoredArray)
        np.testing.assert_array_equal(np.asarray(a.features["speech"]), b.features["speech"])
        assert b.features["speech"].dtype == np.int16
        assert b.features["speech"].shape == (noise.RATE,)


def test_noise_of_frames_has_a_label_a_frame(tmp_path):
    whole = noise.recordings(tmp_path, 2, frames=5, width=3)
    with build.leave_features(1):
        left = noise.recordings(tmp_path, 2, frames=5, width=3)
    assert [r.id for r in left] == [r.id for r in whole]
    for a, b in zip(left, whole, strict=True):
        np.testing.assert_array_equal(np.asarray(a.features["audio"]), b.features["audio"])
        assert (b.features["audio"].shape, len(b.steps), b.targets["level"].shape) == ((5, 3), 5, (5,))


def test_the_page_compares_what_was_timed():
    side = dict(clips=100, waited=[0.0, 0.0, 0.0], before=10e6, peak=410e6)
    sides = {"resident": {**side, "seconds": [1.0, 2.0, 9.0]}, "streamed": {**side, "seconds": [4.0, 4.0, 4.0]}}
    sides["streamed"] |= dict(waited=[1.0, 1.0, 4.0], peak=110e6)
    sides["uncached"] = {**sides["streamed"], "seconds": [8.0, 8.0, 8.0], "peak": 60e6}
    row = streaming.table({"mean-1": {"title": "a model", "load": 0.2, "size": 480000, **sides}}, "where").splitlines()
    assert row[-1] == ("| a model | 50.0 | 25.0 | 50% | 12.5 | 25% | 12 | 50% | 25% | 400 MB | 100 MB | 50 MB | 0.2 |")
    assert row[-1].count("|") == row[-2].count("|") == row[-3].count("|")
