"""A picture of what teachers gave: a panel a ranked table, a line a method, the gain over its control.

    python -m benchmarks.gains results/colearning_mosi_audio results/colearning_planted --out=docs/images/colearning.png

Each folder has ranked.csv by `launch.report --ranked=control,...`. A line is the 95 % interval of the test over trials.
"""

import argparse
import csv
from pathlib import Path
from typing import NamedTuple

from affect_jax.reports.figures import COLOURS, make_figure, settle_layout, write_figure

REFERENCE = "control"


class Gain(NamedTuple):
    """Of one method over its control, in the table's metric, a fraction."""

    method: str
    mean: float
    low: float
    high: float


def read_gains(path: Path) -> tuple[str, list[Gain]]:
    """The metric and the gains of a ranked.csv, methods by name.

    Raises:
      SystemExit: no method has a control in it.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get(f"{REFERENCE}: difference")]
    if not rows:
        raise SystemExit(f"{path} tests nothing against {REFERENCE!r}; make it with --ranked={REFERENCE}")
    columns = [f"{REFERENCE}: {column}" for column in ("difference", "low", "high")]
    gains = [Gain(row["variant"], *(float(row[column]) for column in columns)) for row in rows]
    return rows[0]["metric"], sorted(gains)


def name_panel(folder: Path) -> str:
    """The folder's name; a synthetic corpus is said to be one."""
    is_synthetic = "on synthetic" in (folder / "ranked.md").read_text(encoding="utf-8").partition("\n")[0]
    return folder.name.replace("_", " ") + " (synthetic)" * is_synthetic


def draw_gains(panels: dict[str, tuple[str, list[Gain]]], out: Path) -> None:
    """Writes panels, title -> metric and gains, side by side; all have their methods in one order."""
    methods = sorted({gain.method for _, gains in panels.values() for gain in gains})
    figure = make_figure(2.6 + 1.7 * len(panels), 0.9 + 0.22 * len(methods))
    for panel, (title, (metric, gains)) in zip(
        figure.subplots(1, len(panels), sharey=True, squeeze=False)[0], panels.items(), strict=True
    ):
        panel.axvline(0, color=COLOURS[1], linestyle="--", linewidth=1.2)
        for gain in gains:
            error = [[100 * (gain.mean - gain.low)], [100 * (gain.high - gain.mean)]]
            place = methods.index(gain.method)
            panel.errorbar(100 * gain.mean, place, xerr=error, fmt="o", color=COLOURS[0], capsize=2, markersize=4)
        panel.set_yticks(range(len(methods)), methods, fontsize="small")
        panel.set(ylim=(len(methods) - 0.5, -0.5), xlabel=f"100 x {metric.upper()}")
        panel.set_title(title, fontsize="small")
        panel.grid(linewidth=0.3)
        panel.spines[["top", "right"]].set_visible(False)
    write_figure(settle_layout(figure), out)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    draw_gains(
        {folder.name.replace("_", " "): read_gains(folder / "ranked.csv") for folder in asked.folders}, asked.out
    )


if __name__ == "__main__":
    main()
