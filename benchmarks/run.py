"""Times ours against PyTorch and writes benchmarks/results/<device>.md and .json.

python -m benchmarks.run                          # everything; about 50 minutes on two cores, nothing else running
python -m benchmarks.run --only=conflictnet       # those whose name begins so; about 10 minutes, as long as fusion
python -m benchmarks.run --only=sew,rows --quick  # one short round, prints only
python -m benchmarks.run --compile                # torch.compile as a third side
python -m benchmarks.run --one-core               # processor time on one core, where the machine is not idle
"""

import argparse
import json
import os
import re
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.cases import BY_NAME, ROWS, Case, FusionCase, RowsCase, SpeechCase, choose
from benchmarks.process import Worker
from benchmarks.table import markdown
from benchmarks.worker import ONE_CORE

RESULTS = Path(__file__).parent / "results"
SETTLE_SECONDS = 0.5  # OpenMP threads spin for a while after their last work


def time_case(
    case: Case | SpeechCase | FusionCase, sides: Sequence[str], rounds: int, steps: int, one_core: bool = False
) -> dict[str, Any]:
    """Seconds a step of every side, block after block in turn; with `one_core` the processor's time on one core."""
    environment = {ONE_CORE: "1"} if one_core else {}
    with_workers = {side: Worker(side, case.name, steps, environment) for side in sides}
    try:
        ready = {}
        for side, worker in with_workers.items():  # one after another: compiling takes all cores
            worker.start()
            ready[side] = worker.read()
        seconds: dict[str, list[float]] = {side: [] for side in sides}
        for _ in range(rounds):
            for side, worker in with_workers.items():
                time.sleep(SETTLE_SECONDS)
                answer = worker.ask("go")
                if not abs(answer["loss"]) < float("inf"):
                    raise SystemExit(
                        f"error: {side} {case.name}: the loss is {answer['loss']}; such a time means nothing"
                    )
                seconds[side].append(answer["processor" if one_core else "seconds"] / steps)
        peaks = {side: worker.finish()["peak"] for side, worker in with_workers.items()}
    finally:
        for worker in with_workers.values():
            worker.stop()
    counts = {side: message["parameters"] for side, message in ready.items()}
    if len(set(counts.values())) > 1:
        print(f"note: {case.name}: parameters differ: {counts}", file=sys.stderr)
    return {
        "title": case.title,
        "sides": {
            side: {
                "seconds": seconds[side],
                "median": statistics.median(seconds[side]),
                "first": ready[side]["ready"],
                "peak": peaks[side],
                "parameters": counts[side],
                "versions": ready[side]["versions"],
            }
            for side in sides
        },
    }


