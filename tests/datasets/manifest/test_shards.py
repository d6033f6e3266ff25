"""Recordings computed in parts, by several processes that share a folder."""

import numpy as np
import pytest

from affect_jax.datasets import manifest, prepare_corpus
from affect_jax.errors import UserError
from affect_jax.features import recordings
from tests.datasets.manifest.conftest import RATE


def test_parts_are_disjoint_and_together_all(corpus, monkeypatch):
    corpus.sound(seconds=0.5).write()
    calls, compute = [], recordings.compute_features

    def note(path, *rest):
        calls.append(path.stem)
        return compute(path, *rest)

    monkeypatch.setattr(recordings, "compute_features", note)
    settings = corpus.settings(sound="waveform", rate=RATE)
    lines = [manifest.compute_shard(settings, shard, 5) for shard in range(1, 6)]
    assert "shard 1 of 5: 3 of 12 recordings are in" in lines[0]
    assert sorted(calls) == sorted(row["id"] for row in corpus.rows)
    loaded = manifest.load(settings)
    assert len(calls) == len(corpus.rows), "nothing is computed again"
    for recording in (r for part in loaded.splits.values() for r in part):
        np.testing.assert_array_equal(recording.features["voice"], corpus.arrays[recording.id, "voice"])


def test_a_recording_that_cannot_be_read_costs_its_part_nothing_else(corpus):
    corpus.sound(seconds=0.5).write()
    (corpus.folder / corpus.rows[2]["voice"]).write_text("no sound")
    settings = corpus.settings(sound="waveform", rate=RATE)
    with pytest.raises(UserError, match=r"corpus\.csv row 4: .*i2\.wav cannot be read as audio"):
        manifest.compute_shard(settings, 1, 2)
    assert len(list((corpus.folder / "data" / "manifest" / "recordings").iterdir())) == 5
    assert "shard 2 of 2" in manifest.compute_shard(settings, 2, 2)


@pytest.mark.parametrize("shard", ["", "3", "0/4", "5/4", "1/0", "-1/4", "a/b", "1/2/3", "1.5/2"])
def test_parts_that_there_are_not(shard):
    with pytest.raises(UserError, match="--shard is .*, expected a part of how many, such as 2/8"):
        prepare_corpus.compute_shard("manifest", {}, shard)
    with pytest.raises(UserError, match="--shard is for the recordings of a manifest, not for cmu_mosi"):
        prepare_corpus.compute_shard("cmu_mosi", {}, shard)
