"""Ours against ours: steps of the working copy and of an earlier commit, in turns. Needs no PyTorch; keeps nothing.

    python -m benchmarks.turns fusion,seqsew-recola-1                  # what is not committed yet against HEAD
    python -m benchmarks.turns sew --before=HEAD~3 --rounds=15

For a change of a few percent on a machine whose speed comes and goes: each has several processes, as one may be slower
than the next of the same code by chance, and the lower quartile, which bad minutes touch least, is shown too.
"""

import argparse
import io
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks import tables
from benchmarks.cases import BY_NAME, OURS, PRECISIONS, ProductCase, choose
from benchmarks.process import Worker
from benchmarks.timing import take_turns

ROOT = Path(__file__).resolve().parents[1]


def unpack(revision: str, folder: Path) -> None:
    """The files of a commit; ValueError where there is no such commit."""
    ran = subprocess.run(["git", "archive", "--format=tar", revision], cwd=ROOT, capture_output=True)
    if ran.returncode:
        raise ValueError(f"{revision!r} is no commit of {ROOT}: {ran.stderr.decode().strip()}")
    with tarfile.open(fileobj=io.BytesIO(ran.stdout)) as archive:
        archive.extractall(folder, filter="data")


def measure(name: str, folders: Mapping[str, Path], rounds: int, processes: int, precision: str) -> dict[str, list]:
    """Label of a checkout -> seconds a step of its blocks, of all its processes."""
    steps = BY_NAME[name].steps
    workers = {
        (label, number): Worker(OURS, name, steps, precision, folder=folder)
        for number in range(processes)
        for label, folder in folders.items()
    }
    _, seconds, _ = take_turns(workers, rounds, steps)
    return {label: [x for (of, _), block in seconds.items() if of == label for x in block] for label in folders}


def line(title: str, now: list[float], before: list[float]) -> list[str]:
    """Median and lower quartile of both, and how many times as long it took before, by each."""
    found = [np.quantile(of, (0.5, 0.25)) for of in (now, before)]
    times = " / ".join(f"{old / new:.2f}" for new, old in zip(*found, strict=True))
    return [title, *(" / ".join(tables.seconds(x) for x in of) for of in found), times]


def main() -> None:
    """The command line."""
    names = [name for name, case in BY_NAME.items() if not isinstance(case, ProductCase)]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", help="by commas, as of benchmarks.run --only")
    parser.add_argument("--before", default="HEAD", help="a commit (default: HEAD)")
    parser.add_argument("--rounds", type=int, default=9, help="timed blocks a process")
    parser.add_argument("--processes", type=int, default=2, help="of each")
    parser.add_argument("--precision", choices=PRECISIONS, default="float32", help="of training")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try:
            wanted = choose(asked.cases.split(","), names)
            unpack(asked.before, Path(folder))
        except ValueError as wrong:
            parser.error(str(wrong))
        folders = {"now": ROOT, "before": Path(folder)}
        rows = []
        for name in wanted:
            print(f"{name} ...", file=sys.stderr)
            found = measure(name, folders, asked.rounds, asked.processes, asked.precision)
            rows.append(line(BY_NAME[name].title, **found))
    heads = ["one step: median / lower quartile", "working copy", asked.before, "before / now"]
    print("\n".join(tables.table(heads, rows)))


if __name__ == "__main__":
    main()
