"""Predictions -> results.json: every metric a trial, means over trials, baselines."""

import functools
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from affect_jax import metrics


@functools.partial(jax.jit, static_argnums=0)
def _evaluate(task: str, prediction: Any, target: Any, where: Any) -> dict[str, Any]:
    return metrics.evaluate(task, prediction, target, where)


def _plain(value: Any) -> float | None:
    """A JSON number; None where it is not finite."""
    value = float(value)
    return round(value, 6) if math.isfinite(value) else None


def score_trial(
    task: str, prediction: np.ndarray, target: np.ndarray, recording: np.ndarray
) -> dict[str, float | None]:
    """Every metric of one trial over the frames it predicts.

    Args:
      task: one of metrics.TASKS.
      prediction: float32 [F], or [F, C] logits; NaN where the trial predicts nothing.
      target: float32 [F].
      recording: int [F], the recording of each frame; regression adds `<metric>_per_recording`, means over them, where
        recordings are more than single frames.
    """
    shown = ~np.isnan(prediction) if prediction.ndim == 1 else ~np.isnan(prediction).any(-1)
    filled = np.nan_to_num(prediction, nan=0.0).astype(np.float32)
    found = {name: _plain(v) for name, v in _evaluate(task, filled, target.astype(np.float32), shown).items()}
    if task == "regression" and len(np.unique(recording)) < len(recording):  # of single numbers nothing is correlated
        per = metrics.evaluate_groups(task, filled, target, recording, shown)
        found |= {f"{name}_per_recording": _plain(v) for name, v in per.items()}
    return found


def score_baselines(task: str, target: np.ndarray, where: np.ndarray) -> dict[str, float | None]:
    """What the majority class, or the best constant, gets."""
    found = metrics.score_constant(task, target.astype(np.float32), where)
    return {name: _plain(value) for name, value in found.items()}


def summarize_variants(trials: Sequence[Mapping[str, Any]], splits: Sequence[str]) -> list[dict[str, Any]]:
    """Mean and sample standard deviation over the trials of every (study, variant), split and metric.

    A variant with one trial has no standard deviation: None.
    """
    found = []
    for study, variant in dict.fromkeys((trial["study"], trial["variant"]) for trial in trials):
        mine = [trial for trial in trials if (trial["study"], trial["variant"]) == (study, variant)]
        for split in splits:
            if mine[0][split] is None:
                continue
            for metric in mine[0][split]:
                values = [trial[split][metric] for trial in mine if trial[split][metric] is not None]
                if not values:
                    continue
                by_fold = {
                    fold: statistics.fmean(trial[split][metric] for trial in mine if trial["fold"] == fold)
                    for fold in dict.fromkeys(trial["fold"] for trial in mine if trial[split][metric] is not None)
                }
                found.append(
                    {
                        "study": study,
                        "variant": variant,
                        "split": split,
                        "metric": metric,
                        "mean": _plain(statistics.fmean(values)),
                        "std": _plain(statistics.stdev(values)) if len(values) > 1 else None,
                        "n": len(values),
                        "folds": {fold: _plain(value) for fold, value in by_fold.items()},
                    }
                )
    return found


def select_points(
    candidates: Sequence[Mapping[str, Any]], sign: float
) -> dict[tuple[str, int], tuple[dict[str, float], float, int]]:
    """The point of the grid with the best mean validation score over the search's seeds.

    Args:
      candidates: one entry a searched trial: variant, fold, hyper, score.
      sign: +1 where a larger score is better.

    Returns:
      (variant, fold) -> (hyper-parameters, mean score, number of points). Ties go to the point searched first.
    """
    scores: dict[tuple[str, int], dict[tuple, list[float]]] = {}
    for c in candidates:
        point = tuple(sorted(c["hyper"].items()))
        scores.setdefault((c["variant"], c["fold"]), {}).setdefault(point, []).append(c["score"])
    chosen = {}
    for where, points in scores.items():
        best = max(points, key=lambda p: sign * statistics.fmean(points[p]))
        chosen[where] = dict(best), statistics.fmean(points[best]), len(points)
    return chosen
