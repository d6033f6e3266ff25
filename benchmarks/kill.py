"""Kills a small study with SIGKILL at random moments, resumes it, and compares what it left with an undisturbed run.

python -m benchmarks.kill --times=20    # about 10 minutes on two idle cores

Moments are uniform over the time that the undisturbed run takes, so some fall into start-up and some into the writing
of a checkpoint (the study saves every epoch). A study that was not killed in time ends and is compared; the next one
begins. Exits with 1 where results.json (but for provenance) or the lines of metrics.jsonl differ.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

COMMAND = [
    *(sys.executable, "-m", "launch.main", "--config=configs/sew.py"),
    "--config.corpus.synthetic={'recordings': 2, 'frames': 30, 'seed': 0, "
    "'audio': 4, 'video_geometric': 5, 'video_appearance': 3}",
    "--config.model.weaker_layers=(4, 3)",
    "--config.model.stronger_layers=((3,),)",
    "--config.model.stronger_decoder_layers=((3, 4),)",
    "--config.model.regressor_width=3",
    "--config.model.regressor_layers=1",
    "--config.stages.fit.losses.alignment_audio.k=2",
    "--config.stages.fit.epochs=40",
    "--config.stages.fit.patience=0",  # or most kills would fall into the start
    "--config.study.seeds=2",
    "--config.engine.checkpoint_seconds=0.0",
]
ROOT = Path(__file__).resolve().parents[1]


def start(folder: Path) -> subprocess.Popen:
    """The study, at work on `folder`."""
    with open(folder.with_suffix(".log"), "a") as log:
        return subprocess.Popen([*COMMAND, f"--workdir={folder}"], cwd=ROOT, stdout=log, stderr=log)


def outcome(folder: Path) -> tuple[dict[str, Any], list[str]]:
    """What a finished run must have in common with any other: its results and every epoch's line, once."""
    results = json.loads((folder / "results.json").read_text())
    del results["provenance"]
    return results, sorted((folder / "metrics.jsonl").read_text().splitlines())


def state(folder: Path) -> str:
    """Where a killed run was, for the report."""
    metrics = folder / "metrics.jsonl"
    lines = metrics.read_text().count("\n") if metrics.exists() else 0
    saves = [path for path in folder.glob("checkpoints/*/*/*") if path.is_dir()]
    half = [path for path in saves if not (path.parent / f"{path.name[:6]}.json").exists()]
    return f"{lines} lines of metrics, {len(saves) - len(half)} whole and {len(half)} half-written checkpoints"


def finish(folder: Path, process: subprocess.Popen) -> None:
    """Waits for a run's own end."""
    if process.wait():
        sys.exit(f"error: the study failed:\n{folder.with_suffix('.log').read_text()[-2000:]}")


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=20, help="how often to kill")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    args = parser.parse_args()
    draw, kills, runs, different = random.Random(args.seed), 0, 0, 0
    with tempfile.TemporaryDirectory() as scratch:
        whole = Path(scratch) / "whole"
        finish(whole, start(whole))  # builds the corpus and fills the compilation cache
        begin = time.monotonic()
        again = Path(scratch) / "again"
        finish(again, start(again))
        seconds = time.monotonic() - begin
        if outcome(again) != outcome(whole):
            sys.exit("error: two undisturbed runs differ; nothing can be said of killed ones")
        print(f"undisturbed: {seconds:.0f} s, {len(outcome(whole)[1])} lines of metrics", flush=True)
        while kills < args.times:
            runs += 1
            folder = Path(scratch) / f"killed_{runs}"
            process = start(folder)
            while kills < args.times:
                moment = draw.uniform(0, seconds)
                try:
                    process.wait(moment)
                    break
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                kills += 1
                print(f"kill {kills}: run {runs}, {moment:.1f} s after its start: {state(folder)}", flush=True)
                process = start(folder)
            finish(folder, process)
            same = outcome(folder) == outcome(whole)
            different += not same
            print(f"run {runs} finished: {'the same' if same else 'DIFFERENT'}", flush=True)
    print(f"{kills} kills in {runs} runs, {different} of which ended differently from the undisturbed one")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
