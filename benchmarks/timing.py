"""Runs the workers of a case in turns and says what they took."""

import json
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.cases import BY_NAME, OURS, Case, FusionCase, ProductCase, SpeechCase
from benchmarks.machine import cores
from benchmarks.process import Worker
from benchmarks.studies import StudyCase
from benchmarks.worker import ACCELERATOR, ONE_CORE

SETTLE_SECONDS = 0.5  # OpenMP threads spin for a while after their last work
LONGER = 10  # times as many steps a block on an accelerator, where they take milliseconds


def time_case(
    case: ProductCase | Case | SpeechCase | FusionCase,
    sides: Sequence[str],
    rounds: int,
    steps: int,
    one_core: bool = False,
    precision: str = "float32",
) -> dict[str, Any]:
    """Seconds a step of every side, block after block in turn; with `one_core` the processor's time on one core."""
    environment = {ONE_CORE: "1"} if one_core else {}
    workers = {side: Worker(side, case.name, steps, precision, environment) for side in sides}
    ready, seconds, peaks = take_turns(workers, rounds, steps, "processor" if one_core else "seconds")
    counts = {side: message["parameters"] for side, message in ready.items()}
    if len(set(counts.values())) > 1:
        print(f"note: {case.name}: parameters differ: {counts}", file=sys.stderr)
    return {
        "title": case.title,
        "products": ready[OURS]["products"],
        "sides": _against_ours(
            {
                side: {
                    "seconds": seconds[side],
                    "median": statistics.median(seconds[side]),
                    "first": ready[side]["ready"],
                    "compile": ready[side]["compile"],
                    "peak": peaks[side],
                    "parameters": counts[side],
                    "versions": ready[side]["versions"],
                }
                for side in sides
            }
        ),
    }


def take_turns(
    workers: Mapping[Any, Worker], rounds: int, steps: int, clock: str = "seconds"
) -> tuple[dict[Any, dict[str, Any]], dict[Any, list[float]], dict[Any, int]]:
    """What each worker said when it was ready, the seconds a step of its blocks, the bytes of its peak memory.

    Args:
      workers: of one case, by whatever names them; not started yet.
      rounds: blocks of each, one after another in turn.
      steps: of a block.
      clock: what of a worker's answer counts: 'seconds' or 'processor'.

    Raises:
      SystemExit: a worker died, or its loss is not finite.
    """
    try:
        ready = {}
        for name, worker in workers.items():  # one after another: compiling takes all cores
            worker.start()
            ready[name] = worker.read()
        seconds: dict[Any, list[float]] = {name: [] for name in workers}
        for _ in range(rounds):
            for name, worker in workers.items():
                time.sleep(SETTLE_SECONDS)
                answer = worker.ask("go")
                if not abs(answer["loss"]) < float("inf"):
                    raise SystemExit(f"error: {worker}: the loss is {answer['loss']}; such a time means nothing")
                seconds[name].append(answer[clock] / steps)
        return ready, seconds, {name: worker.finish()["peak"] for name, worker in workers.items()}
    finally:
        for worker in workers.values():
            worker.stop()


def rate(products: dict[str, Any]) -> float:
    """Floating-point operations a second of the faster of jax's and PyTorch's products of large matrices."""
    return products["products"] / min(side["median"] for side in products["sides"].values())


def time_trials(
    case: StudyCase,
    sides: Sequence[str],
    rounds: int,
    trials: int,
    epochs: int,
    *,
    precision: str = "float32",
    single: Sequence[str] = (OURS,),
    accelerator: bool = False,
) -> dict[str, Any]:
    """Seconds of a study (or a trial-step of it): ours as one program, PyTorch as one single-threaded process a core.

    Where the case names one, a step of a single run of the sides `single` is timed in turns with them.
    """
    found: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    alone: list[dict[str, Any]] = []
    environment = {ACCELERATOR: "1"} if accelerator else {}
    shares = [list(range(first, trials, cores())) for first in range(min(cores(), trials))]
    trial_steps = trials * epochs * case.steps or 1
    for _ in range(rounds):
        for side in sides:
            parts = [list(range(trials))] if side == OURS else shares
            found[side].append(_one_study(side, case.name, epochs, parts, trial_steps, precision, environment))
        if case.single:
            one = BY_NAME[case.single]
            steps = one.steps * (LONGER if accelerator else 1)
            alone.append(time_case(one, single, rounds=3, steps=steps, precision=precision)["sides"])
    return {
        "title": case.title.format(trials=trials, epochs=epochs),
        "products": found[OURS][0]["products"] * trials * epochs / trial_steps,
        "sides": _against_ours(
            {
                side: {
                    "seconds": [one["seconds"] for one in times],
                    "median": statistics.median(one["seconds"] for one in times),
                    "first": statistics.median(one["first"] for one in times),
                    "peak": max(one["peak"] for one in times),
                    "versions": times[0]["versions"],
                    **({"epochs": [one["epochs"] for one in times]} if "epochs" in times[0] else {}),
                }
                for side, times in found.items()
            }
        ),
        **({"single": _single(alone)} if alone else {}),
    }


def _single(alone: list[dict[str, Any]]) -> dict[str, Any]:
    """Ours' times of a step of a single run; `others`, the median of each other side, where there are any."""
    seconds = {side: [s for one in alone for s in one[side]["seconds"]] for side in alone[0]}
    others = {side: statistics.median(times) for side, times in seconds.items() if side != OURS}
    ours = {"seconds": seconds[OURS], "median": statistics.median(seconds[OURS])}
    return {**ours, "others": others} if others else ours


def _one_study(
    side: str,
    name: str,
    epochs: int,
    parts: list[list[int]],
    trial_steps: int,
    precision: str,
    environment: Mapping[str, str],
) -> dict[str, Any]:
    """One side's study, a process for each part of the trials."""
    threads = {} if side == OURS else {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    workers = [Worker(side, name, epochs, precision, {**threads, **environment}) for _ in parts]
    try:
        for worker in workers:
            worker.start()
        ready = [worker.read() for worker in workers]
        for worker, numbers in zip(workers, parts, strict=True):
            worker.send(json.dumps(numbers))
        answers = [worker.read() for worker in workers]
        peaks = [worker.finish()["peak"] for worker in workers]
    finally:
        for worker in workers:
            worker.stop()
    return {
        "seconds": max(answer["seconds"] for answer in answers) / trial_steps,
        "first": max(m["ready"] for m in ready) + max(answer.get("first", 0.0) for answer in answers),
        "peak": sum(peaks),
        "versions": ready[0]["versions"],
        "products": ready[0].get("products"),
        **({"epochs": answers[0]["epochs"]} if "epochs" in answers[0] else {}),
    }


def _against_ours(sides: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Beside each side, ours of the same run: what its ratio is taken of, wherever it is kept later."""
    return {side: {**values, "against": sides[OURS]["median"]} for side, values in sides.items()}
