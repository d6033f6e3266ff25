"""Labels per step and features that both have times are put together by them: a step takes the frame nearest in time.

Of a gap in the times of the features nothing is made up: steps in it are missing, and so are steps far outside.
"""

import collections
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from affect_jax.datasets.manifest.cells import Cells
from affect_jax.datasets.manifest.csv_table import Sheet
from affect_jax.datasets.manifest.labels import Labels
from affect_jax.datasets.manifest.problems import Problems
from affect_jax.datasets.manifest.settings import Settings
from affect_jax.features.segments import format_seconds

GAP = 1.5
"""Two frames that are further apart than this many usual steps have a gap between them."""
EDGE = 1.0
"""Seconds that a label may lie before the first frame or behind the last, and take it."""
BY_TIMES, BY_POSITION = "brought to the labels by times", "brought to the labels by relative position"
_ROUNDING = 1e-9
_SAME_RATE = 0.05  # rates of labels that differ by a smaller share are one rate


class FrameClock(NamedTuple):
    """The times of the frames of a file, in short.

    Attributes:
      first: time of the first frame, in seconds.
      last: of the last.
      step: usual time between two frames.
      gaps: pairs of times, of the frames before and behind each gap.
    """

    first: float
    last: float
    step: float
    gaps: tuple[float, ...] = ()


def summarize_times(times: np.ndarray) -> tuple[float, ...]:
    """The clock (first, last, step, *gaps) of frames at float64 [T] seconds; () of fewer than two, or of no times."""
    if len(times) < 2:
        return ()
    steps = np.diff(times)
    usual = float(np.median(steps))
    wide = np.flatnonzero(steps > GAP * usual)
    gaps = np.stack([times[wide], times[wide + 1]], axis=1).ravel().tolist()
    return float(times[0]), float(times[-1]), usual, *gaps


