"""ZOO.md: tables of what `benchmarks.zoo` has recorded."""

import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.shares import KINDS

APART = {
    "bilinear": "not timed against PyTorch: after the paper, of no published sizes; it is one outer product a pair",
    "centralnet_pictures": "the row `centralnet`: public code and published sizes are of pictures",
    "contextual_none": "`mmmu_ba`'s network without its attention",
    "dmf": "`centralnet`'s network; only the losses differ",
    "early-linear": "`early`'s network without its hidden layer",
    "late-average": "the row `late`",
    "late-learned": "`late`'s network and a dense layer on its scores",
    "late-product": "`late`'s network; only the formula of the answer differs",
    "late-vote": "`late`'s network; only the formula of the answer differs",
    "mfas": "not timed against PyTorch: a search, each of whose trials is four dense layers more than `early`",
    "mfcc_cnn": "as `msaf_mfcc`, its authors' name",
    "msaf_mfcc": "its PyTorch side has the same loss, but has not been timed yet",
    "mmuu_sa": "`mmmu_ba`'s network with attention over modalities instead, which is smaller",
    "model-level": "`early`'s network with a dense layer of each modality in front",
    "mu_sa": "`mmmu_ba`'s network with attention over a modality's own steps instead: three products for six",
    "mulmix": "`late`'s network; only the loss differs",
    "multiplicative": "`late`'s network; only the loss differs",
}
"""Method without a row of its own -> which one's network it has, or why it is not timed."""


def write_page(record: Mapping[str, Any], path: Path) -> None:
    """ZOO.md from the record."""
    lines = [
        "# The zoo's methods: steps and compile times",
        "",
        "Written by `python -m benchmarks.zoo` from [results/zoo](results/zoo) and by nothing else; "
        "[docs/benchmarks.md](../docs/benchmarks.md#the-zoo) says how it is measured.",
        "",
        f"Processor time on one core of {record['machine']}, while other programs ran on both cores: load averages "
        "stand beside. Theirs and ours take turns in one process, so that what others take from caches meets both.",
        "",
        "## A training step against PyTorch",
        "",
        "*Floor* is the share of our step that its matrix products would take at the rate of large ones. What it "
        "really consists of is from XLA's profile: products, Adam, passes over arrays (all that is elementwise, sums "
        "and copies) and what lies between operations (rounds of loops, and starting each).",
        "",
        "| method | sizes | parameters (ours, theirs) | theirs, ms | ours, ms | theirs / ours | in pairs | floor % "
        "| products % | Adam % | passes % | between % | compile, s | load |",
        "| --- | --- | ---: | ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(format_method(name, one) for name, one in record["methods"].items()),
        "",
        "## Methods without a row of their own",
        "",
        "| method | |",
        "| --- | --- |",
        *(f"| `{name}` | {reason} |" for name, reason in APART.items() if name not in record["methods"]),
        "",
        "## Compile times",
        "",
        "| method | parameters | processor, s | clock, s | load |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name, one in record["compile"].items():
        clock = f"{one['wall']:.0f}" if "wall" in one else ""
        lines.append(f"| `{name}` | {one['parameters']:,} | {one['compile']:.0f} | {clock} | {one['load']:.1f} |")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def format_method(name: str, one: Mapping[str, Any]) -> str:
    """A line of the table of steps."""
    theirs, ours = (statistics.median(one["seconds"][side]) for side in ("pytorch", "ours"))
    pairs = [a / b for a, b in zip(one["seconds"]["pytorch"], one["seconds"]["ours"], strict=True)]
    counts = " / ".join(f"{n:,}" for n in dict.fromkeys(one["parameters"]))
    floor = f"{100 * one['products'] / one['rate'] / ours:.0f}" if "rate" in one else ""
    parts = [f"{100 * one['shares'][kind]:.0f}" if "shares" in one else "" for kind in KINDS]
    return (
        f"| `{name}` | {one['sizes']} | {counts} | {1e3 * theirs:.2f} | {1e3 * ours:.2f} | "
        f"{statistics.median(pairs):.1f} | {min(pairs):.1f} to {max(pairs):.1f} | {floor} | {' | '.join(parts)} | "
        f"{one['compile']:.0f} | {one['load']:.1f} |"
    )
