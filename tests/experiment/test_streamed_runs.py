"""A run that streams its corpus from the built files leaves the numbers of one that has it on the device."""

import os

import numpy as np
import pytest

from affect_jax.experiment.results_file import read_results
from affect_jax.runtime import run_folder


@pytest.mark.timeout(300)
def test_a_streamed_run_of_raw_speech_leaves_the_same_results(fork, tmp_path):
    # XLA emits loops as it does for users, not as for the other tests (see tests/conftest.py): by its older emitters,
    # these two programs differ far beyond rounding. `XLA_FLAGS` holds for a whole process.
    flags = f"{os.environ['XLA_FLAGS']} --xla_cpu_use_fusion_emitters=true"
    log = tmp_path / "log"
    program = fork(["tests.experiment.streamed_runs", str(tmp_path)], log, environment={"XLA_FLAGS": flags})
    assert program.wait(250) == 0, log.read_text()[-3000:]
    whole, streamed = (read_results(tmp_path / name) for name in ("whole", "streamed"))
    assert streamed.trials == whole.trials
    assert streamed.corpus == whole.corpus
    arrays = [run_folder.read_arrays(tmp_path / name / "predictions.npz") for name in ("whole", "streamed")]
    for name in arrays[0].keys() - {"run"}:  # the number of the run
        np.testing.assert_array_equal(arrays[1][name], arrays[0][name])
