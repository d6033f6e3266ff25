"""Pictures of the table in the terminal, the HTML reports and the listening page, taken by a headless Chromium.

    python -m tests.screenshots                        # trains two tiny synthetic runs and README's own csv first
    python -m tests.screenshots --report=RUN --own=RUN --listening=RUN --out=docs/images

Writes terminal.png, report.png, own_report.png and listening.png. `make screenshots` is the first form; what it trains
stays in build/screenshots.
"""

import argparse
import html
import pathlib
import subprocess
import sys

from affect_jax.errors import UserError
from affect_jax.experiment import terminal
from affect_jax.experiment.results_file import read_results
from affect_jax.reports import report_files, verdicts
from tests import browser

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILT = ROOT / "build" / "screenshots"
LARGEST = 300_000
"""Bytes of a picture: it is loaded with the README."""
_TINY = {
    "fusion_trimodal": ("configs/fusion.py:trimodal", "study.seeds=2", "stages.fit.epochs=8"),
    "conflictnet": ("configs/conflictnet.py", "study.only=('conflictnet',)", "study.seeds=1", "stages.fit.epochs=4"),
}


def train_tiny_run(name: str) -> pathlib.Path:
    """Trains a tiny synthetic run, unless it is already there; returns its folder."""
    config, *changes = _TINY[name]
    flags = [f"--config={config}", *(f"--config.{change}" for change in changes), f"--workdir={BUILT / name}"]
    subprocess.run([sys.executable, "-m", "launch.main", *flags], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return BUILT / name


def train_own_run() -> pathlib.Path:
    """Trains what README does of one's own csv, a synthetic one, unless it is already there; returns the run folder."""
    made, run = BUILT / "try", BUILT / "fusion_manifest"
    prepare = ["launch.prepare", "--corpus=manifest", f"--synthetic_out={made}"]
    train = ["launch.main", "--config=configs/fusion.py", f"--config.corpus.manifest={made / 'manifest.csv'}"]
    for words in ([] if made.exists() else [prepare]) + [[*train, f"--workdir={run}"]]:
        subprocess.run([sys.executable, "-m", *words], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return run


def write_terminal_page(run: pathlib.Path, page: pathlib.Path) -> pathlib.Path:
    """Writes what launch.main prints of a finished run, as a terminal shows it; returns the page."""
    text = "\n".join(filter(None, [terminal.format_results(read_results(run)), verdicts.summarize_verdicts(run)]))
    style = (
        "margin: 0; padding: 16px; background: #16181b; color: #ececea; font: 15px/1.3 'DejaVu Sans Mono', monospace"
    )
    page.write_text(
        f'<!doctype html><meta charset="utf-8"><body style="margin: 0"><pre style="{style}">{html.escape(text)}</pre>',
        "utf-8",
    )
    return page


def write_listening_page(run: pathlib.Path, page: pathlib.Path) -> pathlib.Path:
    """Writes the listening page of a run of raw speech; returns the page."""
    flags = [f"--run={run}", f"--out={page}"]
    subprocess.run([sys.executable, "-m", "launch.explore", *flags], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return page


def take_picture(page: pathlib.Path, picture: pathlib.Path, *, height: int = 0, before: str = "") -> None:
    """Writes the top of a page as a PNG.

    Args:
      page: an HTML file.
      picture: to write.
      height: of what is taken, in pixels; 0 for as much as the page has.
      before: JavaScript to run first.

    Raises:
      UserError: there is no Chromium, or the picture is too large for a README.
    """
    if not pathlib.Path(browser.BINARY).exists():
        raise UserError(f"{browser.BINARY} takes the pictures and is not there; on Debian: apt install chromium")
    picture.parent.mkdir(parents=True, exist_ok=True)
    with browser.Page(BUILT / "profile", width=1180, height=height or 600) as tab:
        tab.open(page)
        height = height or tab.js("document.querySelector('pre, main').getBoundingClientRect().bottom")
        if before:
            tab.js(before)
        tab.screenshot(picture, height=height)
    size = picture.stat().st_size
    if size > LARGEST:
        raise UserError(f"{picture} has {size} bytes, more than {LARGEST}; take less of the page")


def main(arguments: list[str]) -> None:
    """Takes the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--report", action="append", help="run folders; default: a tiny synthetic run")
    parser.add_argument("--own", help="a run of one's own csv; default: README's, of a synthetic one")
    parser.add_argument("--listening", help="a run of raw speech; default: a tiny synthetic run")
    parser.add_argument("--clip", default="", help="the clip that is selected; default: the first in the table")
    parser.add_argument("--height", type=int, default=1150, help="pixels of the report that are taken")
    parser.add_argument("--own_height", type=int, default=720, help="likewise of the report of one's own csv")
    parser.add_argument("--out", default=str(ROOT / "docs" / "images"), help="where the pictures go")
    options = parser.parse_args(arguments)
    out = pathlib.Path(options.out)

    reported = options.report or [train_tiny_run("fusion_trimodal")]
    files = report_files.render_runs(reported, "python -m tests.screenshots")
    BUILT.mkdir(parents=True, exist_ok=True)
    take_picture(write_terminal_page(pathlib.Path(reported[0]), BUILT / "terminal.html"), out / "terminal.png")
    (BUILT / "report.html").write_bytes(files["index"]["html"])
    take_picture(BUILT / "report.html", out / "report.png", height=options.height)
    own = report_files.render_runs([pathlib.Path(options.own or train_own_run())], "python -m launch.report runs/mine")
    (BUILT / "own_report.html").write_bytes(own["index"]["html"])
    take_picture(BUILT / "own_report.html", out / "own_report.png", height=options.own_height)
    run = pathlib.Path(options.listening or train_tiny_run("conflictnet"))
    page = write_listening_page(run, BUILT / "listening.html")
    rows = "[...document.querySelectorAll('#rows tr')]"
    wanted = f"row => row.cells[0].textContent === {options.clip!r}" if options.clip else "() => true"
    take_picture(page, out / "listening.png", height=840, before=f"{rows}.find({wanted}).click()")
    for name in ("terminal", "report", "own_report", "listening"):
        print(f"wrote {out / name}.png")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except UserError as error:
        sys.exit(f"error: {error}")
