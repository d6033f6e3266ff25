"""Timings -> a markdown page."""

from typing import Any

HEADS = {"ours": "ours", "pytorch": "PyTorch", "pytorch-compiled": "torch.compile"}


def _time(seconds: float) -> str:
    return f"{seconds * 1e3:,.1f} ms" if seconds < 1 else f"{seconds:,.2f} s"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def markdown(found: dict[str, Any], device: str) -> str:
    """The page: medians, how many times PyTorch's time ours is, start-up and peak memory.

    Args:
      found: case -> title, sides, load average before.
      device: what was measured on.
    """
    sides = [side for side in HEADS if any(side in case["sides"] for case in found.values())]
    others = sides[1:]
    heads = ["", *(HEADS[s] for s in sides), *(f"{HEADS[s]} / ours" for s in others)]
    heads += [f"{HEADS[s]}: {what}" for what in ("start-up", "peak memory") for s in sides]
    lines = [_line(heads), _line(["---", *["---:"] * (len(heads) - 1)])]
    for case in found.values():
        measured = case["sides"]
        cells = [case["title"]]
        cells += [_time(measured[s]["median"]) if s in measured else "" for s in sides]
        cells += [f"{measured[s]['median'] / measured['ours']['median']:.2f}" if s in measured else "" for s in others]
        cells += [f"{measured[s]['first']:.1f} s" if s in measured else "" for s in sides]
        cells += [f"{measured[s]['peak'] / 1e9:.2f} GB" if s in measured else "" for s in sides]
        lines.append(_line(cells))
    notes = []
    for case in found.values():
        if "single" in case:
            row, single = case["sides"]["ours"]["median"], case["single"]["median"]
            notes.append(
                f"{case['title']}: {_time(row)}. A step of one run alone on all cores, in turns with it: "
                f"{_time(single)}. A row takes {row / single:.2f} of it."
            )
    load = max(case["load"] for case in found.values())
    any_case = next(iter(found.values()))["sides"]
    versions = ", ".join(
        f"{name} {any_case[s]['versions'][name]}" for s, name in (("ours", "jax"), ("pytorch", "torch"))
    )
    head = [
        f"# {device}",
        "",
        f"{versions}; float32; medians; load average before: at most {load:.1f}. A training step of batch 32",
        "where nothing else is said. How to read it: docs/benchmarks.md. Every single time stands in the .json beside.",
        "",
    ]
    return "\n".join([*head, *lines, *(["", *notes] if notes else [])]) + "\n"
