"""Trains what a config asks for, or goes on with it, and prints the results.

    python -m launch.main --config=configs/sew.py
    python -m launch.main --config=configs/sew.py:arousal,app+audio --config.study.seeds=10 --workdir=runs/mine

The same command on an interrupted run goes on from where it was; on a finished one it prints the results.
Ctrl-C or SIGTERM ends it after the current epoch, which is saved; a second one ends it at once.
Without config.corpus.manual_dir a small synthetic corpus in the release's own layout is made and used.
"""

import sys

from absl import flags
from ml_collections import config_flags

from launch import cli

_CONFIG = config_flags.DEFINE_config_file("config", None, "configs/<experiment>.py[:argument].", lock_config=True)
_WORKDIR = flags.DEFINE_string("workdir", "", "Run folder. Default: runs/<name of the config and its argument>.")


def main(argv: list[str]) -> None:
    """Runs the config of the flags."""
    del argv
    from affect_jax import experiment, runs, stopping
    from affect_jax.reports import tables

    config_arg = flags.FLAGS["config"].config_filename
    workdir = _WORKDIR.value or f"runs/{runs.folder_name(config_arg)}"
    with stopping.requested("this epoch ends and is saved first; once more to end at once") as request:
        try:
            results = experiment.run(_CONFIG.value, workdir, config_arg=config_arg, stop=request)
        except stopping.Stopped as stopped:
            print(f"{stopped} and saved in {workdir}; the same command goes on from there", file=sys.stderr)
            sys.exit(128 + request.signal)
    print(tables.summary(results))
    print(f"run folder: {workdir}")


if __name__ == "__main__":
    flags.mark_flag_as_required("config")
    cli.run(main)
