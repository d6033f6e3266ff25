"""Where the time of one of our steps goes: XLA's operations by the time they take.

    python -m benchmarks.profile fusion-intra-training            # the ten dearest
    python -m benchmarks.profile seqsew-recola-2 --top=30 --precision=bfloat16

Works on a CPU and on a GPU. A `while` contains what its rounds take; on a CPU operations run beside one another, so the
times may add up to more than the step, and of one that is cut in pieces only the last piece shows. `rounds` is how
often an operation runs in a step. Of several devices, the mean is shown.
"""

import argparse
import collections
import re
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from affect_jax.runtime import startup
from benchmarks.cases import BY_NAME, PRECISIONS, ProductCase

_OPERATION = re.compile(r"\s*(?:ROOT )?%([\w.\-]+) = (\S+)")
_SOURCE = re.compile(r'op_name="([^"]*)"')


class Cost(NamedTuple):
    """An operation of the compiled step.

    Attributes:
      milliseconds: a step.
      rounds: how often it runs in a step.
      name: XLA's name of it.
      shape: what it results in.
      source: where in the model it comes from, as JAX names it; '' if unknown.
    """

    milliseconds: float
    rounds: float
    name: str
    shape: str
    source: str


def operations(program: str) -> dict[str, tuple[str, str]]:
    """XLA's text of a compiled program -> operation -> (shape, source)."""
    found = {}
    for line in program.splitlines():
        if match := _OPERATION.match(line):
            source = _SOURCE.search(line)
            found[match[1]] = match[2].split("{")[0], source[1] if source else ""
    return found


def ranked(events: Iterable[tuple[str, float]], known: dict[str, tuple[str, str]], steps: int) -> list[Cost]:
    """(operation, nanoseconds) of every event of so many steps -> costs of a step, dearest first.

    Events that are no operation of the program, such as the host's own, are left out.
    """
    total, count = collections.Counter[str](), collections.Counter[str]()
    for name, nanoseconds in events:
        if name in known:
            total[name] += nanoseconds
            count[name] += 1
    return [Cost(time / steps / 1e6, count[name] / steps, name, *known[name]) for name, time in total.most_common()]


def measure(name: str, precision: str) -> tuple[list[Cost], float]:
    """(costs of a step of this case, dearest first, milliseconds of a step without the profiler)."""
    import jax

    from benchmarks import jax_side

    case = BY_NAME[name]
    steps = jax_side.Steps(case, precision)
    steps.run(case.steps)
    begin = time.perf_counter()
    steps.run(case.steps)
    milliseconds = (time.perf_counter() - begin) / case.steps * 1e3
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            steps.run(case.steps)
        (file,) = Path(folder).rglob("*.xplane.pb")
        data = jax.profiler.ProfileData.from_file(str(file))
    events = [
        (str(dict(event.stats).get("hlo_op", event.name)), event.duration_ns)
        for plane in data.planes
        for line in plane.lines
        for event in line.events
    ]
    return ranked(events, operations(steps.program(case.steps)), case.steps * steps.devices), milliseconds


def main() -> None:
    """The command line."""
    cases = [name for name, case in BY_NAME.items() if not isinstance(case, ProductCase)]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=cases, help="a step of benchmarks.run")
    parser.add_argument("--top", type=int, default=10, help="how many operations to print")
    parser.add_argument("--precision", choices=PRECISIONS, default="float32", help="of training")
    asked = parser.parse_args()
    startup.use_all_cores()
    costs, milliseconds = measure(asked.case, asked.precision)
    print(f"{BY_NAME[asked.case].title}: {milliseconds:.1f} ms a step")
    for cost in costs[: asked.top]:
        source = "/".join(cost.source.split("/")[-4:])
        print(f"{cost.milliseconds:9.2f} ms  {cost.rounds:6.0f} rounds  {cost.name:32s} {cost.shape:28s} {source}")


if __name__ == "__main__":
    main()