def time_rows(case: RowsCase, rounds: int, rows: int, epochs: int) -> dict[str, Any]:
    """Seconds of a study (or a row-step of it): ours as one program, PyTorch as one single-threaded process a core.

    Where the case names one, a step of a single run of ours is timed in turns with them.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    found: dict[str, list[dict[str, float]]] = {"ours": [], "pytorch": []}
    single: list[float] = []
    shares = [list(range(first, rows, cores)) for first in range(min(cores, rows))]
    row_steps = rows * epochs * case.steps or 1
    for _ in range(rounds):
        for side, parts in (("ours", [list(range(rows))]), ("pytorch", shares)):
            threads = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"} if side == "pytorch" else {}
            workers = [Worker(side, case.name, epochs, threads) for _ in parts]
            try:
                for worker in workers:
                    worker.start()
                ready = [worker.read() for worker in workers]
                for worker, seeds in zip(workers, parts, strict=True):
                    worker.send(json.dumps(seeds))
                answers = [worker.read() for worker in workers]
                peaks = [worker.finish()["peak"] for worker in workers]
            finally:
                for worker in workers:
                    worker.stop()
            found[side].append(
                {
                    "seconds": max(answer["seconds"] for answer in answers) / row_steps,
                    "first": max(m["ready"] for m in ready) + max(answer.get("first", 0.0) for answer in answers),
                    "peak": sum(peaks),
                    "versions": ready[0]["versions"],
                }
            )
        if case.single:
            alone = BY_NAME[case.single]
            single += time_case(alone, ["ours"], rounds=3, steps=alone.steps)["sides"]["ours"]["seconds"]
    return {
        "title": case.title.format(rows=rows, epochs=epochs),
        "sides": {
            side: {
                "seconds": [one["seconds"] for one in times],
                "median": statistics.median(one["seconds"] for one in times),
                "first": statistics.median(one["first"] for one in times),
                "peak": max(one["peak"] for one in times),
                "versions": times[0]["versions"],
            }
            for side, times in found.items()
        },
        **({"single": {"seconds": single, "median": statistics.median(single)}} if single else {}),
    }


def processor() -> str:
    """What /proc/cpuinfo calls the processor."""
    try:
        names = re.findall(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        names = []
    return names[0] if names else "unknown processor"


def machine(found: dict[str, Any], one_core: bool = False) -> dict[str, str]:
    """The device that was measured, and a name for its files."""
    versions = next(iter(found.values()))["sides"]["ours"]["versions"]
    cores = os.cpu_count()
    if one_core:
        return {"device": f"processor time on one core of {processor()}", "file": "cpu-one-core"}
    if versions["device"] == "cpu":
        return {"device": f"{cores} cores of {processor()}", "file": f"cpu-{cores}-cores"}
    return {"device": versions["device"], "file": re.sub(r"\W+", "-", versions["device"]).strip("-").lower()}


def write(found: dict[str, Any], one_core: bool = False) -> None:
    """Puts what was timed beside what the machine's files already hold of other cases."""
    where = machine(found, one_core)
    record, page = (RESULTS / f"{where['file']}{suffix}" for suffix in (".json", ".md"))
    before = json.loads(record.read_text(encoding="utf-8")) if record.exists() else {"cases": {}}
    cases = {**before["cases"], **found}
    cases = {name: cases[name] for name in [*BY_NAME, *ROWS] if name in cases}
    RESULTS.mkdir(exist_ok=True)
    record.write_text(json.dumps({"machine": where["device"], "cases": cases}, indent=1) + "\n", encoding="utf-8")
    page.write_text(markdown(cases, where["device"]), encoding="utf-8")


def main() -> None:
    """Parses flags, times, writes after every case, prints."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description="Times ours against PyTorch.")
    names = [*BY_NAME, *ROWS]
    parser.add_argument(
        "--only",
        help=f"by commas, of {', '.join(names)}; what stands before a dash means all of these",
    )
    parser.add_argument("--rounds", type=int, default=0, help="timed blocks a side; 0: 7, and 3 of ConflictNET")
    parser.add_argument(
        "--quick", action="store_true", help="one short block a side, to see that it runs; writes nothing"
    )
    parser.add_argument("--compile", action="store_true", help="time torch.compile too")
    parser.add_argument(
        "--one-core",
        action="store_true",
        help="count the processor's time on one core: for a machine that others use too; into files of their own",
    )
    flags = parser.parse_args()
    if flags.one_core:
        names = list(BY_NAME)  # studies are about all cores
    only = flags.only or ",".join(names)
    try:
        wanted = choose(only.split(","), names)
    except ValueError as wrong:
        parser.error(f"--only: {wrong}")
    sides = ("ours", "pytorch", *(("pytorch-compiled",) if flags.compile else ()))
    load = os.getloadavg()[0]  # once: from here on it is our own work
    if load > 0.3 and not flags.one_core:
        print(
            f"note: load average {load:.1f}; PyTorch collapses beside others, time on an idle machine or --one-core",
            file=sys.stderr,
        )
    found: dict[str, Any] = {}
    for name in wanted:
        print(f"{name} ...", file=sys.stderr)
        if name in ROWS:
            rows = ROWS[name]
            timed = time_rows(rows, *((1, 2, 2) if flags.quick else (3, rows.rows, rows.epochs)))
        else:
            case = BY_NAME[name]
            rounds = flags.rounds or (3 if isinstance(case, SpeechCase) else 7)
            size = (1, max(case.steps // 8, 1)) if flags.quick else (rounds, case.steps)
            timed = time_case(case, sides, *size, one_core=flags.one_core)
        found[name] = {**timed, "load": load}
        if not flags.quick:
            write(found, flags.one_core)
    print(markdown(found, machine(found, flags.one_core)["device"]))


if __name__ == "__main__":
    main()
