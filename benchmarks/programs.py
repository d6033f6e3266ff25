"""Starts programs of launch/ as often as one likes: forked from a process that has imported everything, or anew.

A new Python process imports for seconds before it does any work. `fork_program` has a server (multiprocessing's) import
the same modules once, and forks a process for each program. No backend of jax is initialised in the server and no
thread runs there; that is checked before every program.
"""

import atexit
import multiprocessing
import os
import runpy
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from affect_jax.runtime import startup

ROOT = Path(__file__).resolve().parents[1]
# What the programs import as they begin or on their way. `launch.*` itself runs anew in each of them.
MODULES = (
    "ml_collections.config_flags",
    "affect_jax.config.load",
    "affect_jax.experiment.run",
    "affect_jax.experiment.terminal",
    "affect_jax.reports.report_files",
    "affect_jax.inference.deployment",
    "affect_jax.datasets.prepare_corpus",
    "affect_jax.datasets.recola",
    "affect_jax.models.sew",
    "tensorflow_datasets.core.dataset_builder",
    "array_record.python.array_record_data_source",
    "tensorboardX",
    "scipy.stats",
    "matplotlib.pyplot",
    "launch.cli",
    "launch.tuples",
)


class Program(NamedTuple):
    """A program at work.

    Attributes:
      wait: seconds -> its exit status, or None where it is still at work after them; None waits for its end.
      kill: ends it by SIGKILL, and returns when it is gone.
      pid: its number.
    """

    wait: Callable[[float | None], int | None]
    kill: Callable[[], None]
    pid: int


def serve_forks(cache: Path) -> float:
    """Starts the server of `fork_program`; `cache` becomes the programs' XDG_CACHE_HOME.

    Returns:
      Seconds that the imports took, which every new Python process takes as well.
    """
    os.environ["XDG_CACHE_HOME"] = str(cache)
    startup.use_all_cores()
    startup.cache_compilations()
    return start_server()


def start_server() -> float:
    """Starts the server of `fork_program` with this process' environment; returns as `serve_forks` does."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(MODULES))
    begin = time.monotonic()
    first = context.Process(target=_check_server)
    first.start()
    first.join()
    if first.exitcode:
        raise RuntimeError("the process that forks the programs is not as they must find it")
    return time.monotonic() - begin


def fork_program(
    words: Sequence[str], log: Path, errors: Path | None = None, environment: Mapping[str, str] | None = None
) -> Program:
    """Starts the module and arguments `words` in a fork of the server.

    Args:
      words: as after `python -m`.
      log: what it prints is added here.
      errors: what it prints as errors is added here; None is `log`.
      environment: variables that it has beyond the server's; jax has read those of its own settings already.
    """
    arguments = (words, log, errors or log, environment or {})
    process = multiprocessing.get_context("forkserver").Process(target=_run_program, args=arguments)
    process.start()

    def wait(seconds: float | None) -> int | None:
        process.join(seconds)
        return process.exitcode

    def kill() -> None:
        process.kill()
        process.join()

    return Program(wait, kill, process.pid)


def start_program(words: Sequence[str], log: Path) -> Program:
    """Starts the module and arguments `words` in a new Python process; what they print is added to `log`."""
    with open(log, "a") as file:
        process = subprocess.Popen([sys.executable, "-m", *words], cwd=ROOT, stdout=file, stderr=file)

    def wait(seconds: float | None) -> int | None:
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def kill() -> None:
        process.kill()
        process.wait()

    return Program(wait, kill, process.pid)


def _check_server() -> None:
    """Fails where the server, our parent, has a thread or lacks a module."""
    threads = os.listdir(f"/proc/{os.getppid()}/task")
    missing = [name for name in MODULES if name not in sys.modules]
    if len(threads) > 1 or missing:
        sys.exit(f"the server has {len(threads)} threads and lacks {missing}")


def _run_program(words: Sequence[str], log: Path, errors: Path, environment: Mapping[str, str]) -> None:
    """Runs in the fork: `python -m WORDS`."""
    _check_server()
    for path, number in ((log, 1), (errors, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666), number)
    os.environ.update(environment)
    os.chdir(ROOT)
    sys.argv = list(words)
    try:
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    finally:
        atexit._run_exitfuncs()  # multiprocessing ends without what other processes do at their end
