"""How time and memory of `launch.prepare` grow with the rows of a manifest, each of which names one small file.

python -m benchmarks.rows                   # 1,000, 10,000 and 100,000 rows; about 10 minutes
python -m benchmarks.rows --rows=1000,4000

The corpus is surveyed, described and built, then prepared again, which finds it built. Time is that of the processor:
others on the machine change it little. Memory is the most that the program held.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
WIDTH, OF_GROUP, IN_FOLDER = 16, 10, 1000


class Cost(NamedTuple):
    """What a program took."""

    seconds: float  # of processor time, user and system
    gigabytes: float  # the most that it held


def write_manifest(folder: Path, rows: int) -> Path:
    """Writes a manifest of so many rows, ten a speaker, and a file of 16 numbers for each."""
    draw = np.random.default_rng(0)
    lines = ["id,group,label,face"]
    for n in range(rows):
        name = f"face/{n // IN_FOLDER}/{n}.npy"
        if n % IN_FOLDER == 0:
            (folder / name).parent.mkdir(parents=True)
        np.save(folder / name, draw.normal(size=WIDTH).astype(np.float32))
        lines.append(f"i{n},speaker{n // OF_GROUP},{('calm', 'glad', 'sad')[n % 3]},{name}")
    path = folder / "manifest.csv"
    path.write_text("\n".join([*lines, ""]))
    return path


def prepare(manifest: Path, data_dir: Path) -> Cost:
    """Runs launch.prepare to its end."""
    command = [sys.executable, "-m", "launch.prepare", "--corpus=manifest", f"--manifest={manifest}"]
    process = subprocess.Popen([*command, f"--data_dir={data_dir}"], cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"error: launch.prepare ended with {os.waitstatus_to_exitcode(status)}")
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1e6)


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", default="1000,10000,100000", help="numbers of rows, separated by commas")
    args = parser.parse_args()
    print("| rows | survey and build | again | memory |\n| ---: | ---: | ---: | ---: |")
    for rows in map(int, args.rows.split(",")):
        with tempfile.TemporaryDirectory() as place:
            manifest = write_manifest(Path(place), rows)
            first, again = (prepare(manifest, Path(place) / "data") for _ in range(2))
        most = max(first.gigabytes, again.gigabytes)
        print(f"| {rows:,} | {first.seconds:.1f} s | {again.seconds:.1f} s | {most:.2f} GB |", flush=True)


if __name__ == "__main__":
    main()
