"""Kills programs with SIGKILL at random moments, starts them again, and compares what they left with undisturbed runs.

python -m benchmarks.kill --times=20                    # about 10 minutes for each kind on two idle cores
python -m benchmarks.kill --times=100 --kinds=build,report,export

Kinds: training, search and streaming (a small study that saves every epoch, and inside epochs where it streams), build
(launch.prepare of a synthetic corpus), report and export (of a finished run). Moments are uniform over the time that
the undisturbed program takes, so some fall into start-up and some into the writing of a file. A program that was not
killed in time ends and is compared; the next one begins. Exits with 1 where what is left differs, or where anything
half-written is left behind.
"""

import argparse
import hashlib
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

SMALL = [
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
GRID = "{'stages': {'fit': {'losses': {'alignment_audio': {'weight': (0.5, 1.0)}}}}}"
OPTIONS = {
    "training": [],
    "search": [f"--config.search.grid={GRID}", "--config.stages.fit.epochs=15"],
    "streaming": ["--config.engine.stream=True", "--config.engine.stream_megabytes=0.01"],
}
ROOT = Path(__file__).resolve().parents[1]


class Kind(NamedTuple):
    """What is killed.

    Attributes:
      command: folder -> the program that works on it.
      outcome: folder -> what must be equal however often the program was killed.
    """

    command: Callable[[Path], list[str]]
    outcome: Callable[[Path], Any]


def make_kind(name: str, finished: Path) -> Kind:
    """The kind of that name; `finished` is the folder of a finished run."""
    if name in OPTIONS:
        train = ["launch.main", "--config=configs/sew.py", *SMALL, *OPTIONS[name]]
        return Kind(lambda folder: [*train, f"--workdir={folder}"], read_run)
    if name == "build":
        build = ["launch.prepare", "--corpus=recola", "--target=arousal"]
        return Kind(lambda folder: [*build, f"--data_dir={folder}"], read_build)
    if name == "report":
        return Kind(lambda folder: ["launch.report", str(finished), f"--out={folder}"], hash_files)
    return Kind(lambda folder: ["launch.export", f"--run={finished}", f"--out={folder}"], hash_files)


def read_run(folder: Path) -> tuple[dict[str, Any], list[str], list[str]]:
    """What a finished run has in common with any other: results, every epoch's line once, and which files lie there."""
    results = json.loads((folder / "results.json").read_text())
    del results["provenance"], results["sha256"]
    names = sorted({path.name for path in folder.iterdir() if not path.name.startswith("events")})
    return results, sorted((folder / "metrics.jsonl").read_text().splitlines()), names


def read_build(folder: Path) -> tuple[list[str], str]:
    """Names of all files of a built corpus, and the fingerprint that the program printed last."""
    names = (str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    lines = folder.with_suffix(".log").read_text().splitlines()
    # The folder of a built corpus is named after the place of its release, which is another one in every run.
    return sorted(re.sub(r"[0-9a-f]{12}", "HASH", name) for name in names), [
        line for line in lines if line.startswith("fingerprint")
    ][-1]


def hash_files(folder: Path) -> dict[str, str]:
    """Name -> sha256 of every file; of JSON, without what names the folder, the time or the command."""
    hashes = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes().replace(folder.name.encode(), b"")
        if path.suffix == ".json":
            document = json.loads(data)
            for key in ("provenance", "sha256"):
                document.pop(key, None)
            data = json.dumps(document, sort_keys=True).encode()
        hashes[str(path.relative_to(folder))] = hashlib.sha256(data).hexdigest()
    return hashes


def start(kind: Kind, folder: Path) -> subprocess.Popen:
    """The program, at work on `folder`."""
    with open(folder.with_suffix(".log"), "a") as log:
        return subprocess.Popen([sys.executable, "-m", *kind.command(folder)], cwd=ROOT, stdout=log, stderr=log)


def finish(folder: Path, process: subprocess.Popen) -> None:
    """Waits for a program's own end."""
    if process.wait():
        sys.exit(f"error: the program failed:\n{folder.with_suffix('.log').read_text()[-2000:]}")


def kill_often(name: str, kind: Kind, scratch: Path, times: int, draw: random.Random) -> int:
    """Kills a kind `times` times; returns how many of its runs ended differently."""
    whole, again = scratch / f"{name}_whole", scratch / f"{name}_again"
    finish(whole, start(kind, whole))  # builds the corpus and fills the compilation cache
    begin = time.monotonic()
    finish(again, start(kind, again))
    seconds = time.monotonic() - begin
    if kind.outcome(again) != kind.outcome(whole):
        sys.exit(f"error: two undisturbed runs of {name} differ; nothing can be said of killed ones")
    print(f"{name}: {seconds:.1f} s undisturbed", flush=True)
    kills, runs, different = 0, 0, 0
    while kills < times:
        runs += 1
        folder = scratch / f"{name}_killed_{runs}"
        process = start(kind, folder)
        while kills < times:
            try:
                process.wait(draw.uniform(0, seconds))
                break
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            kills += 1
            process = start(kind, folder)
        finish(folder, process)
        is_same = kind.outcome(folder) == kind.outcome(whole)
        different += not is_same
        print(f"{name}: run {runs} after {kills} kills: {'the same' if is_same else 'DIFFERENT'}", flush=True)
    print(f"{name}: {kills} kills in {runs} runs, {different} of which ended differently", flush=True)
    return different


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    kinds = (*OPTIONS, "build", "report", "export")
    parser.add_argument("--times", type=int, default=20, help="how often to kill each kind")
    parser.add_argument("--kinds", default=",".join(kinds), help=f"which, separated by commas: {', '.join(kinds)}")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    args = parser.parse_args()
    unknown = [name for name in args.kinds.split(",") if name not in kinds]
    if unknown:
        parser.error(f"--kinds has {unknown[0]!r}; choose among {', '.join(kinds)}")
    with tempfile.TemporaryDirectory() as folder:
        finished, draw = Path(folder) / "finished", random.Random(args.seed)
        training = make_kind("training", finished)
        finish(finished, start(training, finished))
        chosen = {name: make_kind(name, finished) for name in args.kinds.split(",")}
        different = sum(kill_often(name, kind, Path(folder), args.times, draw) for name, kind in chosen.items())
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
