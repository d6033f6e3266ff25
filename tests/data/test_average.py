"""Means of neighbouring steps: what they are, and where they are refused."""

import numpy as np
import pytest

from affect_jax.config.schema import Data
from affect_jax.data import splits
from affect_jax.data.average import average_steps
from affect_jax.datasets.recordings import Recording
from affect_jax.errors import UserError


def make_recordings():
    draw = np.random.default_rng(0)
    return [
        Recording(
            id=f"r{n}",
            group="g",
            steps=(f"r{n}",),
            features={"a": draw.normal(size=(4 + n, 3)).astype(np.float32), "v": np.ones(4, np.int16)},
            targets={"y": np.zeros(1, np.float32)},
        )
        for n in range(3)
    ]


def test_means_are_those_of_neighbouring_steps_and_of_what_is_left():
    made = make_recordings()
    for one, other in zip(made, average_steps(made, {"a": 2, "absent": 3}), strict=True):
        a = one.features["a"]
        expected = [a[start : start + 2].mean(axis=0) for start in range(0, len(a), 2)]
        np.testing.assert_allclose(other.features["a"], expected, atol=1e-6)
        assert other.features["a"].dtype == np.float32
        assert other.features["v"] is one.features["v"]
    assert average_steps(made, {}) == made


def test_a_corpus_is_laid_out_in_means():
    data = Data(modalities=("a",), target="y", unit="item", eval_size=2, average={"a": 4})
    stream = splits.build_split(make_recordings(), data).corpus.inputs["a"]
    assert stream.steps == 2
    assert stream.length.tolist() == [1, 2, 2]
    with pytest.raises(UserError, match="^config.data.average is {'a': 4}, which needs the features in memory; leave"):
        splits.build_split(make_recordings(), data, stream=True)


def test_a_waveform_has_no_means():
    with pytest.raises(UserError, match="names 'v', which is a waveform; leave it out, or read features of it"):
        average_steps(make_recordings(), {"v": 2})
