"""Times ours against PyTorch, start-up and growth, and writes benchmarks/RESULTS.md and results/<device>.json.

python -m benchmarks.run                           # everything, on a machine that does nothing else
python -m benchmarks.run --only=conflictnet,trials   # those whose name begins so
python -m benchmarks.run --only=sew --sides=pytorch-fused    # ours and this side; the others keep what they had
python -m benchmarks.run --only=sew,trials-seqsew --quick      # one short round, prints only
python -m benchmarks.run --one-core                # processor time on one core, where the machine is not idle
python -m benchmarks.run --precision=bfloat16      # training steps in bfloat16; on a GPU both are timed unasked

Says before it begins how long the same took last time.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from typing import Any

from benchmarks import growth, record, startup, tables
from benchmarks.cases import (
    BY_NAME,
    OURS,
    PRECISIONS,
    PRODUCT,
    SIDES,
    SpeechCase,
    choose,
    in_precision,
    sides_of,
)
from benchmarks.machine import Machine, accelerator, machine, today
from benchmarks.studies import FEW, STUDIES
from benchmarks.timing import LONGER, rate, time_case, time_trials

OTHERS = ("startup", "growth")
BLOCKS = 5  # blocks a side, and 3 of ConflictNET


def main() -> None:
    """Parses flags, times, writes after every case, prints."""
    names = [*BY_NAME, *STUDIES, *OTHERS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--only",
        default="",
        help=f"by commas, of {', '.join(names)}; what stands before a dash means all of these",
    )
    parser.add_argument(
        "--sides",
        default="",
        help=f"by commas, of {', '.join(list(SIDES)[1:])}; ours is always timed beside them. Default: what can matter",
    )
    parser.add_argument("--rounds", type=int, default=0, help="timed blocks a side; 0: as docs/benchmarks.md says")
    parser.add_argument(
        "--quick", action="store_true", help="one short block a side, to see that it runs; writes nothing"
    )
    parser.add_argument(
        "--one-core",
        action="store_true",
        help="count the processor's time on one core: for a machine that others use too; into a file of its own",
    )
    parser.add_argument(
        "--precision",
        default="",
        help=f"by commas, of {', '.join(PRECISIONS)}. Default: float32, on an accelerator both",
    )
    flags = parser.parse_args()
    flags.accelerator = not flags.one_core and accelerator()
    if flags.one_core:
        names = list(BY_NAME)  # studies are about all cores
    usual = [name for name in names if flags.accelerator or name not in FEW]
    precisions = flags.precision.split(",") if flags.precision else PRECISIONS[: 2 if flags.accelerator else 1]
    for precision in set(precisions) - set(PRECISIONS):
        parser.error(f"--precision: {precision!r} is none of {', '.join(PRECISIONS)}")
    try:
        wanted = choose((flags.only or ",".join(usual)).split(","), names)
    except ValueError as wrong:
        parser.error(f"--only: {wrong}")
    chosen = flags.sides.split(",") if flags.sides else []
    for side in set(chosen) - set(SIDES):
        parser.error(f"--sides: {side!r} is none of {', '.join(SIDES)}")
    if set(wanted) - set(OTHERS) and PRODUCT.name not in wanted:
        wanted = [PRODUCT.name, *wanted]  # every share of the machine's rate is one of the rate in the same run
    load = os.getloadavg()[0]  # once: from here on it is our own work
    if load > 0.3 and not flags.one_core:
        print(
            f"note: load average {load:.1f}; PyTorch collapses beside others, time on an idle machine or --one-core",
            file=sys.stderr,
        )
    if not flags.quick:
        planned = [record.in_words(name, precision) for precision in precisions for name in wanted]
        print(estimate(planned, record.read_all(), flags.one_core), file=sys.stderr)
    begin = time.perf_counter()
    timed = [name for name in wanted if name not in OTHERS]
    found = {precision: time_all(timed, chosen, flags, load, precision) for precision in precisions}
    for other in OTHERS:
        if other in wanted:
            print(f"{other} ...", file=sys.stderr)
            {"startup": startup, "growth": growth}[other].measure(flags.quick)
    print(f"{(time.perf_counter() - begin) / 60:.0f} minutes", file=sys.stderr)
    float32 = found.get("float32", {})
    print("\n".join((tables.cases(float32) if float32 else []) + tables.bfloat16(found.get("bfloat16", {}), float32)))


def time_all(
    wanted: Sequence[str], chosen: Sequence[str], flags: argparse.Namespace, load: float, precision: str
) -> dict[str, dict[str, Any]]:
    """Name of a case -> what was timed; written after every case, but with --quick."""
    found: dict[str, dict[str, Any]] = {}
    products = None
    for name in wanted:
        if name in BY_NAME and not in_precision(BY_NAME[name], precision):
            continue
        print(f"{record.in_words(name, precision)} ...", file=sys.stderr)
        begin = time.perf_counter()
        if name in STUDIES:
            study = STUDIES[name].on(flags.accelerator)
            possible = [OURS] if study.sides == (OURS,) else [side for side in SIDES if "compiled" not in side]
            sides = among(chosen, study.sides, possible)
            size = (
                (1, min(study.trials, 2), 2)
                if flags.quick
                else (flags.rounds or study.rounds, study.trials, study.epochs)
            )
            alone = (
                among(chosen, sides_of(BY_NAME[study.single]), list(SIDES))
                if flags.accelerator and study.single
                else [OURS]
            )
            timed = time_trials(study, sides, *size, precision=precision, single=alone, accelerator=flags.accelerator)
        else:
            case = BY_NAME[name]
            rounds = flags.rounds or (3 if isinstance(case, SpeechCase) else BLOCKS)
            steps = case.steps * (LONGER if flags.accelerator else 1)
            size = (1, max(case.steps // 8, 1)) if flags.quick else (rounds, steps)
            sides = sides_of(case) if case is PRODUCT else among(chosen, sides_of(case), list(SIDES))
            timed = time_case(case, sides, *size, one_core=flags.one_core, precision=precision)
            products = rate(timed) if case is PRODUCT else products
        timed["rate"] = products
        found[name] = {**timed, "load": load, "took": time.perf_counter() - begin}
        if not flags.quick:
            command = " ".join(["python -m benchmarks.run", *sys.argv[1:]])
            part = record.TIMED[precision]
            record.put(where(found, flags.one_core), part, {name: stamped(found[name], command)})
    return found


def among(chosen: Sequence[str], usual: Sequence[str], possible: Sequence[str]) -> list[str]:
    """Ours and those that were chosen, or the usual ones."""
    return [side for side in possible if side == OURS or side in chosen] if chosen else list(usual)


def stamped(timed: dict[str, Any], command: str) -> dict[str, Any]:
    """With date and command at every side."""
    sides = {side: {**values, "date": today(), "command": command} for side, values in timed["sides"].items()}
    return {**timed, "sides": sides}


def where(found: dict[str, dict[str, Any]], one_core: bool) -> Machine:
    """The machine that was measured."""
    versions = next(iter(found.values()))["sides"][OURS]["versions"]
    return machine(versions["device"], one_core)


def estimate(wanted: Sequence[str], records: dict[str, dict[str, Any]], one_core: bool) -> str:
    """How long this took the last time, where anything of this kind was timed; names as of `record.in_words`."""
    mine = [r for file, r in records.items() if (file == "cpu-one-core") == one_core]
    took = {name: one["took"] for r in mine for name, one in record.everything(r).items() if one.get("took")}
    known = [took[name] for name in wanted if name in took]
    unknown = [name for name in wanted if name not in took]
    rest = f"; nothing is known of {', '.join(unknown)}" if unknown else ""
    return f"last time this took {sum(known) / 60:.0f} minutes{rest}"


if __name__ == "__main__":
    main()
