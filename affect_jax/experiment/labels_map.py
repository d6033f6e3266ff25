"""The map of a trial's numbers to the labels: scale and offset of its validation split."""

from collections.abc import Sequence

import numpy as np

from affect_jax.config.schema import Study
from affect_jax.config.stages import leaves_scale_free
from affect_jax.experiment.context import Run
from affect_jax.experiment.results_file import AffineRecord
from affect_jax.metrics.calibration import fit_affine


def asks_for_map(run: Run, study: Study) -> bool:
    """Whether `config.data.rescale` asks for the map of validation, or leaves it open and the losses ask for it."""
    setting = run.experiment.data.rescale
    is_number = run.experiment.task.endswith("regression")
    return is_number and (setting == "affine" or (setting is None and leaves_scale_free(study.stages[-1])))


def map_to_labels(run: Run, predictions: dict[str, np.ndarray], folds: Sequence[int]) -> dict[int, AffineRecord]:
    """Maps each trial's predictions by scale and offset, fitted on its own validation frames; in place.

    Returns:
      Trial -> its map; a trial without finite predictions there has none.
    """
    maps = {}
    for trial, fold in enumerate(folds):
        values, target = predictions["validation"][trial], run.development.target
        known = run.mark_asked("validation", run.fold_names[fold]) & np.isfinite(values) & np.isfinite(target)
        if not known.any():
            continue
        fitted = fit_affine(values[known], target[known])
        maps[trial] = AffineRecord(*fitted)
        for of_split in predictions.values():
            of_split[trial] = fitted.apply(of_split[trial])
    return maps
