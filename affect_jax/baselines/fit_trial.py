"""One trial of a classical model: its hyper-parameters, chosen on validation, its predictions and its scores."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from affect_jax.baselines import learners, neighbours
from affect_jax.baselines.clips import Clips, Fold, mark_clips
from affect_jax.baselines.descriptors import Table
from affect_jax.baselines.methods import NAMES, OF_NUMBERS, OFFSET, REFITTED, STUDY
from affect_jax.baselines.plan import Plan
from affect_jax.data import avec
from affect_jax.data.normalize import compute_moments
from affect_jax.errors import UserError
from affect_jax.experiment import results
from affect_jax.experiment.results_file import ClassicalDetails, Scores, TrialResult

Progress = Callable[[str, int, int], None]
LEARNERS = {
    "is13": learners.SVM,
    "random_subset": learners.KNN,
    "canonical": learners.CANONICAL,
    "forward_backward": learners.GREEDY,
    "nystroem": learners.NYSTROEM,
    "svr": learners.STEP_SVR,
}
"""Method -> its learner; the others are linear."""


class Setting(NamedTuple):
    """What all trials of a run share.

    Attributes:
      plan: what is fitted.
      clips: all labelled clips.
      classes: how many there are; 0 for a regression.
    """

    plan: Plan
    clips: Clips
    classes: int


class FittedTrial(NamedTuple):
    """What a trial leaves behind.

    Attributes:
      result: its entry in results.json.
      predictions: 'validation' and 'test' -> float32 [N] or [N, C] logits, NaN elsewhere.
      selected_columns: names of the features that random_subset selected; () for other methods.
    """

    result: TrialResult
    predictions: dict[str, np.ndarray]
    selected_columns: tuple[str, ...]


class _Candidate(NamedTuple):
    """A model with one choice of hyper-parameters."""

    hyper: Mapping[str, float]
    predict: learners.Fitted
    validation: np.ndarray
    scores: Scores


def choose_metric(task: str) -> str:
    """The validation score by which hyper-parameters are chosen; larger is better."""
    return "pcc" if task in learners.REGRESSIONS else "uar"


def fit_trial(
    setting: Setting, method: str, table: Table, fold: Fold, seed: int, progress: Progress
) -> list[FittedTrial]:
    """Fits one method on one fold: on the training split, and with `refit` also on that and the validation split.
    The answers of `svr` also stand behind AVEC's chain, a variant of their own.

    Args:
      setting: what all trials share.
      method: of `methods.NAMES`.
      table: the descriptors of all clips.
      fold: which clips train, validate and test.
      seed: of random_subset.
      progress: receives what is done, how much of it, and of how much.

    Raises:
      UserError: there is no validation split to choose hyper-parameters on, or one class alone to train on.
    """
    learner, variant = LEARNERS.get(method, learners.LINEAR), f"{NAMES[method]} {table.modality}".strip()
    choices = learner.choices(setting.plan.task)
    _check_fold(setting, fold, len(choices))
    x, columns, selection = table.values, (), None
    if method == "random_subset":
        name = f"{variant}, {fold.name}, seed {seed}"
        selection = _select_columns(setting, x, fold, seed, lambda done, total: progress(name, done, total))
        x, columns = x[:, selection.columns], tuple(table.columns[c] for c in selection.columns)
    candidates = []
    for hyper in choices:
        candidates.append(_fit_candidate(setting, learner, hyper, x, fold))
        progress(f"{variant}, {fold.name}", len(candidates), len(choices))
    metric = choose_metric(setting.plan.task)
    best = choose_candidate(candidates, metric)
    predictors = {"train": best.predict}
    if setting.plan.refit and fold.validation.size and fold.test.size:
        developed = np.concatenate([fold.train, fold.validation])
        predictors["train+validation"] = _fit(setting, learner, best.hyper, x, developed)
    answers = [
        _Answer(variant, fitted_on, best.validation, _predict_places(setting, predict, x, fold.test))
        for fitted_on, predict in predictors.items()
    ]
    if method in OF_NUMBERS and fold.validation.size:
        answers += _postprocess(setting, answers, fold)
    details = ClassicalDetails(
        features=table.name,
        columns=len(columns) or len(table.columns),
        fitted_on="train",
        tried=tuple({"hyper": dict(c.hyper), "score": c.scores[metric]} for c in candidates),
        significant=None if selection is None else selection.significant,
    )
    trial = _Trial(setting, learner, fold, seed, best.hyper, details)
    return [
        FittedTrial(
            _record(trial, answer),
            {"validation": answer.validation, "test": answer.test},
            columns,
        )
        for answer in answers
    ]


class _Answer(NamedTuple):
    """Predictions [N] or [N, C] of a variant, NaN for clips that are not asked for; see `FittedTrial`."""

    name: str
    fitted_on: str
    validation: np.ndarray
    test: np.ndarray


class _Trial(NamedTuple):
    """What the answers of one trial share; `details` but for what they were fitted on."""

    setting: Setting
    learner: learners.Learner
    fold: Fold
    seed: int
    hyper: Mapping[str, float]
    details: ClassicalDetails


def _record(trial: _Trial, answer: _Answer) -> TrialResult:
    """The entry of an answer in results.json."""
    scores = {
        split: _score(trial.setting, trial.learner, getattr(answer, split), places) if places.size else None
        for split, places in (("validation", trial.fold.validation), ("test", trial.fold.test))
    }
    return TrialResult(
        study=STUDY,
        variant=answer.name + (REFITTED if answer.fitted_on != "train" else ""),
        fold=trial.fold.name,
        seed=trial.seed,
        hyper=dict(trial.hyper),
        **scores,
        classical=dataclasses.replace(trial.details, fitted_on=answer.fitted_on),
    )


def _postprocess(setting: Setting, answers: Sequence[_Answer], fold: Fold) -> list[_Answer]:
    """The answers behind AVEC's chain: every step of it is chosen on the validation split, recording by recording."""
    recordings = np.array([r.id.rpartition("/")[0] for r in setting.clips.recordings])

    def cut(places: np.ndarray) -> list[np.ndarray]:
        return [places[recordings[places] == name] for name in dict.fromkeys(recordings[places])]

    validated = cut(fold.validation)
    chain = avec.fit([answers[0].validation[at] for at in validated], [setting.clips.y[at] for at in validated])

    def process(values: np.ndarray, pieces: list[np.ndarray]) -> np.ndarray:
        processed = values.copy()
        for at, piece in zip(pieces, avec.apply(chain, [values[at] for at in pieces]), strict=True):
            processed[at] = piece
        return processed

    return [
        answer._replace(
            name=answer.name + OFFSET,
            validation=process(answer.validation, validated),
            test=process(answer.test, cut(fold.test)),
        )
        for answer in answers
    ]


