"""What a measurement was made on, in words and as a file name."""

import datetime
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple


class Machine(NamedTuple):
    """Words for a page, and the stem of the file that keeps what was measured there."""

    device: str
    file: str


def processor() -> str:
    """What /proc/cpuinfo calls the processor."""
    try:
        names = re.findall(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        names = []
    return names[0] if names else "unknown processor"


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def accelerator() -> bool:
    """Whether jax finds a GPU or TPU here. Another process asks, so that this one holds nothing of it."""
    asked = [sys.executable, "-c", "import jax; print(jax.default_backend())"]
    return subprocess.run(asked, stdout=subprocess.PIPE, text=True, check=True).stdout.split()[-1] != "cpu"


def machine(kind: str, one_core: bool = False) -> Machine:
    """The machine whose jax calls its first device `kind`."""
    if one_core:
        return Machine(f"processor time on one core of {processor()}", "cpu-one-core")
    if kind == "cpu":
        return Machine(f"{os.cpu_count()} cores of {processor()}", f"cpu-{os.cpu_count()}-cores")
    return Machine(kind, re.sub(r"\W+", "-", kind).strip("-").lower())


def today() -> str:
    """The date, UTC."""
    return datetime.datetime.now(datetime.UTC).date().isoformat()
