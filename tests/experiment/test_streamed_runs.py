"""A run that streams its corpus from the built files leaves the numbers of one that has it on the device."""

import numpy as np

from affect_jax.data import splits
from affect_jax.datasets.stored_array import StoredArray
from affect_jax.runtime import run_folder
from configs import conflictnet
from tests import small


def cnn(data_dir):
    """The CNN on raw speech of configs/conflictnet.py, very small, on a synthetic corpus of 5 + 3 + 3 short clips.

    Of one convolution: of two, XLA's older emitters, which the tests have (tests/conftest.py), make programs for a
    resident and for a streamed corpus that differ far beyond rounding; those that users have do not.
    """
    config = conflictnet.get_config()
    config.corpus.data_dir = str(data_dir)
    config.corpus.synthetic = dict(train=5, validation=3, test=3, seconds=2, seed=0)
    config.study.only = ("raw_cnn",)
    config.study.seeds = 1
    config.stages.fit.epochs = 2
    config.stages.fit.batch = 2
    config.data.eval_size = 2
    with config.unlocked():
        config.studies = {"raw_cnn": config.studies["raw_cnn"]}
        config.studies["raw_cnn"].model.update(small.RAW_CNN)
    return config


def test_a_streamed_run_of_raw_speech_leaves_the_same_results(tmp_path, monkeypatch):
    config = cnn(tmp_path / "data")
    whole = small.run(config, tmp_path / "whole", config_arg="test")
    config.engine.stream = True
    config.engine.stream_megabytes = 0.05  # less than a batch
    config.engine.host_megabytes = 0.07  # two clips of all three parts together
    laid, build = [], splits.build_split
    monkeypatch.setattr(splits, "build_split", lambda *args, **kwargs: laid.append(build(*args, **kwargs)) or laid[-1])
    streamed = small.run(config, tmp_path / "streamed", config_arg="test")
    clips = [r.features["speech"] for part in laid for r in part.corpus.recordings]
    assert [isinstance(clip, StoredArray) for clip in clips] == [True] * 11
    assert sum(clip.cached() for clip in clips) == 2
    assert streamed.trials == whole.trials
    assert streamed.corpus == whole.corpus
    arrays = [run_folder.read_arrays(tmp_path / name / "predictions.npz") for name in ("whole", "streamed")]
    for name in arrays[0].keys() - {"run"}:  # the number of the run
        np.testing.assert_array_equal(arrays[1][name], arrays[0][name])