def choose_candidate(candidates: Sequence[_Candidate], metric: str) -> _Candidate:
    """The one with the best validation score; of equal ones the first, which is the simplest.

    One without a score, because it answers NaN, is taken only where no other is left.
    """

    def rank(candidate: _Candidate) -> float:
        score = candidate.scores[metric]
        return -math.inf if score is None else score

    return max(candidates, key=rank)


def _check_fold(setting: Setting, fold: Fold, choices: int) -> None:
    if choices > 1 and not fold.validation.size:
        raise UserError(f"fold {fold.name!r} has no validation split to choose hyper-parameters on; give it one")
    if setting.classes and len(np.unique(setting.clips.y[fold.train])) < 2:
        raise UserError(f"fold {fold.name!r} trains on clips of one class only; take more clips or other folds")


def _select_columns(
    setting: Setting, x: np.ndarray, fold: Fold, seed: int, progress: Callable[[int, int], None]
) -> neighbours.Selection:
    """Random subset feature selection on the training split alone."""
    rows = x[fold.train]
    mean, scale = compute_moments(rows)
    return neighbours.select_features(
        (rows - mean[None, :]) / scale[None, :],
        setting.clips.y[fold.train],
        setting.clips.groups[fold.train],
        classes=setting.classes,
        iterations=setting.plan.iterations,
        seed=seed,
        progress=progress,
    )


def _fit_candidate(
    setting: Setting, learner: learners.Learner, hyper: Mapping[str, float], x: np.ndarray, fold: Fold
) -> _Candidate:
    predict = _fit(setting, learner, hyper, x, fold.train)
    validation = _predict_places(setting, predict, x, fold.validation)
    return _Candidate(hyper, predict, validation, _score(setting, learner, validation, fold.validation))


def _fit(
    setting: Setting, learner: learners.Learner, hyper: Mapping[str, float], x: np.ndarray, places: np.ndarray
) -> learners.Fitted:
    y = setting.clips.y[places]
    return learners.fit_learner(learner, setting.plan.task, setting.classes, hyper, x[places], y)


def _predict_places(setting: Setting, predict: learners.Fitted, x: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Predictions of the clips at `places`, NaN for all others."""
    count = len(setting.clips.y)
    shape = (count, setting.classes) if setting.plan.task == "multiclass" else (count,)
    values = np.full(shape, np.nan, np.float32)
    if places.size:
        values[places] = predict(x[places])
    return values


def _score(setting: Setting, learner: learners.Learner, values: np.ndarray, places: np.ndarray) -> Scores:
    """Scores of the predictions of all clips at `places`, those that were asked for."""
    y, count = setting.clips.y, len(setting.clips.y)
    scores = results.score_trial(setting.plan.task, values, y, np.zeros(count, int), mark_clips(places, count))
    # A clip is a single value, within which nothing can be correlated.
    scores = {name: value for name, value in scores.items() if not name.endswith("_per_recording")}
    if "log_loss" in scores and not learner.probabilities:
        scores["log_loss"] = None
    return scores
