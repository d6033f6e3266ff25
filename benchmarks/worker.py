"""One side of one case in a process of its own, so that neither thread pool nor memory of the other is near.

    python -m benchmarks.worker SIDE CASE COUNT PRECISION    (started by benchmarks.run; of trials: COUNT epochs)

Speaks lines of JSON: says `ready`, then answers every line of standard input, and says `peak` when that ends.
"""

import itertools
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

from benchmarks.cases import BY_NAME, OURS, Case, FusionCase, ProductCase, SpeechCase
from benchmarks.studies import STUDIES

STARTED = time.perf_counter()
ONE_CORE = "BENCHMARKS_ONE_CORE"
"""Environment variable: where it is set, a worker keeps to one core."""
ACCELERATOR = "BENCHMARKS_ACCELERATOR"
"""Environment variable: where it is set, studies are of the size that an accelerator is timed with."""


def peak_bytes(device_memory: Callable[[], int | None]) -> int:
    """The most memory that was in use: the accelerator's where there is one, else of this process."""
    unit = 1 if sys.platform == "darwin" else 1024
    return device_memory() or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _torch_module(case: ProductCase | Case | SpeechCase | FusionCase) -> ModuleType:
    """Where the PyTorch side of a case is."""
    if isinstance(case, SpeechCase):
        from benchmarks import torch_speech as module
    elif isinstance(case, FusionCase):
        from benchmarks import torch_fusion as module
    else:
        from benchmarks import torch_side as module
    return module


def use_one_device() -> None:
    """One device whose products are threaded, as JAX has it unasked. Comes before jax is imported."""
    from affect_jax.runtime import startup

    os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=1 --xla_cpu_multi_thread_eigen=true"
    startup.use_all_cores()  # what else a program sets


def serve_steps(side: str, name: str, count: int, precision: str, say: Callable[..., None]) -> None:
    """Answers every line with the seconds that `count` steps took."""
    case = BY_NAME[name]
    if side == OURS:
        from affect_jax.runtime import startup

        use_one_device() if isinstance(case, ProductCase) else startup.use_all_cores()
        from benchmarks import jax_side as module

        steps = module.steps_of(case, precision)
    else:
        module = _torch_module(case)
        if isinstance(case, ProductCase):
            steps = module.Products(case, precision)
        else:
            steps = module.Steps(case, compiled="compiled" in side, fused="fused" in side, precision=precision)
    begin = time.perf_counter()
    steps.run(count)
    first = time.perf_counter()
    steps.run(count)
    compiling = first - begin - (time.perf_counter() - first)
    counted = getattr(steps, "products", None)
    said = dict(parameters=steps.parameters, products=counted, versions=module.versions())
    say(ready=first - STARTED, compile=max(compiling, 0.0), **said)
    for _ in sys.stdin:
        begin, busy = time.perf_counter(), time.process_time()
        loss = steps.run(count)
        say(seconds=time.perf_counter() - begin, processor=time.process_time() - busy, loss=loss)
    say(peak=peak_bytes(module.device_memory))


def serve_trials(side: str, name: str, epochs: int, precision: str, say: Callable[..., None]) -> None:
    """Trains the trials whose numbers a line lists. Ours, as one program, says its start-up and its epochs apart."""
    study = STUDIES[name].on(ACCELERATOR in os.environ)
    if side == OURS:
        from affect_jax.runtime import startup

        startup.use_all_cores()
        from benchmarks import jax_side as module

        ready = time.perf_counter() - STARTED
        say(ready=ready, products=module.trial_products(study, precision), versions=module.versions())
        for line in sys.stdin:
            begin = time.perf_counter()
            ended = module.fit_trials(study, json.loads(line), epochs, precision)
            took = [after - before for before, after in itertools.pairwise(ended)]
            epoch = sum(took) / len(took)
            say(seconds=epoch * epochs, first=ended[0] - begin - epoch, epochs=took)
    else:
        module = _torch_module(study.case)
        trials = module.Trials(study, fused="fused" in side, precision=precision)
        say(ready=time.perf_counter() - STARTED, versions=module.versions())
        for line in sys.stdin:
            begin = time.perf_counter()
            trials.run([study.trial(number) for number in json.loads(line)], epochs)
            say(seconds=time.perf_counter() - begin)
    say(peak=peak_bytes(module.device_memory))


def main(side: str, name: str, count: str, precision: str) -> None:
    """Serves until standard input ends. What libraries print goes to standard error."""
    # The other sides' processes hold memory of the same accelerator.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    if ONE_CORE in os.environ:  # before any library counts the cores
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with os.fdopen(os.dup(1), "w", buffering=1) as channel:
        os.dup2(2, 1)

        def say(**message: Any) -> None:
            channel.write(json.dumps(message) + "\n")

        if name in STUDIES:
            serve_trials(side, name, int(count), precision, say)
        else:
            serve_steps(side, name, int(count), precision, say)


if __name__ == "__main__":
    main(*sys.argv[1:])
