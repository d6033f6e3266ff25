"""One side of one case in a process of its own, so that neither thread pool nor memory of the other is near.

    python -m benchmarks.worker SIDE CASE        (started by benchmarks.run)

Speaks lines of JSON: says `ready`, then answers every line of standard input, and says `peak` when that ends.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.cases import BY_NAME, MANY_ROWS

STARTED = time.perf_counter()
SIDES = ("ours", "pytorch", "pytorch-compiled")


def peak_bytes(device_memory: Callable[[], int | None]) -> int:
    """The most memory that was in use: the accelerator's where there is one, else of this process."""
    unit = 1 if sys.platform == "darwin" else 1024
    return device_memory() or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def serve_steps(side: str, name: str, say: Callable[..., None]) -> None:
    """Answers a number of steps with the seconds that they took."""
    if side == "ours":
        from benchmarks import jax_side as module
    else:
        from benchmarks import torch_side as module
    case = BY_NAME[name]
    steps = module.Steps(case, compiled=side == "pytorch-compiled")
    steps.run(case.steps)
    first = time.perf_counter() - STARTED
    steps.run(case.steps)
    say(ready=first, parameters=steps.parameters, versions=module.versions())
    for line in sys.stdin:
        begin = time.perf_counter()
        loss = steps.run(int(line))
        say(seconds=time.perf_counter() - begin, loss=loss)
    say(peak=peak_bytes(module.device_memory))


def serve_rows(side: str, say: Callable[..., None]) -> None:
    """Ours: fits the whole study at the first line. PyTorch: trains the rows whose seeds the line lists."""
    if side == "ours":
        from affect_jax.training import mesh

        mesh.use_all_cores()
        from benchmarks import jax_side as module

        say(ready=time.perf_counter() - STARTED, versions=module.versions())
        for _ in sys.stdin:
            begin = time.perf_counter()
            ended = module.fit_rows(MANY_ROWS)
            steady = (ended[-1] - ended[0]) / (len(ended) - 1) * len(ended)
            say(seconds=steady, first=ended[0] - begin - steady / len(ended))
    else:
        from benchmarks import torch_side as module

        rows = module.Rows(MANY_ROWS)
        say(ready=time.perf_counter() - STARTED, versions=module.versions())
        for line in sys.stdin:
            begin = time.perf_counter()
            rows.run(json.loads(line))
            say(seconds=time.perf_counter() - begin)
    say(peak=peak_bytes(module.device_memory))


def main(side: str, name: str) -> None:
    """Serves until standard input ends. What libraries print goes to standard error."""
    with os.fdopen(os.dup(1), "w", buffering=1) as channel:
        os.dup2(2, 1)

        def say(**message: Any) -> None:
            channel.write(json.dumps(message) + "\n")

        if name == "rows":
            serve_rows(side, say)
        else:
            serve_steps(side, name, say)


if __name__ == "__main__":
    main(*sys.argv[1:])
