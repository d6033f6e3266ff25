"""How time and memory of ours grow with trials, the length of sequences, the batch and the length of clips.

python -m benchmarks.growth                 # about 6 minutes on two cores
python -m benchmarks.growth --axis=trials     # this one; the others keep what they had
python -m benchmarks.growth --quick         # the two smallest sizes of each, prints only

Every axis has a process of its own. Time is the median of a few blocks. Memory of a step is XLA's plan of a block of
steps (arguments, results and what is between; the same in every run); of a study, the most that its process held.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from benchmarks import laws, record, tables
from benchmarks.cases import BY_NAME, SPEECH, VALIDATION, Case, SpeechCase
from benchmarks.machine import machine, today
from benchmarks.studies import STUDIES, StudyCase

STEPS, BLOCKS = 2, 5
EPOCHS = 3


class Axis(NamedTuple):
    """What grows.

    Attributes:
      title: what is timed.
      unit: of sizes, on the plot.
      each: one of it, in a law.
      sizes: ascending.
      case: size -> the case of a step; None where the sizes are trials of a study.
    """

    title: str
    unit: str
    each: str
    sizes: tuple[float, ...]
    case: Callable[[float], Case | SpeechCase] | None = None


def _sequence(frames: int, batch: int) -> Case:
    """Stage 1 of SeqSEW on CMU-MOSI's text, all recordings of one length."""
    case = BY_NAME["seqsew-mosi-1"]
    return case._replace(frames=frames, batch=batch, ragged=False, recordings=batch + VALIDATION)


AXES = {
    "trials": Axis(
        "An epoch of a study of SEW, 10 steps a trial with validation, against its trials",
        "trials",
        "trial",
        (1, 5, 20, 50, 200),
    ),
    "length": Axis(
        "A step of SeqSEW's stage 1 on 8 sequences of 100 features, against their length",
        "steps of a sequence",
        "step",
        (32, 64, 128, 256, 512),
        lambda size: _sequence(int(size), batch=8),
    ),
    "batch": Axis(
        "A step of SeqSEW's stage 1 on sequences of 64 steps, against the batch",
        "sequences of a batch",
        "sequence",
        (4, 8, 16, 32, 64),
        lambda size: _sequence(64, batch=int(size)),
    ),
    "clip": Axis(
        "A step of ConflictNET on 4 clips at 8 kHz, against their length",
        "seconds of a clip",
        "second",
        (1.875, 3.75, 7.5, 15, 30),
        lambda size: SPEECH[0]._replace(seconds=size),
    ),
}


def serve(name: str, count: int) -> dict[str, Any]:
    """Measures the axis' first `count` sizes in this process."""
    from affect_jax.runtime import startup

    axis = AXES[name]
    if axis.case:
        os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=1 --xla_cpu_multi_thread_eigen=true"
    startup.use_all_cores()
    startup.cache_compilations()  # nothing of compiling is measured here
    import jax

    found = [_of_step(axis.case(size)) if axis.case else _of_study(int(size)) for size in axis.sizes[:count]]
    times, held = zip(*found, strict=True)
    return {"kind": jax.devices()[0].device_kind, "sizes": axis.sizes[:count], "seconds": times, "bytes": held}


def _of_step(case: Case | SpeechCase) -> tuple[float, int]:
    """(seconds, bytes) of a step."""
    from benchmarks import jax_side

    steps = jax_side.Steps(case)
    steps.run(STEPS)
    times = []
    for _ in range(BLOCKS):
        begin = time.perf_counter()
        steps.run(STEPS)
        times.append((time.perf_counter() - begin) / STEPS)
    return statistics.median(times), steps.memory(STEPS)


def _of_study(trials: int) -> tuple[float, int]:
    """(seconds of an epoch, peak bytes of the process so far) of a study: sizes ascend, so the peak is this one's."""
    from benchmarks import jax_side
    from benchmarks.worker import peak_bytes

    case: StudyCase = STUDIES["trials-sew"]
    case = case._replace(case=case.case._replace(recordings=5 + VALIDATION))
    ended = jax_side.fit_trials(case, list(range(trials)), EPOCHS)
    return (ended[-1] - ended[0]) / (EPOCHS - 1), peak_bytes(jax_side.device_memory)


def measure(quick: bool = False, only: str = "") -> None:
    """Measures every axis (or the one named), plots, and writes the record; with `quick` prints only."""
    found: dict[str, Any] = {}
    command = "python -m benchmarks.growth" + (f" --axis={only}" if only else "")
    for name, axis in AXES.items():
        if only in ("", name):
            count = 2 if quick else len(axis.sizes)
            begin = time.perf_counter()
            ask = [sys.executable, "-m", "benchmarks.growth", "--serve", name, str(count)]
            printed = subprocess.run(ask, check=True, stdout=subprocess.PIPE, text=True).stdout
            answer = json.loads(printed.splitlines()[-1])
            where = machine(answer.pop("kind"))
            said = laws.sentences(answer["sizes"], answer["seconds"], answer["bytes"], axis.each)
            plot = f"results/growth-{name}-{where.file}.svg"
            took = time.perf_counter() - begin
            found[name] = {"title": axis.title, "unit": axis.unit, **answer, "laws": said, "plot": plot, "took": took}
            print(f"{name}: {' '.join(said)}", file=sys.stderr)
            if not quick:
                sizes = answer["sizes"], answer["seconds"], answer["bytes"]
                laws.plot(record.FOLDER / plot, *sizes, axis.title, axis.unit)
    if quick:
        print("\n".join(tables.growth({"axes": found})))
        return
    before = record.read_all().get(where.file, {}).get("growth", {}).get("axes", {})
    axes = {name: {**before, **found}[name] for name in AXES if name in {**before, **found}}
    took = sum(one["took"] for one in axes.values())
    record.put(where, "growth", {"axes": axes, "date": today(), "command": command, "took": took})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__.splitlines()[0])
    parser.add_argument("--axis", default="", choices=["", *AXES], help="this one alone")
    parser.add_argument("--quick", action="store_true", help="two sizes of each; writes nothing")
    parser.add_argument("--serve", nargs=2, metavar=("AXIS", "COUNT"), help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.serve:
        print(json.dumps(serve(flags.serve[0], int(flags.serve[1]))))
    else:
        measure(flags.quick, flags.axis)
