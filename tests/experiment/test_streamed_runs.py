"""A run that streams its corpus from the built files leaves the numbers of one that has it on the device."""

import jax
import numpy as np
import pytest
from jax._src import compiler

from affect_jax.data import splits
from affect_jax.datasets.stored_array import StoredArray
from affect_jax.runtime import run_folder
from configs import conflictnet
from tests import small


def cnn(data_dir):
    """The CNN on raw speech of configs/conflictnet.py, very small, on a synthetic corpus of 5 + 3 + 3 short clips."""
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
        config.studies["raw_cnn"].model.update(dict(filters=(2, 3), widths=(6, 4), pools=(40, 20), hidden=3))
    return config


@pytest.fixture
def fused_as_ever(monkeypatch):
    """Has XLA emit loops as it does for users, not as for the other tests (see tests/conftest.py).

    With XLA's older emitters, these two programs differ far beyond rounding. `XLA_FLAGS` holds for a whole process and
    `compiler_options` for a `jax.jit` of one's own, so what is left is the place where jax sets a program's options.
    """
    make = compiler.get_compile_options

    def make_options(*args, **kwargs):
        options = make(*args, **kwargs)
        options.env_option_overrides = [*options.env_option_overrides, ("xla_cpu_use_fusion_emitters", True)]
        return options

    jax.clear_caches()
    monkeypatch.setattr(compiler, "get_compile_options", make_options)
    yield
    jax.clear_caches()


def test_a_streamed_run_of_raw_speech_leaves_the_same_results(tmp_path, monkeypatch, fused_as_ever):
    config = cnn(tmp_path / "data")
    whole = small.run(config, str(tmp_path / "whole"), config_arg="test")
    config.engine.stream = True
    config.engine.stream_megabytes = 0.05  # less than a batch
    config.engine.host_megabytes = 0.07  # two clips of all three parts together
    laid, build = [], splits.build_split
    monkeypatch.setattr(splits, "build_split", lambda *args, **kwargs: laid.append(build(*args, **kwargs)) or laid[-1])
    streamed = small.run(config, str(tmp_path / "streamed"), config_arg="test")
    assert [isinstance(r.features["speech"], StoredArray) for part in laid for r in part.corpus.recordings] == [
        True
    ] * 11
    assert sum(r.features["speech"].cached() for part in laid for r in part.corpus.recordings) == 2
    assert streamed.trials == whole.trials
    assert streamed.corpus == whole.corpus
    arrays = [run_folder.read_arrays(tmp_path / name / "predictions.npz") for name in ("whole", "streamed")]
    for name in arrays[0].keys() - {"run"}:  # the number of the run
        np.testing.assert_array_equal(arrays[1][name], arrays[0][name])
