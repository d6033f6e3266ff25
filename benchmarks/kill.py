"""Kills programs with SIGKILL at random moments, starts them again, and compares what they left with undisturbed runs.

python -m benchmarks.kill --times=20
python -m benchmarks.kill --times=100 --kinds=build,report,export

Kinds: training, search and streaming (a small study that saves every epoch, and inside epochs where it streams), build
(launch.prepare of a synthetic corpus), report and export (of a finished run). Moments are uniform over the time that
the undisturbed program takes; every second kill then waits until something is half-written. One program in ten is a new
Python process, the others are forks of one that has imported everything (`benchmarks.programs`). A program that was not
killed in time ends and is compared; the next one begins. Exits with 1 where what is left differs, where anything
half-written is left behind, or where a program complained.
"""

import argparse
import contextlib
import hashlib
import json
import os
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import programs

SMALL = [
    "--config.corpus.synthetic={'recordings': 2, 'frames': 30, 'seed': 0, "
    "'audio': 4, 'video_geometric': 5, 'video_appearance': 3}",
    "--config.model.weaker_layers=(4, 3)",
    "--config.model.stronger_layers=((3,),)",
    "--config.model.stronger_decoder_layers=((3, 4),)",
    "--config.model.regressor_width=3",
    "--config.model.regressor_layers=1",
    "--config.stages.fit.losses.alignment_audio.k=2",
    "--config.stages.fit.epochs=6",
    "--config.stages.fit.patience=0",  # or most kills would fall into the start
    "--config.study.seeds=2",
    "--config.engine.checkpoint_seconds=0.0",
]
GRID = "{'stages': {'fit': {'losses': {'alignment_audio': {'weight': (0.5, 1.0)}}}}}"
OPTIONS = {
    "training": ["--config=configs/sew.py"],
    "search": ["--config=benchmarks/kill_config.py", f"--config.search.grid={GRID}"],
    "streaming": [
        "--config=benchmarks/kill_config.py",
        "--config.engine.stream=True",
        "--config.engine.stream_megabytes=0.01",
    ],
}
ANEW = 10
"""Of so many programs one is a new Python process."""
_HALF = re.compile(r"\.partial$|\.orbax-checkpoint-tmp|^incomplete\.")
_COMPLAINT = re.compile(r"Traceback|Warning|Error")


class Kind(NamedTuple):
    """What is killed.

    Attributes:
      command: folder -> the program that works on it.
      outcome: folder -> what must be equal however often the program was killed.
      begun: a pattern of what lies in the folder when the work itself has begun.
    """

    command: Callable[[Path], list[str]]
    outcome: Callable[[Path], Any]
    begun: str


def make_kind(name: str, finished: Path) -> Kind:
    """The kind of that name; `finished` is the folder of a finished run."""
    if name in OPTIONS:
        train = ["launch.main", *OPTIONS[name], *SMALL]
        return Kind(lambda folder: [*train, f"--workdir={folder}"], read_run, "metrics.jsonl")
    if name == "build":
        build = ["launch.prepare", "--corpus=recola", "--target=arousal"]
        return Kind(lambda folder: [*build, f"--data_dir={folder}"], read_build, "*")
    if name == "report":
        return Kind(lambda folder: ["launch.report", str(finished), f"--out={folder}"], hash_files, "*")
    return Kind(lambda folder: ["launch.export", f"--run={finished}", f"--out={folder}"], hash_files, "*")


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


def find_half_written(folder: Path) -> set[tuple[str, int]]:
    """(path, time of its last change) of what lies below `folder` that a writer has not finished.

    That are names which say so, and checkpoints without their entry.
    """
    half = []
    for place, folders, names in os.walk(folder):
        half += [os.path.join(place, name) for name in (*folders, *names) if _HALF.search(name)]
        arrays = [name for name in folders if re.fullmatch(r"\d{6}", name)]
        half += [os.path.join(place, name) for name in arrays if f"{name}.json" not in names]
    with_times = set()
    for path in half:
        with contextlib.suppress(FileNotFoundError):  # finished meanwhile
            with_times.add((path, os.stat(path).st_mtime_ns))
    return with_times


