"""Long sequences of one's own corpus in windows: how long they are follows from what came, unless somebody said so."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from affect_jax.errors import UserError

WHOLE = 200
"""Sequences of at most so many steps are trained on whole."""
SHORTEST, LONGEST = 100, 200
"""Steps of a window that is chosen here."""
SECONDS = 10.0
"""What a window shows where the rate is known and the limits above allow it."""


def fit_windows(data: Mapping[str, Any], steps: Sequence[int], rate: float) -> tuple[dict[str, Any], str]:
    """`config.data` with windows in steps, and a sentence that tells of them; '' where there are none.

    Args:
      data: `config.data`, plain; what it says of windows is kept, in steps.
      steps: of each sequence.
      rate: steps a second, 0 where nothing tells.

    Raises:
      UserError: windows in seconds of steps without times, in seconds and in steps, or of items or frames.
    """
    data = {"window": None, "hop": None, **data}
    given = _read_seconds(data, rate)
    if data["unit"] != "recording":
        return data, ""
    if data["window"] is None and max(steps, default=0) > WHOLE:
        data["window"] = choose_window(rate)
    if not data["window"]:
        return data, ""
    if data["hop"] is None:
        data["hop"] = max(data["window"] // 2, 1)
    return data, _describe(data, steps, rate, chosen=not given)


def choose_window(rate: float) -> int:
    """Steps of a window: ten seconds, but 100 to 200 steps; 100 where the rate is not known. Even, so that half is a
    hop."""
    return 2 * round(float(np.clip(SECONDS * rate, SHORTEST, LONGEST)) / 2)


def _read_seconds(data: dict[str, Any], rate: float) -> bool:
    """Turns windows in seconds into steps, in place; whether windows were asked for at all."""
    given = data["window"] is not None
    for key in ("window", "hop"):
        seconds = data.get(f"{key}_seconds")
        if seconds is None:
            continue
        if data["unit"] in ("item", "frame"):
            raise UserError(
                f"config.data.{key}_seconds is {seconds:g}, but this config learns from {data['unit']}s, which have no "
                "windows; leave it out"
            )
        if not rate:
            raise UserError(
                f"config.data.{key}_seconds is {seconds:g}, but no file of this corpus tells the rate of its steps (a "
                f"column 'time' would); set config.data.{key} in steps instead"
            )
        steps = max(round(seconds * rate), 1 if seconds else 0)
        if data[key] not in (None, steps) and data["unit"] == "recording":
            raise UserError(
                f"config.data.{key} is {data[key]} steps and config.data.{key}_seconds is {seconds:g}, which are "
                f"{steps} steps; set one of them"
            )
        data[key], data[f"{key}_seconds"] = steps, None
        given = True
    return given


def _describe(data: Mapping[str, Any], steps: Sequence[int], rate: float, *, chosen: bool) -> str:
    least, most = min(steps), max(steps)
    lengths = f"{least:,} steps" if least == most else f"{least:,} to {most:,} steps"
    seconds = f" ({data['window'] / rate:.3g} s at {rate:.3g} Hz)" if rate else ""
    hint = "; config.data.window sets another length, 0 trains on whole recordings" if chosen else ""
    return (
        f"{len(steps)} recordings of {lengths} are trained in windows of {data['window']} steps{seconds}, every "
        f"{data['hop']}; in evaluation the same windows score every step once, where its context is largest{hint}"
    )
