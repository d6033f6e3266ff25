"""The README's pictures of the HTML report and of the listening page, taken by a headless Chromium.

    python -m tests.screenshots                                        # trains two tiny synthetic runs first
    python -m tests.screenshots --report=RUN --report=RUN --listening=RUN --out=docs/images

Writes report.png and listening.png. `make screenshots` is the first form; what it trains stays in build/screenshots.
"""

import argparse
import pathlib
import subprocess
import sys

from affect_jax.errors import UserError
from affect_jax.reports import report_files
from tests import browser

ROOT = pathlib.Path(__file__).resolve().parents[1]
KEPT = ROOT / "build" / "screenshots"
LARGEST = 300_000
"""Bytes of a picture: it is loaded with the README."""
_TINY = {
    "fusion_trimodal": ("configs/fusion.py:trimodal", "study.seeds=2", "stages.fit.epochs=8"),
    "conflictnet": ("configs/conflictnet.py", "study.only=('conflictnet',)", "study.seeds=1", "stages.fit.epochs=4"),
}


def train_tiny_run(name: str) -> pathlib.Path:
    """A tiny synthetic run, trained where it is not there yet."""
    config, *changes = _TINY[name]
    flags = [f"--config={config}", *(f"--config.{change}" for change in changes), f"--workdir={KEPT / name}"]
    subprocess.run([sys.executable, "-m", "launch.main", *flags], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return KEPT / name


def write_listening_page(run: pathlib.Path, explored: pathlib.Path) -> pathlib.Path:
    """The listening page of a run of raw speech."""
    flags = [f"--run={run}", f"--out={explored}"]
    subprocess.run([sys.executable, "-m", "launch.explore", *flags], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return explored


def take_picture(page: pathlib.Path, picture: pathlib.Path, *, height: int, before: str = "") -> None:
    """Writes the top of a page as a PNG.

    Args:
      page: an HTML file.
      picture: to write.
      height: of what is taken, in pixels.
      before: JavaScript to run first.

    Raises:
      UserError: there is no Chromium, or the picture is too large for a README.
    """
    if not pathlib.Path(browser.BINARY).exists():
        raise UserError(f"{browser.BINARY} takes the pictures and is not there; on Debian: apt install chromium")
    picture.parent.mkdir(parents=True, exist_ok=True)
    with browser.Page(KEPT / "profile", width=1180, height=height) as opened:
        opened.open(page)
        if before:
            opened.js(before)
        opened.screenshot(picture, height=height)
    size = picture.stat().st_size
    if size > LARGEST:
        raise UserError(f"{picture} has {size} bytes, more than {LARGEST}; take less of the page")


def main(arguments: list[str]) -> None:
    """Takes both pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--report", action="append", help="run folders; default: a tiny synthetic run")
    parser.add_argument("--listening", help="a run of raw speech; default: a tiny synthetic run")
    parser.add_argument("--clip", default="", help="the clip that is selected; default: the first in the table")
    parser.add_argument("--height", type=int, default=1150, help="pixels of the report that are taken")
    parser.add_argument("--out", default=str(ROOT / "docs" / "images"), help="where the pictures go")
    asked = parser.parse_args(arguments)
    out = pathlib.Path(asked.out)

    files = report_files.render_runs(asked.report or [train_tiny_run("fusion_trimodal")], "python -m tests.screenshots")
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / "report.html").write_bytes(files["index"]["html"])
    take_picture(KEPT / "report.html", out / "report.png", height=asked.height)
    run = pathlib.Path(asked.listening or train_tiny_run("conflictnet"))
    page = write_listening_page(run, KEPT / "listening.html")
    rows = "[...document.querySelectorAll('#rows tr')]"
    wanted = f"row => row.cells[0].textContent === {asked.clip!r}" if asked.clip else "() => true"
    take_picture(page, out / "listening.png", height=840, before=f"{rows}.find({wanted}).click()")
    for name in ("report", "listening"):
        print(f"wrote {out / name}.png")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except UserError as error:
        sys.exit(f"error: {error}")