def interrupt(program: programs.Program, kind: Kind, folder: Path, moment: float, *, is_aimed: bool) -> str | int:
    """Kills a program `moment` seconds from now, or, where `is_aimed`, as soon as it then has something half-written.

    Returns:
      How far it was; its exit status where it ended before.
    """
    before = find_half_written(folder)  # by one that was killed before it
    status = program.wait(moment)
    while status is None and is_aimed and find_half_written(folder) <= before:
        status = program.wait(0.001)
    if status is not None:
        return status
    program.kill()
    if not find_half_written(folder) <= before:
        return "with something half-written"
    return "at work, with nothing half-written" if any(folder.glob(kind.begun)) else "before the work began"


def compare(kind: Kind, folder: Path, whole: Path) -> str:
    """What is wrong with `folder`, the work of programs of which the last one ended by itself; '' for nothing."""
    log = folder.with_suffix(".log").read_text().splitlines()
    if complaints := [line for line in log if _COMPLAINT.search(line)]:
        return f"COMPLAINED: {complaints[-1]}"
    if half := sorted(find_half_written(folder)):
        return f"LEFT BEHIND: {half[0][0]}"
    return "" if kind.outcome(folder) == kind.outcome(whole) else "DIFFERENT"


def finish(kind: Kind, folder: Path) -> float:
    """Runs a program undisturbed; returns its seconds."""
    begin, log = time.monotonic(), folder.with_suffix(".log")
    if programs.fork_program(kind.command(folder), log).wait(None):
        sys.exit(f"error: the program failed:\n{log.read_text()[-2000:]}")
    return time.monotonic() - begin


def kill_often(name: str, kind: Kind, scratch: Path, times: int, imports: float) -> int:
    """Kills a kind `times` times; returns how many of its runs ended differently.

    Args:
      name: of the kind.
      kind: what to kill.
      scratch: where its folders go.
      times: how often.
      imports: seconds that a new Python process takes more than a fork.
    """
    draw, whole, again = random.Random(name), scratch / f"{name}_whole", scratch / f"{name}_again"
    finish(kind, whole)  # builds the corpus and fills the compilation cache
    seconds = finish(kind, again)
    if fault := compare(kind, again, whole):
        sys.exit(f"error: two undisturbed runs of {name}: {fault}; nothing can be said of killed ones")
    print(f"{name}: {seconds:.1f} s undisturbed", flush=True)
    started, runs, different, places = 0, 0, 0, Counter()
    while places.total() < times:
        runs += 1
        folder, status, killed = scratch / f"{name}_killed_{runs}", None, places.total()
        while status is None:
            started += 1
            is_new = started % ANEW == 0
            start = programs.start_program if is_new else programs.fork_program
            program = start(kind.command(folder), folder.with_suffix(".log"))
            if places.total() == times:
                status = program.wait(None)
                continue
            moment = draw.uniform(0, seconds + imports * is_new)
            end = interrupt(program, kind, folder, moment, is_aimed=started % 2 == 1)
            if isinstance(end, int):
                status = end
            else:
                places[end] += 1
        fault = f"ENDED WITH {status}" if status else compare(kind, folder, whole)
        different += bool(fault)
        print(f"{name}: run {runs} after {places.total() - killed} kills: {fault or 'the same'}", flush=True)
        if fault:
            print(folder.with_suffix(".log").read_text()[-2000:], flush=True)
    fell = ", ".join(f"{number} {place}" for place, number in sorted(places.items()))
    print(f"{name}: {times} kills ({fell}) in {runs} runs, {different} of which ended differently", flush=True)
    return different


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    kinds = (*OPTIONS, "build", "report", "export")
    parser.add_argument("--times", type=int, default=20, help="how often to kill each kind")
    parser.add_argument("--kinds", default=",".join(kinds), help=f"which, separated by commas: {', '.join(kinds)}")
    args = parser.parse_args()
    unknown = [name for name in args.kinds.split(",") if name not in kinds]
    if unknown:
        parser.error(f"--kinds has {unknown[0]!r}; choose among {', '.join(kinds)}")
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"  # the small study compiles nothing for long
    with tempfile.TemporaryDirectory() as place:
        scratch = Path(place)
        imports = programs.serve_forks(scratch / "cache")
        finished = scratch / "finished"
        chosen = {name: make_kind(name, finished) for name in args.kinds.split(",")}
        if {"report", "export"}.intersection(chosen):
            finish(make_kind("training", finished), finished)
        different = sum(kill_often(name, kind, scratch, args.times, imports) for name, kind in chosen.items())
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
