"""What a run's validation split says of how far its answers can be trusted, kept with an export and used by predict.

Everything is fitted on the validation predictions of predictions.npz. The same split chose when to stop, so what is
fitted is a little too sure of itself, and validation speakers are not those of tomorrow: `launch.report` shows what
remains of it on the test split.
"""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from affect_jax.experiment import predictions_file
from affect_jax.experiment.ensembles import average_members
from affect_jax.experiment.results_file import Results
from affect_jax.metrics import calibration, conformal

METHODS = ("temperature", "isotonic")
"""How probabilities are calibrated."""
_PARTS = 5
"""Of the answers that isotonic curves are fitted on: sets are made of each part by the curves of the others."""


@dataclasses.dataclass(frozen=True)
class Calibration:
    """How far to trust one trial or ensemble.

    Attributes:
      temperature: by which logits are divided; None of numbers.
      thresholds: coverage, as text -> the largest score of what belongs to a set of classes, or half the width of an
        interval of numbers, see `metrics.conformal`; None where too few answers allow no promise.
      answers: how many answers they were fitted on.
      isotonic: of each class the curve that its probabilities follow instead of the temperature; None by temperature.
    """

    temperature: float | None
    thresholds: dict[str, float | None]
    answers: int
    isotonic: calibration.Curves | None = None

    def describe(self) -> str:
        """What probabilities are, for the middle of a sentence."""
        return "on isotonic curves" if self.isotonic else f"at temperature {self.temperature:.3g}"


def calibrate_predictions(task: str, prediction: np.ndarray, fitted: Calibration | None) -> np.ndarray:
    """Logits [..., C], or probabilities [...] of 'binary', as the calibration has them; numbers as they are."""
    if fitted is None or fitted.temperature is None:
        return prediction
    if not fitted.isotonic:
        return calibration.temper_predictions(task, prediction, fitted.temperature)
    shares = calibration.apply_isotonic(calibration.compute_probabilities(task, prediction), fitted.isotonic)
    return (np.log(shares) if task == "multiclass" else shares[..., 1]).astype(prediction.dtype)


def fit_calibration(
    task: str, prediction: np.ndarray, target: np.ndarray, method: str = "temperature"
) -> Calibration | None:
    """Fits temperature or curves, and thresholds; None where there is no finite answer.

    Args:
      task: one of `metrics.TASKS`.
      prediction: [N], or [N, C] logits, on validation; answers of NaN are left out.
      target: [N].
      method: one of METHODS; numbers take no notice of it.
    """
    is_finite = np.isfinite(prediction.reshape(len(prediction), -1)).all(-1) & np.isfinite(target)
    prediction, target = prediction[is_finite].astype(np.float64), target[is_finite]
    if not len(target):
        return None
    temperature, curves = None, None
    if task in ("binary", "multiclass"):
        probabilities, classes = calibration.compute_probabilities(task, prediction), target.astype(int)
        temperature = calibration.fit_temperature(probabilities, classes)
        calibrated = calibration.apply_temperature(probabilities, temperature)
        if method == "isotonic":
            curves = calibration.fit_isotonic(probabilities, classes)
            calibrated = _cross_fit(probabilities, classes)
        scores = conformal.score_classes(calibrated, classes)
    else:
        scores = conformal.score_numbers(prediction, target)
    thresholds = {f"{share:g}": conformal.find_threshold(scores, share) for share in conformal.COVERAGES}
    known = {share: value if math.isfinite(value) else None for share, value in thresholds.items()}
    return Calibration(temperature, known, len(target), curves)


def _cross_fit(probabilities: np.ndarray, target: np.ndarray) -> np.ndarray:
    """[N, C] on isotonic curves of other answers: on its own an answer looks surer than a new one would."""
    part = np.arange(len(target)) % _PARTS
    if len(target) < 2 * _PARTS:
        return calibration.apply_isotonic(probabilities, calibration.fit_isotonic(probabilities, target))
    calibrated = np.empty_like(probabilities)
    for number in range(_PARTS):
        curves = calibration.fit_isotonic(probabilities[part != number], target[part != number])
        calibrated[part == number] = calibration.apply_isotonic(probabilities[part == number], curves)
    return calibrated


def calibrate_trials(
    run: Path, results: Results, numbers: Sequence[int], method: str = "temperature"
) -> Calibration | None:
    """The calibration of a trial, or of the ensemble of several; None where no validation predictions were kept.

    Raises:
      UserError: predictions.npz is damaged, changed or of another run.
    """
    study = results.trials[numbers[0]].study
    if not (run / predictions_file.FILE).is_file():
        return None
    predictions = predictions_file.read_predictions(run, study, "validation")
    together = predictions and average_members(results.task, predictions, numbers)
    if together is None:
        return None
    asked = together.is_known[0]
    return fit_calibration(results.task, together.prediction[0, asked], together.target[asked], method)
