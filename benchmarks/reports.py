"""Packs run folders into results/runs, and makes the reports under results/ anew from them, with today's code.

    python -m benchmarks.reports                                    # all of them: make results
    python -m benchmarks.reports --check                            # makes them elsewhere and names what differs
    python -m benchmarks.reports --only=zoo_ravdess                 # one folder of them
    python -m benchmarks.reports --pack=runs/seqsew_unimodal_mosi   # after a run: keeps what reports read of it

results/reports.toml says which runs and which commands make which folder. An archive has results.json, config.json,
predictions.npz, metrics.jsonl, steps.json, missing/missing.json and interactions/interactions.json of a run folder as
the run left them; unpacked it is a run folder for launch.report, and for launch.missing and launch.interactions, which
then score nothing anew.
"""

import argparse
import contextlib
import io
import lzma
import re
import shlex
import shutil
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from absl import flags

from affect_jax.evaluation.interactions import outcome_file
from affect_jax.evaluation.missing import missing_file
from affect_jax.reports import league
from launch import interactions, missing, report

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "results"
KEPT = ("results.json", "config.json", "predictions.npz", "metrics.jsonl", league.STEPS)
KEPT += (f"missing/{missing_file.FILE}", f"interactions/{outcome_file.FILE}")
# What a report has beside these is made from the archives in a moment: pages, pictures, LaTeX, every epoch's losses.
SUFFIXES, LEFT_OUT = (".md", ".csv"), ("learning.csv",)
_NUMBER = re.compile(rb"-?\d*\.?\d+(?:e[-+]?\d+)?")


class Report(NamedTuple):
    """A folder under results/, the runs it is made of, the commands (a program of `launch`, then its arguments), and
    tables under results/ that these read.

    A run is the name of its archive, or NAME=ARCHIVE where the thesis' tables look for a run folder of another name.
    """

    folder: str
    runs: tuple[str, ...]
    commands: tuple[str, ...]
    tables: tuple[str, ...] = ()


def list_reports() -> list[Report]:
    """What results/reports.toml lists."""
    document = tomllib.loads((RESULTS / "reports.toml").read_text(encoding="utf-8"))
    return [Report(**{k: v if k == "folder" else tuple(v) for k, v in entry.items()}) for entry in document["report"]]


def name_archive(run: str) -> tuple[str, str]:
    """The name of a report's run folder, and of the archive that has it."""
    name, _, archive = run.partition("=")
    return name, archive or name


