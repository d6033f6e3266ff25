"""Continuous labels: how well each recording is followed, and when."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from affect_jax.reports import by_group, folders, formats, naming
from affect_jax.reports.folders import Predictions, Run
from affect_jax.reports.formats import Grid
from affect_jax.reports.sources import Source

FEWEST = 20
"""Steps below which a recording has no course over time to look at."""


class Recording(NamedTuple):
    """One recording and what one cell says of it.

    Attributes:
      name: the corpus' own, or its group where steps have no times.
      time: float [T], seconds where the corpus has them, else step numbers.
      seconds: whether it has them.
      target: float [T].
      predictions: float [R, T], of the rows that predict it.
      rows: int [R], rows of results.json.
    """

    name: str
    time: np.ndarray
    seconds: bool
    target: np.ndarray
    predictions: np.ndarray
    rows: np.ndarray


def running_ccc(prediction: np.ndarray, target: np.ndarray, window: int) -> np.ndarray:
    """CCC of every window of `window` steps: prediction [T], target [T] -> [T - window + 1]; 0 where nothing varies.

    Lin's concordance from running sums of moments about the whole recording's mean.

    Raises:
      ValueError: the window is longer than the recording or has fewer than two steps.
    """
    if not 2 <= window <= len(target):
        raise ValueError(f"window is from 2 to {len(target)} steps, but is {window}")
    p, t = (np.asarray(x, np.float64) - np.mean(target, dtype=np.float64) for x in (prediction, target))
    sums = np.cumsum(np.stack([np.ones_like(p), p, t, p * p, t * t, p * t], -1), axis=0)
    sums = np.concatenate([np.zeros((1, 6)), sums])
    return by_group.ccc(sums[window:] - sums[:-window])


def window_of(length: int) -> int:
    """A tenth of a recording: half a minute of RECOLA's five."""
    return max(length // 10, 2)


def continuous(run: Run, split: str) -> bool:
    """Whether the run's labels are numbers along recordings of many steps."""
    counts = run.results["corpus"].get("counts", {})
    counted = counts.get(split) or counts.get("train") or {}
    steps, recordings = counted.get("steps", 0), counted.get("recordings", 0)
    return run.results["task"].endswith("regression") and bool(recordings) and steps >= FEWEST * recordings


def _named(ids: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray | None, bool]:
    """Recording of each step, and its time, where ids are `recording@time`: seconds have decimals, steps none."""
    parts = [str(step).rpartition("@") for step in ids]
    try:
        times = np.array([float(time) for _, _, time in parts])
    except ValueError:
        return groups.astype(str), None, False
    if not all(at for _, at, _ in parts) or not np.isfinite(times).all():
        return groups.astype(str), None, False
    return np.array([name for name, _, _ in parts]), times, any("." in time for _, _, time in parts)


def recordings(run: Run, source: Source, split: str) -> list[Recording]:
    """The recordings of a part that some row of the cell predicts; [] where predictions or labels are not there.

    Raises:
      UserError: predictions.npz is damaged.
    """
    if not continuous(run, split) or folders.figure(run, source, split, "ccc") is None:
        return []
    kept = folders.predictions(folders.read_arrays(run, source.study), source.study, split)
    if kept is None:
        return []
    wanted = np.isin(kept.row, list(folders.matched_rows(run, source).values()))
    names, times, seconds = _named(kept.id, kept.group)
    found = [_recording(kept, wanted, names == name, str(name), times, seconds) for name in dict.fromkeys(names)]
    return [recording for recording in found if len(recording.rows) and len(recording.target) >= FEWEST]


def _recording(
    kept: Predictions, wanted: np.ndarray, mine: np.ndarray, name: str, times: np.ndarray | None, seconds: bool
) -> Recording:
    whole = wanted & np.isfinite(kept.prediction[:, mine]).all(1)
    time = np.arange(int(mine.sum()), dtype=np.float64) if times is None else times[mine]
    return Recording(name, time, seconds, kept.target[mine], kept.prediction[whole][:, mine], kept.row[whole])


def scores(recording: Recording) -> np.ndarray:
    """CCC of every row over the whole recording, [R]."""
    one = np.zeros(len(recording.target))
    return by_group.ccc(by_group.moments(recording.predictions, recording.target, one))[:, 0]


def report(runs: Sequence[Run], command: str = "") -> Grid:
    """CCC of every recording, a line a cell and recording."""
    rows, names = [], naming.labels(runs)
    for run in runs:
        for source in naming.cells(run):
            for split in naming.splits(run)[:1]:
                for recording in recordings(run, source, split):
                    found = scores(recording)
                    std = f"{found.std(ddof=1):.3f}" if len(found) > 1 else ""
                    cells = (names[source.config], source.study, source.cell, split, recording.name)
                    length = str(len(recording.target))
                    rows.append((*cells, length, str(len(found)), f"{found.mean():.3f}", std))
    head = ("run", "study", "variant", "split", "recording", "steps", "n", "CCC", "std")
    notes = ("CCC over the whole recording: mean and sample standard deviation over the n rows that predict it.",)
    return Grid("CCC of every recording", tuple(("", name) for name in head), tuple(rows), notes, command)


def render(runs: Sequence[Run], command: str = "") -> dict[str, str]:
    """The table's text by file extension: md, csv, tex; {} where no run has continuous labels."""
    grid = report(runs, command)
    return {extension: write(grid) for extension, write in formats.FORMATS.items()} if grid.rows else {}


def least_row(run: Run, rows: np.ndarray) -> int:
    """Place in `rows` of the row with the least seed: one model, not a mean of several, which would look better."""
    seeds = [run.results["trials"][int(row)]["seed"] for row in rows]
    return int(np.argmin(seeds))


def points(run: Run, source: Source, split: str, most: int = 1500) -> tuple[np.ndarray, np.ndarray, int]:
    """Truth and prediction [N] of a regression at even steps, each step by the row of the least seed that predicts it.

    Returns:
      Truth, prediction, and how many steps there are in all; empty where nothing was kept or nothing has labels.

    Raises:
      UserError: predictions.npz is damaged.
    """
    none = (np.zeros(0), np.zeros(0), 0)
    if not run.results["task"].endswith("regression") or not any(
        (row["study"], row["variant"]) == (source.study, source.cell) and row.get(split)
        for row in run.results["trials"]
    ):
        return none
    kept = folders.predictions(folders.read_arrays(run, source.study), source.study, split)
    if kept is None:
        return none
    wanted = np.flatnonzero(np.isin(kept.row, list(folders.matched_rows(run, source).values())))
    wanted = sorted(wanted, key=lambda k: run.results["trials"][int(kept.row[k])]["seed"])
    answer = np.full(len(kept.target), math.nan)
    for k in reversed(wanted):
        known = np.isfinite(kept.prediction[k])
        answer[known] = kept.prediction[k][known]
    known = np.flatnonzero(np.isfinite(answer))
    if not known.size:
        return none
    at = known[np.unique(np.linspace(0, known.size - 1, min(most, known.size)).round().astype(int))]
    return kept.target[at].astype(np.float64), answer[at], int(known.size)
