"""Cuts frames and labels that have times, as `features.segments` cuts recordings."""

from pathlib import Path
from typing import TypeVar

import numpy as np

from affect_jax.datasets.feature_frames import Frames
from affect_jax.datasets.manifest.step_labels import StepLabels
from affect_jax.errors import UserError
from affect_jax.features.segments import BEHIND, SLACK, WHOLE, Segment, check_inside, name_segment

_ROUNDING = 1e-6  # seconds; times such as 0.1 + 0.2 lie beside what was meant

Content = TypeVar("Content", Frames, StepLabels)


def cut_steps(content: Content, segment: Segment, path: Path, remedy: str) -> tuple[Content, int]:
    """The frames or labels of a file with start <= time < end; their times then count from the start.

    Args:
      content: of the whole file.
      segment: the stretch.
      path: of the file, for messages.
      remedy: how a file without times gets them, in words.

    Returns:
      The frames or labels, and the number of the first of them in the file.

    Raises:
      UserError: the file has no times, or the stretch is not inside of it or has nothing in it.
    """
    if segment == WHOLE:
        return content, 0
    times = content.times
    if not len(times):
        raise UserError(
            f"{path} has no times, so that start and end cannot be found in it; give it a column 'time' in seconds,"
            f" or {remedy}"
        )
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    last = float(times[-1]) + step
    first_time = float(times[0]) if times[0] > step + SLACK else 0.0
    check_inside(segment, first_time, last, SLACK + step, str(path))
    begin, end = segment.start, np.inf if segment.end is None else segment.end
    first, stop = np.searchsorted(times, [begin - _ROUNDING, end - _ROUNDING]).tolist()
    if first == stop:
        raise UserError(f"{name_segment(str(path), segment)} has no time in it; correct start or end")
    values = content.values[first:stop]
    remarks = (*content.remarks, BEHIND) if last + _ROUNDING < end < np.inf else content.remarks
    return content._replace(values=values, times=times[first:stop] - begin, remarks=remarks), first


def cut_frames(frames: Frames, segment: Segment, path: Path) -> tuple[Frames, int]:
    """The frames of a stretch, see `cut_steps`; a single frame without a time is that of the whole row."""
    if len(frames.values) == 1 and not len(frames.times) and segment != WHOLE:
        return frames._replace(remarks=(*frames.remarks, "single frames without a time are taken whole")), 0
    return cut_steps(frames, segment, path, "set config.corpus.feature_rate to its frames a second")


def find_span(stretch: Frames, segment: Segment) -> tuple[float, ...]:
    """Where a stretch begins and ends on the clock of its file; () where that has none."""
    if not len(stretch.times):
        return ()
    step = float(np.median(np.diff(stretch.times))) if len(stretch.times) > 1 else 0.0
    return segment.start + float(stretch.times[0]), segment.start + float(stretch.times[-1]) + step
