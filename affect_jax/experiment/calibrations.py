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


@dataclasses.dataclass(frozen=True)
class Calibration:
    """How far to trust one trial or ensemble.

    Attributes:
      temperature: by which logits are divided; None of numbers.
      thresholds: coverage, as text -> the largest score of what belongs to a set of classes, or half the width of an
        interval of numbers, see `metrics.conformal`; None where too few answers allow no promise.
      answers: how many answers they were fitted on.
    """

    temperature: float | None
    thresholds: dict[str, float | None]
    answers: int


def fit_calibration(task: str, prediction: np.ndarray, target: np.ndarray) -> Calibration | None:
    """Fits temperature and thresholds; None where there is no finite answer.

    Args:
      task: one of `metrics.TASKS`.
      prediction: [N], or [N, C] logits, on validation; answers of NaN are left out.
      target: [N].
    """
    is_finite = np.isfinite(prediction.reshape(len(prediction), -1)).all(-1) & np.isfinite(target)
    prediction, target = prediction[is_finite].astype(np.float64), target[is_finite]
    if not len(target):
        return None
    temperature = None
    if task in ("binary", "multiclass"):
        probabilities, classes = calibration.compute_probabilities(task, prediction), target.astype(int)
        temperature = calibration.fit_temperature(probabilities, classes)
        tempered = calibration.apply_temperature(probabilities, temperature)
        scores = conformal.score_classes(tempered, classes)
    else:
        scores = conformal.score_numbers(prediction, target)
    thresholds = {f"{share:g}": conformal.find_threshold(scores, share) for share in conformal.COVERAGES}
    known = {share: value if math.isfinite(value) else None for share, value in thresholds.items()}
    return Calibration(temperature, known, len(target))


def calibrate_trials(run: Path, results: Results, numbers: Sequence[int]) -> Calibration | None:
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
    return fit_calibration(results.task, together.prediction[0, asked], together.target[asked])
