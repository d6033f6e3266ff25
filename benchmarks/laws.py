"""Laws of growth: a power fitted to sizes and what they cost, and its plot."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np


def power(sizes: Sequence[float], costs: Sequence[float]) -> tuple[float, float]:
    """(a, k) of cost = a size^k, by least squares of the logarithms."""
    slope, intercept = np.polyfit(np.log(sizes), np.log(costs), 1)
    return float(np.exp(intercept)), float(slope)


def line(sizes: Sequence[float], costs: Sequence[float]) -> tuple[float, float]:
    """(floor, rise) of cost = floor + rise size, each point weighed by 1 / cost, as their errors are relative."""
    rise, floor = np.polyfit(sizes, costs, 1, w=1 / np.asarray(costs, float))
    return float(floor), float(rise)


def sentences(sizes: Sequence[float], seconds: Sequence[float], held: Sequence[float], each: str) -> list[str]:
    """The laws of time and memory, with the range that they were fitted over.

    Args:
      sizes: what grew.
      seconds: of each.
      held: bytes of each.
      each: one unit of what grew, as 'row'.
    """
    over = f"from {min(sizes):g} to {max(sizes):g}"
    _, time_slope = power(sizes, seconds)
    _, last = power(sizes[-2:], seconds[-2:])
    _, memory_slope = power(sizes, held)
    floor, rise = line(sizes, held)
    return [
        f"Time grows as size^{time_slope:.2f} {over} (between the last two points as size^{last:.2f}).",
        f"Memory grows as size^{memory_slope:.2f}: about {max(floor, 0) / 1e6:,.0f} MB and {rise / 1e6:,.2f} MB a "
        f"{each}.",
    ]


def plot(
    file: Path, sizes: Sequence[float], seconds: Sequence[float], held: Sequence[float], title: str, unit: str
) -> None:
    """Time and memory over size with the fitted powers, both axes logarithmic, as svg."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.hashsalt": "affect_jax", "svg.fonttype": "none", "font.size": 8})
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, 2, figsize=(6, 2.4), layout="constrained")
    for panel, costs, what in zip(panels, (seconds, np.asarray(held) / 1e9), ("seconds", "GB"), strict=True):
        factor, slope = power(sizes, costs)
        panel.loglog(sizes, factor * np.asarray(sizes) ** slope, "--", color="0.6", label=f"size^{slope:.2f}")
        panel.loglog(sizes, costs, "o-", color="C0", markersize=3)
        panel.set(xlabel=unit, ylabel=what)
        panel.set_xticks(sizes, [f"{size:g}" for size in sizes])
        panel.minorticks_off()
        panel.legend(frameon=False)
    figure.suptitle(title)
    figure.savefig(file, metadata={"Date": None})
    pyplot.close(figure)
