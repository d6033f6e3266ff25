"""What a training step of ours consists of, from XLA's profile: products, Adam, passes over arrays, and the rest.

Other programs run on the same core, and what takes turns with them meanwhile looks long on the clock. So an operation
counts with the lower quartile of its durations, times how often it runs in a step. What is left of a step's processor
time, taken without the profiler, is what lies between operations: the rounds of loops, and starting each operation.
"""

import collections
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

ADAM = "adam_update"
"""`jax.named_scope` of the optimiser's work."""
KINDS = ("products", "adam", "passes", "between")
_TRACES = 3
_OPERATION = re.compile(r"\s*(?:ROOT )?%?([\w.\-]+) = (?:\([^=]*?\)|\S+) ([\w\-]+)\(")
_SOURCE = re.compile(r'op_name="([^"]*)"')
_PRODUCTS = ("dot", "convolution", "custom-call", "fft")
_AROUND = ("while", "call", "conditional")


class Event(NamedTuple):
    """An operation that ran, nanoseconds."""

    name: str
    duration: float


def measure(run: Callable[[], Any], program: str, seconds: float) -> dict[str, float]:
    """Shares of `KINDS`, whose sum is 1, of a compiled program (XLA's text), which `run` runs in so many seconds."""
    events: list[Event] = []
    for _ in range(_TRACES):
        events += _trace(run)
    return split(events, sort_operations(program), _TRACES, seconds)


def _trace(run: Callable[[], Any]) -> list[Event]:
    import jax

    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            run()
        (file,) = Path(folder).rglob("*.xplane.pb")
        data = jax.profiler.ProfileData.from_file(str(file))
    return [
        Event(event.name, event.duration_ns) for plane in data.planes for line in plane.lines for event in line.events
    ]


def sort_operations(program: str) -> Mapping[str, str]:
    """Operation of XLA's text -> one of `KINDS`; without those that contain others."""
    kinds = {}
    for line in program.splitlines():
        if match := _OPERATION.match(line):
            name, code = match.groups()
            source = _SOURCE.search(line)
            path = source[1] if source else ""
            if code in _PRODUCTS or path.endswith("dot_general"):
                kinds[name] = "products"
            elif code not in _AROUND:
                kinds[name] = "adam" if ADAM in path else "passes"
    return kinds


def split(events: Iterable[Event], kinds: Mapping[str, str], runs: int, seconds: float) -> dict[str, float]:
    """Shares of `KINDS` of the events of so many runs, each of which takes so many seconds without the profiler."""
    durations = collections.defaultdict(list)
    for event in events:
        if event.name in kinds:
            durations[event.name].append(event.duration)
    total = dict.fromkeys(KINDS, 0.0)
    for name, values in durations.items():
        total[kinds[name]] += sorted(values)[len(values) // 4] * len(values) / runs
    whole = max(seconds * 1e9, sum(total.values()))
    total["between"] = whole - sum(total.values())
    return {kind: time / whole for kind, time in total.items()}
