"""Predictions -> scores: every metric of a trial, means over trials, baselines."""

import functools
import math
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from affect_jax import metrics
from affect_jax.config.losses import import_own
from affect_jax.data.folds import FoldMembers
from affect_jax.datasets.recordings import Recordings
from affect_jax.experiment.results_file import FoldRecord, Scores, TrialResult, VariantSummary


@functools.partial(jax.jit, static_argnums=(0, 1))
def _evaluate(task: str, own: tuple[str, ...], prediction: Any, target: Any, where: Any) -> dict[str, Any]:
    scores = metrics.evaluate(task, prediction, target, where)
    return scores | {name: import_own(name, "metric")(prediction, target, where) for name in own}


def round_score(value: Any) -> float | None:
    """A JSON number; None where it is not finite."""
    value = float(value)
    return round(value, 6) if math.isfinite(value) else None


def score_trial(
    task: str,
    prediction: np.ndarray,
    target: np.ndarray,
    recording: np.ndarray,
    asked: np.ndarray | None = None,
    *,
    own: tuple[str, ...] = (),
) -> Scores:
    """Every metric of one trial over the frames that it was asked for; all None where it answers one with NaN.

    Args:
      task: one of metrics.TASKS.
      prediction: float32 [F], or [F, C] logits.
      target: float32 [F].
      recording: int [F], the recording of each frame; regression adds `<metric>_per_recording`, means over them, where
        recordings are more than single frames.
      asked: bool [F], the frames to score; None for all. What the others hold does not matter. It must not be read off
        the answers: a model that answers its hard frames with NaN would be scored on the easy ones.
      own: metrics of the user's own, `module:function`.
    """
    asked = np.ones(target.shape, bool) if asked is None else asked
    prediction, target = prediction.astype(np.float32), target.astype(np.float32)
    scores = {name: round_score(value) for name, value in _evaluate(task, own, prediction, target, asked).items()}
    if task == "regression" and len(np.unique(recording)) < len(recording):  # of single numbers nothing is correlated
        per = metrics.evaluate_groups(task, prediction, target, recording, asked)
        scores |= {f"{name}_per_recording": round_score(v) for name, v in per.items()}
    return scores


def score_baselines(task: str, target: np.ndarray, where: np.ndarray) -> Scores:
    """What the majority class, or the best constant, gets."""
    scores = metrics.score_constant(task, target.astype(np.float32), where)
    return {name: round_score(value) for name, value in scores.items()}


def summarize_variants(trials: Sequence[TrialResult]) -> tuple[VariantSummary, ...]:
    """Mean and sample standard deviation over the trials of every (study, variant), split and metric."""
    summaries: list[VariantSummary] = []
    for study, variant in dict.fromkeys((trial.study, trial.variant) for trial in trials):
        members = [trial for trial in trials if (trial.study, trial.variant) == (study, variant)]
        for split in ("validation", "test"):
            summaries += _summarize_split(members, split)
    return tuple(summaries)


def summarize_values(values: Sequence[float | None]) -> tuple[float | None, float | None, int]:
    """Mean, sample standard deviation (None of a single value) and number of the values that are not None.

    Mean and deviation are None where some value is: the mean of the trials that could be scored would be a better
    score than the trials earned.
    """
    defined = [value for value in values if value is not None]
    if not defined or len(defined) < len(values):
        return None, None, len(defined)
    deviation = round_score(statistics.stdev(defined)) if len(defined) > 1 else None
    return round_score(statistics.fmean(defined)), deviation, len(defined)


def _summarize_split(trials: Sequence[TrialResult], split: str) -> Iterator[VariantSummary]:
    """Summaries of the trials of one variant that were scored on a split; a metric that no trial defines has none."""
    scored = [(trial.fold, scores) for trial in trials if (scores := trial.scores(split)) is not None]
    for metric in dict.fromkeys(name for _, scores in scored for name in scores):
        values = [scores.get(metric) for _, scores in scored]
        mean, deviation, count = summarize_values(values)
        if not count:
            continue
        by_fold: dict[str, list[float | None]] = {}
        for (fold, _), value in zip(scored, values, strict=True):
            by_fold.setdefault(fold, []).append(value)
        yield VariantSummary(
            study=trials[0].study,
            variant=trials[0].variant,
            split=split,
            metric=metric,
            mean=mean,
            std=deviation,
            n=count,
            folds={fold: summarize_values(of_fold)[0] for fold, of_fold in by_fold.items()},
        )


class Candidate(NamedTuple):
    """One trial of a search: `score` is its best validation score, in the metric's own sign."""

    variant: str
    fold: int
    hyper: dict[str, float]
    score: float


class Choice(NamedTuple):
    """The best point of a search for one variant and fold, among `candidates` points."""

    hyper: dict[str, float]
    score: float
    candidates: int


def select_points(candidates: Sequence[Candidate], sign: float) -> dict[tuple[str, int], Choice]:
    """The point of the grid with the best mean validation score over the search's seeds.

    Args:
      candidates: the searched trials; `hyper` is flat, path -> value.
      sign: +1 where a larger score is better.

    Returns:
      (variant, fold) -> the choice. Of equal points the one that was searched first wins.
    """
    scores: dict[tuple[str, int], dict[tuple, list[float]]] = {}
    for candidate in candidates:
        point = tuple(sorted(candidate.hyper.items()))
        scores.setdefault((candidate.variant, candidate.fold), {}).setdefault(point, []).append(candidate.score)
    choices = {}
    for key, points in scores.items():
        best = max(points, key=lambda point: sign * statistics.fmean(points[point]))
        choices[key] = Choice(dict(best), statistics.fmean(points[best]), len(points))
    return choices


def describe_folds(recordings: Recordings, members: Sequence[FoldMembers]) -> dict[str, FoldRecord]:
    """Name -> what each fold of a run consists of, in groups."""
    group_of = {r.id: r.group for of_split in recordings.splits.values() for r in of_split}
    released = tuple(r.id for r in recordings.splits.get("test", ()))
    folds = {}
    for fold in members:
        splits = {"train": fold.train, "validation": fold.validation, "test": fold.test or released}
        folds[fold.name] = {split: {group_of[name] for name in names} for split, names in splits.items() if names}
    owners = Counter((split, group) for fold in folds.values() for split, groups in fold.items() for group in groups)
    return {
        name: FoldRecord(
            groups={split: len(groups) for split, groups in fold.items()},
            shared={
                split: round(sum(owners[split, group] > 1 for group in groups) / len(groups), 6)
                for split, groups in fold.items()
            },
        )
        for name, fold in folds.items()
    }
