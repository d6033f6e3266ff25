"""Continuous labels: how well each recording is followed, and when."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from affect_jax.evaluation import group_scores
from affect_jax.reports import read
from affect_jax.reports.read import Predictions, Run
from affect_jax.reports.sources import Source
from affect_jax.reports.tables import Grid, make_grid

FEWEST = 20
"""Steps below which a recording has no course over time to look at."""


class Recording(NamedTuple):
    """One recording and what one variant says of it."""

    name: str  # the corpus' own, or its group where steps have no times
    time: np.ndarray  # float [T], seconds where the corpus has them, else step numbers
    seconds: bool  # whether it has them
    target: np.ndarray  # float [T]
    predictions: np.ndarray  # float [R, T], of the trials that predict it
    trials: np.ndarray  # int [R], numbers in results.json


class Points(NamedTuple):
    """Truth and prediction [N] of a regression at even steps, and how many steps there are in all."""

    truth: np.ndarray
    answer: np.ndarray
    steps: int


def compute_running_ccc(prediction: np.ndarray, target: np.ndarray, window: int) -> np.ndarray:
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
    return group_scores.score_ccc(sums[window:] - sums[:-window])


def choose_window(length: int) -> int:
    """A tenth of a recording: half a minute of RECOLA's five."""
    return max(length // 10, 2)


def is_continuous(run: Run, split: str) -> bool:
    """Whether the run's labels are numbers along recordings of many steps."""
    counts = run.results.corpus.counts
    count = counts.get(split) or counts.get("train")
    is_long = count is not None and count.recordings > 0 and count.steps >= FEWEST * count.recordings
    return run.results.task.endswith("regression") and is_long


def _split_ids(ids: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray | None, bool]:
    """Recording of each step, its time, and whether that is seconds, where ids are `recording@time`.

    Seconds have decimals, step numbers none.
    """
    pieces = [str(step).rpartition("@") for step in ids]
    try:
        times = np.array([float(time) for _, _, time in pieces])
    except ValueError:
        return groups.astype(str), None, False
    if not all(at for _, at, _ in pieces) or not np.isfinite(times).all():
        return groups.astype(str), None, False
    return np.array([name for name, _, _ in pieces]), times, any("." in time for _, _, time in pieces)


def _read_own(run: Run, source: Source, split: str) -> Predictions | None:
    """What the variant's own trials predict, out of what its study kept."""
    kept = read.read_predictions(run, source.study, split)
    if kept is None:
        return None
    mine = np.isin(kept.trial, list(read.match_trials(run, source).values()))
    return kept._replace(prediction=kept.prediction[mine], trial=kept.trial[mine])


def list_recordings(run: Run, source: Source, split: str) -> list[Recording]:
    """The recordings of a split that some trial of the variant predicts; [] where predictions or labels are missing.

    Raises:
      UserError: predictions.npz is damaged.
    """
    if not is_continuous(run, split) or read.find_figure(run, source, split, "ccc") is None:
        return []
    kept = _read_own(run, source, split)
    if kept is None:
        return []
    names, times, seconds = _split_ids(kept.id, kept.group)
    recordings = []
    for name in dict.fromkeys(names):
        steps = names == name
        trials = kept.is_known[:, steps].all(1)
        time = np.arange(int(steps.sum()), dtype=np.float64) if times is None else times[steps]
        answers = kept.prediction[trials][:, steps]
        recordings.append(Recording(str(name), time, seconds, kept.target[steps], answers, kept.trial[trials]))
    return [one for one in recordings if len(one.trials) and len(one.target) >= FEWEST]


def score_recording(recording: Recording) -> np.ndarray:
    """CCC of every trial over the whole recording, [R]."""
    one = np.zeros(len(recording.target))
    return group_scores.score_ccc(group_scores.sum_moments(recording.predictions, recording.target, one))[:, 0]


def make_table(runs: Sequence[Run]) -> Grid:
    """CCC of every recording, a line a variant and recording."""
    rows, labels = [], read.label_runs(runs)
    for run in runs:
        for split in read.list_splits(run)[:1]:
            for source in read.list_variants(run):
                for recording in list_recordings(run, source, split):
                    scores = score_recording(recording)
                    std = f"{scores.std(ddof=1):.3f}" if len(scores) > 1 else ""
                    heads = (labels[source.config], source.study, source.variant, split, recording.name)
                    rows.append((*heads, len(recording.target), len(scores), f"{scores.mean():.3f}", std))
    names = ("run", "study", "variant", "split", "recording", "steps", "n", "CCC", "std")
    notes = ("CCC over the whole recording: mean and sample standard deviation over the n trials that predict it.",)
    return make_grid("CCC of every recording", names, rows, notes)


def find_least_seed(run: Run, trials: np.ndarray) -> int:
    """Place in `trials` of that with the least seed: one model, not a mean of several, which would look better."""
    return int(np.argmin([run.results.trials[int(number)].seed for number in trials]))


def sample_points(run: Run, source: Source, split: str, most: int = 1500) -> Points | None:
    """Truth and prediction at even steps, each step by the trial of the least seed that predicts it.

    None where nothing was kept or nothing has labels.

    Raises:
      UserError: predictions.npz is damaged.
    """
    is_scored = any(trial.scores(split) for _, trial in read.list_trials(run, source))
    if not run.results.task.endswith("regression") or not is_scored:
        return None
    kept = _read_own(run, source, split)
    if kept is None:
        return None
    answer = np.full(len(kept.target), math.nan)
    seeds = [run.results.trials[int(number)].seed for number in kept.trial]
    for place in np.argsort(seeds, kind="stable")[::-1]:  # the least seed last: it has the last word
        known = kept.is_known[place]
        answer[known] = kept.prediction[place][known]
    known = np.flatnonzero(np.isfinite(answer))
    if not known.size:
        return None
    at = known[np.unique(np.linspace(0, known.size - 1, min(most, known.size)).round().astype(int))]
    return Points(kept.target[at].astype(np.float64), answer[at], int(known.size))
