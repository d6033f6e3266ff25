"""Continuous labels: truth and predictions of each recording over time."""

import math
from typing import NamedTuple

import numpy as np

from affect_jax.evaluation import group_scores, read
from affect_jax.evaluation.read import Run, Source
from affect_jax.experiment.predictions_file import Predictions

FEWEST = 20
"""Steps below which a recording has no course over time to look at."""


class Recording(NamedTuple):
    """One recording and what one variant says of it."""

    name: str  # the corpus' own, or its group where steps have no times
    time: np.ndarray  # float [T], seconds where the corpus has them, else step numbers
    seconds: bool  # whether it has them
    target: np.ndarray  # float [T]
    predictions: np.ndarray  # float [R, T], of the trials that predict it, the least seed first

    def score(self) -> np.ndarray:
        """CCC of every trial over the whole recording, [R]."""
        sums = group_scores.sum_moments(self.predictions, self.target, np.zeros(len(self.target)))
        return group_scores.score_ccc(sums)[:, 0]


class Points(NamedTuple):
    """Truth and prediction [N] of a regression at even steps, and how many steps there are in all."""

    truth: np.ndarray
    answer: np.ndarray
    steps: int


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
    names, marks, texts = zip(*(str(step).rpartition("@") for step in ids), strict=True)
    try:
        times = np.array(texts, dtype=str).astype(np.float64)
    except ValueError:
        times = np.array([math.nan])
    if not all(marks) or not np.isfinite(times).all():
        return groups.astype(str), None, False
    return np.array(names), times, any("." in text for text in texts)


def _read_own(run: Run, source: Source, split: str) -> Predictions | None:
    """What the variant's own trials predict, out of what its study kept, the least seed first; None where unscored."""
    predictions, trials = read.read_predictions(run, source.study, split), read.match_trials(run, source)
    if predictions is None or not any(trial.scores(split) for _, trial in read.list_trials(run, source)):
        return None
    known = set(predictions.trial.tolist())
    numbers = [number for number in trials.values() if number in known]
    return predictions.select_trials(sorted(numbers, key=lambda number: run.results.trials[number].seed))


def list_recordings(run: Run, source: Source, split: str) -> list[Recording]:
    """The recordings of a split that some trial of the variant predicts; [] where predictions or labels are missing.

    Raises:
      UserError: predictions.npz is damaged.
    """
    predictions = _read_own(run, source, split) if is_continuous(run, split) else None
    if predictions is None or read.find_figure(run, source, split, "ccc") is None:
        return []
    names, times, seconds = _split_ids(predictions.id, predictions.group)
    recordings = []
    for name in dict.fromkeys(names):
        steps = names == name
        answers = predictions.prediction[predictions.is_known[:, steps].all(1)][:, steps]
        time = np.arange(int(steps.sum()), dtype=np.float64) if times is None else times[steps]
        recordings.append(Recording(str(name), time, seconds, predictions.target[steps], answers))
    return [one for one in recordings if len(one.predictions) and len(one.target) >= FEWEST]


def sample_points(run: Run, source: Source, split: str, most: int = 1500) -> Points | None:
    """Truth and prediction at even steps, each step by the trial of the least seed that predicts it.

    None where nothing was kept or nothing has labels.

    Raises:
      UserError: predictions.npz is damaged.
    """
    predictions = _read_own(run, source, split) if run.results.task.endswith("regression") else None
    if predictions is None:
        return None
    first = predictions.is_known.argmax(0)  # one model a step, not a mean of several, which would look better
    answer = predictions.prediction[first, np.arange(first.size)]
    known = np.flatnonzero(np.isfinite(answer))
    if not known.size:
        return None
    at = known[np.unique(np.linspace(0, known.size - 1, min(most, known.size)).round().astype(int))]
    return Points(predictions.target[at].astype(np.float64), answer[at].astype(np.float64), int(known.size))
