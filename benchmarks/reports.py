"""Packs run folders into results/runs, and makes the reports under results/ anew from them, with today's code.

    python -m benchmarks.reports                                    # all of them: make results
    python -m benchmarks.reports --check                            # makes them elsewhere and names what differs
    python -m benchmarks.reports --pack=runs/seqsew_unimodal_mosi   # after a run: keeps what reports read of it

results/reports.toml says which runs and which command make which folder. An archive has results.json, config.json,
predictions.npz and metrics.jsonl of a run folder as the run left them; unpacked it is a run folder for launch.report.
"""

import argparse
import io
import lzma
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "results"
KEPT = ("results.json", "config.json", "predictions.npz", "metrics.jsonl")


class Report(NamedTuple):
    """A folder under results/, the runs it is made of, and the arguments of launch.report."""

    folder: str
    runs: tuple[str, ...]
    arguments: tuple[str, ...]


def list_reports() -> list[Report]:
    """What results/reports.toml lists."""
    document = tomllib.loads((RESULTS / "reports.toml").read_text(encoding="utf-8"))
    return [Report(entry["folder"], tuple(entry["runs"]), tuple(entry["arguments"])) for entry in document["report"]]


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


def make(report: Report, folder: Path) -> Path:
    """Makes a report below `folder`, of which it also needs the subfolder runs; returns the folder of its files.

    The command runs there, so that what files say of it holds in any checkout.
    """
    for name in report.runs:
        if not (folder / "runs" / name).is_dir():
            unpack(name, RESULTS / "runs", folder / "runs")
    command = [sys.executable, "-m", "launch.report", *report.arguments, f"--out=results/{report.folder}"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    return folder / "results" / report.folder


def _list_files(folder: Path) -> list[Path]:
    """The files of a report that are kept: tables, which pages quote; index.html is made anew where it is wanted.

    A report may not be there yet, and one folder may lie in another.
    """
    return [path for path in folder.glob("*") if path.is_file() and path.suffix != ".html"]


def list_differences(made: Path, kept: Path) -> Iterator[str]:
    """A line a file that is in one folder only, or differs."""
    names = [{path.name for path in _list_files(folder)} for folder in (made, kept)]
    for name in sorted(names[0] ^ names[1]):
        yield f"{kept / name}: {'no command makes it' if name in names[1] else 'is missing'}"
    for name in sorted(names[0] & names[1]):
        if (made / name).read_bytes() != (kept / name).read_bytes():
            yield f"{kept / name}: today's code makes another one"


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
    parser.add_argument("--pack", action="append", default=[], help="a run folder to keep in results/runs; may repeat")
    asked = parser.parse_args()
    for folder in asked.pack:
        print(f"wrote {pack(Path(folder), RESULTS / 'runs').relative_to(ROOT)}")
    if asked.pack:
        return
    differences: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for report in list_reports():
            made, kept = make(report, Path(folder)), RESULTS / report.folder
            if asked.check:
                differences += list_differences(made, kept)
            else:
                _replace(made, kept)
                print(f"made {kept.relative_to(ROOT)}")
    if differences:
        sys.exit("\n".join(differences))


if __name__ == "__main__":
    main()
