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
from affect_jax.data.folds import FoldMembers
from affect_jax.datasets.recordings import Recordings
from affect_jax.experiment.results_file import FoldRecord, Scores, TrialResult, VariantSummary


@functools.partial(jax.jit, static_argnums=0)
def _evaluate(task: str, prediction: Any, target: Any, where: Any) -> dict[str, Any]:
    return metrics.evaluate(task, prediction, target, where)


def round_score(value: Any) -> float | None:
    """A JSON number; None where it is not finite."""
    value = float(value)
    return round(value, 6) if math.isfinite(value) else None


def score_trial(task: str, prediction: np.ndarray, target: np.ndarray, recording: np.ndarray) -> Scores:
    """Every metric of one trial over the frames it predicts.

    Args:
      task: one of metrics.TASKS.
      prediction: float32 [F], or [F, C] logits; NaN where the trial predicts nothing.
      target: float32 [F].
      recording: int [F], the recording of each frame; regression adds `<metric>_per_recording`, means over them, where
        recordings are more than single frames.
    """
    predicted = ~np.isnan(prediction) if prediction.ndim == 1 else ~np.isnan(prediction).any(-1)
    filled = np.nan_to_num(prediction, nan=0.0).astype(np.float32)
    scores = {name: round_score(v) for name, v in _evaluate(task, filled, target.astype(np.float32), predicted).items()}
    if task == "regression" and len(np.unique(recording)) < len(recording):  # of single numbers nothing is correlated
        per = metrics.evaluate_groups(task, filled, target, recording, predicted)
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


def _summarize_split(trials: Sequence[TrialResult], split: str) -> Iterator[VariantSummary]:
    """Summaries of the trials of one variant; a metric that no trial defines has none."""
    first = trials[0]
    for metric in first.scores(split) or ():
        # A correlation with a constant prediction is undefined; such a trial does not count, and n says so.
        scored = [(trial.fold, trial.scores(split)[metric]) for trial in trials]
        scored = [(fold, value) for fold, value in scored if value is not None]
        if not scored:
            continue
        values = [value for _, value in scored]
        by_fold = {fold: [value for name, value in scored if name == fold] for fold, _ in scored}
        yield VariantSummary(
            study=first.study,
            variant=first.variant,
            split=split,
            metric=metric,
            mean=round_score(statistics.fmean(values)),
            std=round_score(statistics.stdev(values)) if len(values) > 1 else None,
            n=len(values),
            folds={fold: round_score(statistics.fmean(of_fold)) for fold, of_fold in by_fold.items()},
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
