"""Processes that compute features of recordings, one a core: Python's own lock would let threads wait for each other.

They are started as programs of their own, not forked, so that they do not need to know who uses them: a notebook, a
test, a program that holds an accelerator. A decoder that crashes on a damaged file takes only its worker with it.
"""

import contextlib
import json
import os
import queue
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from affect_jax.errors import UserError
from affect_jax.features.recordings import Measured, measure_recording
from affect_jax.features.segments import WHOLE, Segment

Measure = Callable[[Path, str, int, Path, Sequence[Segment]], list[Measured | str]]
"""(recording, what it becomes, rate, folder of kept features, segments) -> sizes, as `measure_recording`."""


@contextlib.contextmanager
def start_workers(count: int) -> Iterator[Measure]:
    """Starts processes, and gives a function that has one of them measure a recording; any thread may call it.

    Its errors are those of `measure_recording`.
    """
    idle: queue.SimpleQueue[subprocess.Popen] = queue.SimpleQueue()
    workers = [_start_worker() for _ in range(count)]
    for worker in workers:
        idle.put(worker)

    def measure(
        path: Path, sound: str, rate: int, folder: Path, segments: Sequence[Segment] = (WHOLE,)
    ) -> list[Measured | str]:
        worker = idle.get()
        try:
            worker.stdin.write(json.dumps([os.fspath(path), sound, rate, os.fspath(folder), segments]) + "\n")
            worker.stdin.flush()
            line = worker.stdout.readline()
        except BrokenPipeError:
            line = ""
        status = 0
        if not line:
            status = worker.wait()
            worker = _start_worker()
            workers.append(worker)
        idle.put(worker)
        if not line:
            raise UserError(
                f"{path} made the program that decodes it end (status {status}); write the file again, or leave it out"
            )
        reply = json.loads(line)
        if isinstance(reply, str):
            raise UserError(reply)
        return [x if isinstance(x, str) else Measured(*x[:-1], remarks=tuple(x[-1])) for x in reply]

    try:
        yield measure
    finally:
        for worker in workers:
            with contextlib.suppress(BrokenPipeError):
                worker.stdin.close()
            worker.wait()
            worker.stdout.close()


def _start_worker() -> subprocess.Popen:
    paths = os.pathsep.join(path for path in sys.path if path)
    here = os.fspath(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((here, paths)), "OPENBLAS_NUM_THREADS": "1"}
    program = f"from {__name__} import serve; serve()"
    return subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
    )


def serve() -> None:
    """What a worker does: answers every line on its input by one on its output, until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries may print
    for line in sys.stdin:
        path, sound, rate, folder, segments = json.loads(line)
        segments = [Segment(*segment) for segment in segments]
        try:
            reply = json.dumps(measure_recording(Path(path), sound, rate, Path(folder), segments))
        except UserError as error:
            reply = json.dumps(str(error))
        print(reply, file=answers, flush=True)