def find_frames(times: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The frame nearest to each step, the earlier of two that are equally near, and which steps have none.

    Args:
      times: of the frames, float64 [T] in seconds, increasing; T of 2 or more.
      at: of the steps, float64 [S].

    Returns:
      int64 [S], and bool [S]: true in gaps, and more than `EDGE` outside.
    """
    behind = np.clip(np.searchsorted(times, at), 1, len(times) - 1)
    before = behind - 1
    nearest = np.where(times[behind] - at < at - times[before] - _ROUNDING, behind, before)
    reach = _find_reach(float(np.median(np.diff(times))), at)
    outside = (at < times[0]) | (at > times[-1])
    distance = np.abs(times[nearest] - at)
    return nearest, distance > np.where(outside, max(EDGE, reach), reach) + _ROUNDING


def _find_reach(step: float, at: np.ndarray) -> float:
    """Seconds within which a frame shows a step: half of what is no gap yet, or half of the time between two steps."""
    return max(GAP / 2 * step, _find_step(at) / 2)


def _find_step(at: np.ndarray) -> float:
    return float(np.median(np.diff(at))) if len(at) > 1 else 0.0


def sample_at_times(values: np.ndarray, times: np.ndarray, at: np.ndarray) -> np.ndarray:
    """[T, D] at `times` -> [S, D] at the steps' times, see `find_frames`; steps without a frame are NaN."""
    nearest, missing = find_frames(times, at)
    sampled = np.asarray(values)[nearest]
    sampled[missing] = np.nan
    return sampled


def count_missing(clock: FrameClock, at: np.ndarray) -> tuple[int, tuple[float, float]]:
    """How many steps have no frame, as `find_frames` has it, and the first stretch without frames that has such steps;
    a stretch before the first frame begins at -inf, one behind the last ends at inf."""
    reach = _find_reach(clock.step, at)
    edge = max(EDGE, reach)
    stretches = [(start, end, reach) for start, end in zip(clock.gaps[::2], clock.gaps[1::2], strict=True)]
    count, first = 0, (0.0, 0.0)
    for start, end, far in [(-np.inf, clock.first, edge), *stretches, (clock.last, np.inf, edge)]:
        inside = int(((at > start + far + _ROUNDING) & (at < end - far - _ROUNDING)).sum())
        if inside and not count:
            first = (start, end)
        count += inside
    return count, first


def list_timed(sheet: Sheet, cells: Cells, labels: Labels) -> set[tuple[int, str]]:
    """(row, modality) of the features that are put together with the labels by times."""
    return {
        (row.number, modality)
        for row in sheet.rows
        for modality in row.files
        if (row.number, modality) in cells
        and cells[row.number, modality].clock
        and len(labels.times.get(row.number, ()))
    }


def check_clocks(
    sheet: Sheet, cells: Cells, labels: Labels, settings: Settings, problems: Problems
) -> dict[tuple[str, str], int]:
    """Reports features whose clock is not that of the labels, and steps without frames; of labels per step.

    Args:
      sheet: the manifest's table.
      cells: its files, measured.
      labels: of the target.
      settings: `config.corpus`.
      problems: collects what is wrong.

    Returns:
      (modality, remark) -> of how many rows.
    """
    if settings.layout != "steps" or not labels.per_step:
        return {}
    _check_label_rates(sheet, labels.times, settings.annotation_delay, problems)
    timed = list_timed(sheet, cells, labels)
    remarks: collections.Counter[tuple[str, str]] = collections.Counter()
    apart: dict[str, list[float]] = collections.defaultdict(list)
    for row in sheet.rows:
        for modality in row.files:
            key = (row.number, modality)
            if key not in cells or row.number not in labels.values:
                continue
            if key not in timed:
                lacking = "its files" if not cells[key].clock else "the labels"
                remarks[modality, f"{BY_POSITION}, as {lacking} have no times"] += 1
                continue
            first, last, step, *gaps = cells[key].clock
            clock, at = FrameClock(first, last, step, tuple(gaps)), labels.times[row.number]
            fault = _find_fault(clock, at, labels.name, settings)
            if fault:
                problems.add(row.number, f"column {modality!r}{fault}")
                continue
            remarks[modality, BY_TIMES] += 1
            difference = _measure_difference(clock, at)
            if difference > max(_find_step(at), GAP * step) + _ROUNDING:
                apart[modality].append(difference)
            if count_missing(clock, at)[0]:
                remarks[modality, "labels in gaps of its times, or outside of them, have missing features"] += 1
    for modality, differences in apart.items():
        text = f"begins or ends up to {format_seconds(max(differences))} s before or behind the labels"
        remarks[modality, text] = len(differences)
    return dict(remarks)


def _measure_difference(clock: FrameClock, at: np.ndarray) -> float:
    """Seconds between the first, or the last, frame and label, whichever is more."""
    return max(abs(clock.first - float(at[0])), abs(clock.last - float(at[-1])))


def _find_fault(clock: FrameClock, at: np.ndarray, name: str, settings: Settings) -> str:
    """The end of a sentence that begins with the column; '' where the two clocks fit."""
    difference = _measure_difference(clock, at)
    if difference > max(settings.clock_tolerance, _find_step(at), clock.step) + _ROUNDING:
        return (
            f": {_describe_spans(clock, at, name)}; correct the times of one file, or set config.corpus.clock_tolerance"
            f" to {np.ceil(difference):.0f} s if this is right"
        )
    missing, (start, end) = count_missing(clock, at)
    if missing and settings.nonfinite == "refuse":
        return (
            f" has no frames {_name_gap(start, end)}, where {missing} of {len(at)} labels {name!r} lie; leave these"
            " labels out, or set config.corpus.nonfinite to 'zero' or 'mean'"
        )
    return ""


def _describe_spans(clock: FrameClock, at: np.ndarray, name: str) -> str:
    of_frames = f"{format_seconds(clock.first)} to {format_seconds(clock.last)} s"
    of_labels = f"{format_seconds(float(at[0]))} to {format_seconds(float(at[-1]))} s"
    outside = int(((at < clock.first) | (at > clock.last)).sum())
    return (
        f"its frames are at {of_frames}, but the labels {name!r} at {of_labels}, {outside} of {len(at)} of them outside"
        " of the frames"
    )


def _name_gap(start: float, end: float) -> str:
    if not np.isfinite(start):
        return f"before {format_seconds(end)} s"
    if not np.isfinite(end):
        return f"after {format_seconds(start)} s"
    return f"between {format_seconds(start)} and {format_seconds(end)} s"


def _check_label_rates(sheet: Sheet, times: Mapping[int, np.ndarray], delay: float, problems: Problems) -> None:
    """Reports labels at another rate than the others, where a delay in seconds has to become one in steps."""
    steps = {number: float(np.median(np.diff(at))) for number, at in times.items() if len(at) > 1}
    if not delay or not steps:
        return
    usual = float(np.median(list(steps.values())))
    for row in sheet.rows:
        step = steps.get(row.number, usual)
        if abs(step - usual) > _SAME_RATE * usual:
            problems.add(
                row.number,
                f"has a label every {step:.3g} s, but most rows every {usual:.3g} s, so config.corpus.annotation_delay"
                f"={delay:g} is not one number of steps; bring the labels to one rate",
            )
