"""How long `python -m launch.main` takes until its first epoch is over, with nothing cached and with programs cached.

python -m benchmarks.startup            # about 4 minutes on two cores
python -m benchmarks.startup --quick    # SEW alone, prints only

The end of the first epoch (its line in metrics.jsonl) is what can be seen from outside; the first step is before it.
Nothing cached: an empty cache folder, so the synthetic corpus is built too. Then twice more with what that run left.
PyTorch is hidden, as where only the product is installed: tensorboardX would import it, which takes a second or two.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import record, tables
from benchmarks.machine import machine, today

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = (
    "configs/sew.py",
    "configs/seqsew.py:mosi,video+text",
    "configs/fusion.py",
    "configs/conflictnet.py",
)
MAIN = """
import runpy, sys

class Hidden:
    def find_spec(self, name, *rest):
        if name == "torch":
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Hidden())
runpy.run_module("launch.main", run_name="__main__", alter_sys=True)
"""
WARM_RUNS = 2
LONGEST = 300  # seconds


def first_epoch(config: str, cache: Path, folder: Path) -> float:
    """Seconds from the start of the program to its first line of metrics; the program is killed then.

    Args:
      config: of the program.
      cache: what the program takes for the user's cache folder.
      folder: an empty place for its run folder and its log.

    Raises:
      SystemExit: it ended, or nothing came within five minutes.
    """
    environment = {name: value for name, value in os.environ.items() if name != "JAX_COMPILATION_CACHE_DIR"}
    environment["XDG_CACHE_HOME"] = str(cache)
    command = [sys.executable, "-c", MAIN, f"--config={config}", f"--workdir={folder / 'run'}"]
    metrics = folder / "run" / "metrics.jsonl"
    with open(folder / "log", "w") as log:
        begin = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            while not (metrics.exists() and metrics.stat().st_size):
                if process.poll() is not None or time.perf_counter() - begin > LONGEST:
                    said = (folder / "log").read_text()[-2000:]
                    raise SystemExit(f"error: {config}: no epoch after {time.perf_counter() - begin:.0f} s:\n{said}")
                time.sleep(0.02)
            return time.perf_counter() - begin
        finally:
            process.kill()
            process.wait()


def measure(quick: bool = False) -> None:
    """Times every config and writes the record; with `quick` the first config, which is only printed."""
    found: dict[str, dict[str, Any]] = {}
    begin = time.perf_counter()
    for config in CONFIGS[:1] if quick else CONFIGS:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
            cache = Path(scratch) / "cache"
            times = []
            for number in range(2 if quick else 1 + WARM_RUNS):
                folder = Path(scratch) / str(number)
                folder.mkdir()
                times.append(first_epoch(config, cache, folder))
        found[config] = {"cold": times[0], "warm": times[1:]}
        print(f"{config}: {json.dumps(found[config])}", file=sys.stderr)
    took = time.perf_counter() - begin
    values = {"configs": found, "date": today(), "command": "python -m benchmarks.startup", "took": took}
    if quick:
        print("\n".join(tables.startup(values)))
    else:
        record.put(machine(_device()), "startup", values)


def _device() -> str:
    """What a process with this environment runs on."""
    ask = "import jax; print(jax.devices()[0].device_kind)"
    return subprocess.run([sys.executable, "-c", ask], check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one config, one warm run; writes nothing")
    measure(parser.parse_args().quick)