def pack(run: Path, archives: Path) -> Path:
    """Keeps a run folder as `archives`/NAME.tar.xz; the same folder gives the same bytes."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in KEPT:
            if (run / name).is_file():
                entry, data = tarfile.TarInfo(f"{run.name}/{name}"), (run / name).read_bytes()
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
    archives.mkdir(exist_ok=True)
    path = archives / f"{run.name}.tar.xz"
    path.write_bytes(lzma.compress(content.getvalue(), preset=9 | lzma.PRESET_EXTREME))
    return path


def unpack(name: str, archives: Path, folder: Path) -> None:
    """The run folder `folder`/NAME."""
    with tarfile.open(archives / f"{name}.tar.xz", mode="r:xz") as archive:
        archive.extractall(folder, filter="data")


def _run(command: str, out: str) -> None:
    """Runs `report ...`, `missing ...` or `interactions ...` in this process, where it draws nothing."""
    program, *arguments = shlex.split(command)
    arguments.append(f"--out={out}")
    line = f"python -m launch.{program} {shlex.join(arguments)}"
    values = flags.FlagValues()
    {"report": report, "missing": missing, "interactions": interactions}[program].define_flags(values)
    _, *rest = values([program, *arguments])
    if program == "report":
        report.make_report(values, rest, line, has_page=False)
    elif program == "interactions":
        interactions.score_interactions(values, line)
    else:
        missing.score_missing(values, line, figure_formats=())


def make(asked: Report, folder: Path) -> Path:
    """Makes a report below `folder`, of which it also needs the subfolder runs; returns the folder of its files.

    The commands run there, so that what files say of them holds in any checkout.
    """
    for name, archive in map(name_archive, asked.runs):
        if not (folder / "runs" / name).is_dir():
            unpack(archive, RESULTS / "runs", folder / "unpacked")
            (folder / "runs").mkdir(exist_ok=True)
            (folder / "unpacked" / archive).rename(folder / "runs" / name)
    for name in asked.tables:
        (folder / "results").mkdir(exist_ok=True)
        shutil.copyfile(RESULTS / name, folder / "results" / name)
    silent = contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO())
    with contextlib.chdir(folder), silent[0], silent[1]:
        for command in asked.commands:
            _run(command, f"results/{asked.folder}")
    return folder / "results" / asked.folder


def _list_files(folder: Path) -> list[Path]:
    """The files of a report that are kept: tables, which pages quote.

    A report may not be there yet, and one folder may lie in another.
    """
    return [path for path in folder.glob("*") if path.suffix in SUFFIXES and path.name not in LEFT_OUT]


def list_differences(made: Path, kept: Path) -> Iterator[str]:
    """A line a file that is in one folder only, or differs."""
    names = [{path.name for path in _list_files(folder)} for folder in (made, kept)]
    for name in sorted(names[0] ^ names[1]):
        yield f"{kept / name}: {'no command makes it' if name in names[1] else 'is missing'}"
    for name in sorted(names[0] & names[1]):
        if not _agree((made / name).read_bytes(), (kept / name).read_bytes()):
            yield f"{kept / name}: today's code makes another one"


def _agree(made: bytes, kept: bytes) -> bool:
    """Whether two files are equal, but for a unit of the last printed digit: scores are float32, whose sums another
    compiler rounds otherwise."""
    if made == kept:
        return True
    numbers = [_NUMBER.findall(text) for text in (made, kept)]
    if _NUMBER.sub(b"#", made) != _NUMBER.sub(b"#", kept):
        return False
    pairs = [(one, other) for one, other in zip(*numbers, strict=True) if one != other]  # equal ones may be hashes
    return all(abs(float(one) - float(other)) < 1.5 * _unit(other) for one, other in pairs)


def _unit(number: bytes) -> float:
    """Of its last printed digit; of a whole number, which counts, nearly none."""
    digits, _, exponent = number.partition(b"e")
    decimals = len(digits.partition(b".")[2])
    return 10.0 ** (int(exponent or 0) - decimals) if decimals else 1e-9


def _replace(made: Path, kept: Path) -> None:
    kept.mkdir(parents=True, exist_ok=True)
    for path in _list_files(kept):
        path.unlink()
    for path in _list_files(made):
        shutil.copyfile(path, kept / path.name)


def main() -> None:
    """Packs, checks or makes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing, name the files that today's code changes")
    parser.add_argument("--only", action="append", help="a folder of results/ to make or check, not all; may repeat")
    parser.add_argument("--pack", action="append", default=[], help="a run folder to keep in results/runs; may repeat")
    asked = parser.parse_args()
    for folder in asked.pack:
        print(f"wrote {pack(Path(folder), RESULTS / 'runs').relative_to(ROOT)}")
    if asked.pack:
        return
    reports = list_reports()
    if unknown := set(asked.only or ()) - {one.folder for one in reports}:
        sys.exit(
            f"error: results/reports.toml has no folder {', '.join(sorted(unknown))}; add it there, or correct --only"
        )
    differences: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for asked_report in [one for one in reports if not asked.only or one.folder in asked.only]:
            made, kept = make(asked_report, Path(folder)), RESULTS / asked_report.folder
            if asked.check:
                differences += list_differences(made, kept)
            else:
                _replace(made, kept)
                print(f"made {kept.relative_to(ROOT)}")
    if differences:
        sys.exit("\n".join(differences))


if __name__ == "__main__":
    main()
