"""Run by test_streamed_runs.py in a process of its own: raw speech on the device, and streamed from the built files.

python -m tests.experiment.streamed_runs FOLDER
"""

import sys
from pathlib import Path

from affect_jax.data import splits
from affect_jax.datasets.stored_array import StoredArray
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


def main(folder):
    """Leaves the run folders `whole` and `streamed`, the second after a look at what was kept in memory."""
    config = cnn(folder / "data")
    small.run(config, folder / "whole", config_arg="test")
    config.engine.stream = True
    config.engine.stream_megabytes = 0.05  # less than a batch
    config.engine.host_megabytes = 0.07  # two clips of all three parts together
    laid, build = [], splits.build_split
    splits.build_split = lambda *args, **kwargs: laid.append(build(*args, **kwargs)) or laid[-1]
    small.run(config, folder / "streamed", config_arg="test")
    clips = [r.features["speech"] for part in laid for r in part.corpus.recordings]
    assert [isinstance(clip, StoredArray) for clip in clips] == [True] * 11
    assert sum(clip.cached() for clip in clips) == 2


if __name__ == "__main__":
    main(Path(sys.argv[1]))
