"""Examples of recordings: whole, frame by frame, or in windows that training and evaluation count every step alike by.

With `unit='window'`, as the thesis has RECOLA, training windows overlap and evaluation windows do not. With whole
recordings and a window, every step is trained on equally often, and scored once by the window that has the most
context around it.
"""

from collections.abc import Sequence
from typing import NamedTuple

from affect_jax.errors import UserError


class Example(NamedTuple):
    """A piece of a recording.

    Attributes:
      recording: its number.
      start: first frame within the recording.
      length: frames.
      first: of these the first that is scored ...
      last: ... and the first behind them that is not.
    """

    recording: int
    start: int
    length: int
    first: int
    last: int


class WindowPlan(NamedTuple):
    """How `config.data` has recordings read in windows.

    Attributes:
      unit: recording or window.
      window: frames of a window.
      hop: frames between the starts of two windows.
    """

    unit: str
    window: int
    hop: int


def list_evaluated(length: int, plan: WindowPlan | None) -> list[Example]:
    """The windows by which evaluation scores every frame of one recording once; without a plan it is read whole."""
    if plan is None or length <= plan.window:
        return [Example(0, 0, length, 0, length)]
    return list_examples([length], plan.unit, plan.window, plan.hop)[1]


def list_examples(lengths: Sequence[int], unit: str, window: int, hop: int) -> tuple[list[Example], list[Example]]:
    """Training and evaluation examples of recordings of these lengths; one list twice where they are the same.

    Args:
      lengths: frames of each recording.
      unit: recording, item, window or frame.
      window: frames of a window; 0 for whole recordings.
      hop: frames between the starts of two windows.

    Raises:
      UserError: windows do not fit, or no such unit.
    """
    if unit == "frame":
        frames = [Example(r, t, 1, 0, 1) for r, n in enumerate(lengths) for t in range(n)]
        return frames, frames
    if unit == "window":
        train = [(r, *w) for r, n in enumerate(lengths) for w in cut_windows(n, window, hop, remainder=False)]
        evaluate = [(r, *w) for r, n in enumerate(lengths) for w in cut_windows(n, window, window, remainder=True)]
        return [Example(*w, 0, w[2]) for w in train], [Example(*w, 0, w[2]) for w in evaluate]
    if unit not in ("recording", "item"):
        raise UserError(f"config.data.unit is {unit!r}; choose recording, item, window or frame")
    if unit == "recording" and window:
        train = [
            Example(r, s, n, 0, n) for r, length in enumerate(lengths) for s, n in cover_evenly(length, window, hop)
        ]
        return train, [Example(r, *w) for r, n in enumerate(lengths) for w in cover_once(n, window, hop)]
    whole = [Example(r, 0, n, 0, n) for r, n in enumerate(lengths)]
    return whole, whole


def cut_windows(length: int, window: int, hop: int, *, remainder: bool) -> list[tuple[int, int]]:
    """(start, length) of the windows over `length` frames; `remainder` adds what the last whole window leaves over.

    Raises:
      UserError: no window fits and there is to be no remainder.
    """
    starts = list(range(0, length - window + 1, hop))
    windows = [(start, window) for start in starts]
    covered = starts[-1] + window if starts else 0
    if remainder and covered < length:
        start = starts[-1] + hop if starts else 0
        windows.append((start, length - start))
    if not windows:
        raise UserError(
            f"a recording has {length} frames but config.data.window is {window}; choose a window of at most {length}"
        )
    return windows


def cover_evenly(length: int, window: int, hop: int) -> list[tuple[int, int]]:
    """(start, length) of windows that show every frame equally often: window / hop times, where that is whole.

    Windows begin before the first frame and end behind the last one, and are cut there. A recording that is no longer
    than a window is shown whole, as often.
    """
    if length <= window:
        return [(0, length)] * max(window // hop, 1)
    starts = range(-(window // hop - 1) * hop, length, hop)
    return [(max(start, 0), min(start + window, length) - max(start, 0)) for start in starts]


def cover_once(length: int, window: int, hop: int) -> list[tuple[int, int, int, int]]:
    """(start, length, first, last) of windows, each of which scores its frames first, ..., last - 1: every frame once.

    Two windows that overlap share what both show in halves, so a frame is scored where it has the most context.
    """
    if length <= window:
        return [(0, length, 0, length)]
    starts = list(range(0, length - window, hop)) + [length - window]
    edges = [0, *((one + other + window) // 2 for one, other in zip(starts, starts[1:], strict=False)), length]
    return [(s, window, edges[n] - s, edges[n + 1] - s) for n, s in enumerate(starts)]
