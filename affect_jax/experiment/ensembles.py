"""Ensembles of seeds: what the trials of one variant and fold that differ in nothing but their seed say together.

Of classes their probabilities are averaged, of numbers the numbers: B. Lakshminarayanan, A. Pritzel and C. Blundell,
"Simple and scalable predictive uncertainty estimation using deep ensembles", NeurIPS 2017, sections 2.4 and 3. All is
computed from predictions.npz, so an ensemble costs no training, and runs of earlier versions have theirs, too.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.experiment import predictions_file
from affect_jax.experiment.predictions_file import Predictions
from affect_jax.experiment.results import score_trial, summarize_variants
from affect_jax.experiment.results_file import Results, Scores, TrialResult
from affect_jax.metrics.calibration import compute_probabilities

SEED = -1
"""In place of a seed, of the trial that an ensemble is in a table; no trial has it."""
LEAST = np.finfo(np.float32).tiny
"""Of a probability whose logarithm is taken."""


class Ensemble(NamedTuple):
    """Trials of one variant and fold with equal hyper-parameters: `members` are their numbers in results.json."""

    study: str
    variant: str
    fold: str
    members: tuple[int, ...]

    @property
    def name(self) -> str:
        """What tables call it, beside the variant."""
        return f"{self.variant} ensemble"


def list_ensembles(results: Results) -> tuple[Ensemble, ...]:
    """The ensembles of a run, in the order of its trials: of every variant and fold that has two seeds or more."""
    members: dict[tuple, list[int]] = {}
    for number, trial in enumerate(results.trials):
        key = (trial.study, trial.variant, trial.fold, *sorted(trial.hyper.items()))
        members.setdefault(key, []).append(number)
    return tuple(Ensemble(*key[:3], tuple(numbers)) for key, numbers in members.items() if len(numbers) > 1)


def average_predictions(task: str, predictions: np.ndarray) -> np.ndarray:
    """What members say together.

    Args:
      task: one of `metrics.TASKS`; of 'multiclass' predictions are logits, of 'binary' probabilities.
      predictions: float [S, ...], of S members; NaN where one does not answer, and then the ensemble does not either.

    Returns:
      float32 [...]; of logits, the logarithms of the mean probabilities.
    """
    if task != "multiclass":
        return predictions.mean(0, dtype=np.float64).astype(np.float32)
    mean = compute_probabilities(task, predictions).mean(0)
    return np.log(np.maximum(mean, LEAST)).astype(np.float32)


def average_members(task: str, predictions: Predictions, members: Sequence[int]) -> Predictions | None:
    """What an ensemble predicts of the steps that its members were asked for: R is 1; None where one was not kept.

    Args:
      task: one of `metrics.TASKS`.
      predictions: of the study.
      members: numbers of trials.
    """
    mine = predictions.select_trials(members)
    if mine is None:
        return None
    average = average_predictions(task, mine.prediction)[None]
    return mine._replace(prediction=average, trial=np.array([SEED]), asked=mine.is_known.all(0)[None])


def append_ensembles(task: str, predictions: Predictions, members: Mapping[int, Sequence[int]]) -> Predictions:
    """Predictions with a row an ensemble behind them.

    Args:
      task: one of `metrics.TASKS`.
      predictions: of a study.
      members: number of an ensemble of the study, as `add_ensembles` gives it -> those of its members.
    """
    rows = [predictions._replace(asked=predictions.is_known)]
    for number, of_one in members.items():
        if (row := average_members(task, predictions, of_one)) is not None:
            rows.append(row._replace(trial=np.array([number])))
    joined = {name: np.concatenate([getattr(row, name) for row in rows]) for name in ("prediction", "trial", "asked")}
    return predictions._replace(**joined)


def score_ensembles(folder: Path, results: Results) -> dict[Ensemble, TrialResult]:
    """Every ensemble of a finished run as a trial of a variant of its own, with its scores; {} without predictions.npz.

    Raises:
      UserError: predictions.npz is damaged, changed or of another run.
    """
    if not (folder / predictions_file.FILE).is_file():
        return {}
    known: dict[tuple[str, str], Predictions | None] = {}
    scored: dict[Ensemble, TrialResult] = {}
    for one in list_ensembles(results):
        trials = [results.trials[number] for number in one.members]
        scores: dict[str, dict | None] = {}
        for split in ("validation", "test"):
            if (one.study, split) not in known:
                known[one.study, split] = predictions_file.read_predictions(folder, one.study, split)
            of_split, is_scored = known[one.study, split], all(trial.scores(split) is not None for trial in trials)
            together = of_split and is_scored and average_members(results.task, of_split, one.members)
            scores[split] = _score(results.task, together) if together else None
        first = dataclasses.replace(trials[0], epochs={}, best_epoch={}, held_out_cca={}, stopped=None, finite=True)
        if any(scores.values()):
            scored[one] = dataclasses.replace(first, variant=one.name, seed=SEED, **scores)
    return scored


def _score(task: str, together: Predictions) -> Scores | None:
    asked = together.is_known[0]
    # Each step counts as a recording of its own: a group of predictions.npz may hold several.
    own = np.arange(len(asked))
    return score_trial(task, together.prediction[0], together.target, own, asked) if asked.any() else None


class Extended(NamedTuple):
    """Results with a trial an ensemble behind their own, for tables; never written to results.json.

    Attributes:
      results: of both.
      members: number of each ensemble among the trials -> those of its members.
    """

    results: Results
    members: dict[int, tuple[int, ...]]


def add_ensembles(folder: Path, results: Results) -> Extended:
    """Adds the ensembles of a finished run, and their means, to its results.

    Raises: see `score_ensembles`.
    """
    scored = score_ensembles(folder, results)
    trials = tuple(scored.values())
    variants = (*results.variants, *summarize_variants(trials))
    members = {len(results.trials) + at: one.members for at, one in enumerate(scored)}
    return Extended(dataclasses.replace(results, trials=(*results.trials, *trials), variants=variants), members)
