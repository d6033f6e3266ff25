"""A run's predictions of one split as files: RECOLA's gold-standard arff form, or csv."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.datasets.recola import arff_files
from affect_jax.errors import UserError
from affect_jax.experiment import predictions_file
from affect_jax.experiment.calibrations import Calibration, calibrate_predictions
from affect_jax.experiment.ensembles import average_predictions
from affect_jax.experiment.results_file import AffineRecord, Results
from affect_jax.metrics.calibration import compute_probabilities
from affect_jax.metrics.conformal import choose_sets
from affect_jax.runtime.files import write_atomic
from affect_jax.runtime.spreadsheet import format_csv, name_file


class Trust(NamedTuple):
    """How far to trust N predictions.

    Attributes:
      calibration: of the model; None where it is not known.
      coverage: of sets and intervals, a key of the calibration's thresholds.
      affine: by which numbers were mapped to the labels; None where they were not.
      disagreement: [N], of the members of an ensemble; None of one trial.
    """

    calibration: Calibration | None = None
    coverage: str = "0.9"
    affine: AffineRecord | None = None
    disagreement: np.ndarray | None = None


def describe_map(affine: AffineRecord) -> str:
    """By which numbers were mapped, and so what the model itself gave; a sentence without its full stop."""
    return (
        f"predictions are {affine.scale:.4g} x what the model gives {affine.offset:+.4g}, fitted on validation, as its "
        "loss leaves scale and offset free"
    )


def describe_calibration(fitted: Calibration, coverage: str) -> str:
    """What the columns of a calibration mean, a sentence without its full stop."""
    share, of = f"{100 * float(coverage):g} %", f"{fitted.answers} validation answers"
    name = coverage.removeprefix("0.").ljust(2, "0")
    what = f"set_{name} holds the right class" if fitted.temperature is not None else f"low_{name} to high_{name} holds"
    promise = f"{what}{'' if fitted.temperature is not None else ' the truth'} in {share} of cases like these"
    if fitted.thresholds.get(coverage) is None:
        promise = f"too few for sets or intervals of {share}"
    if fitted.temperature is None:
        return f"fitted on {of}: {promise}"
    return f"probabilities are {fitted.describe()}, fitted on {of}; {promise}"


def _list_doubts(values: np.ndarray, names: Sequence[str], task: str, trust: Trust) -> dict[str, list[str]]:
    """Column -> text [N]: the set of classes or the interval, the model's own number, and how far members disagree."""
    columns: dict[str, list[str]] = {}
    threshold = trust.calibration and trust.calibration.thresholds.get(trust.coverage)
    name = trust.coverage.removeprefix("0.").ljust(2, "0")
    if threshold is not None and names:
        sets = choose_sets(compute_probabilities(task, values), threshold)
        columns[f"set_{name}"] = ["|".join(np.array(names)[chosen]) for chosen in sets]
    elif threshold is not None:
        columns[f"low_{name}"] = [f"{value - threshold:.6f}" for value in values]
        columns[f"high_{name}"] = [f"{value + threshold:.6f}" for value in values]
    if trust.affine is not None:
        columns["raw"] = [f"{(value - trust.affine.offset) / trust.affine.scale:.6f}" for value in values]
    if trust.disagreement is not None:
        columns["disagreement"] = [f"{value:.6f}" for value in trust.disagreement]
    return columns


def write_split_predictions(
    run: Path,
    results: Results,
    numbers: Sequence[int],
    split: str,
    out: Path,
    trust: Trust | None = None,
) -> list[Path]:
    """Writes predictions of a split, one file a group: a recording, a video or a speaker.

    A csv file has one prediction a row; for classes the most likely one, by its name where the corpus has names, beside
    the probability of each.

    Args:
      run: the run folder.
      results: of it.
      numbers: of the trial, or of the trials of an ensemble.
      split: `validation` or `test`.
      out: folder to write.
      trust: as `format_predictions`; RECOLA's form has no place for it.

    Returns:
      The files.

    Raises:
      UserError: the run has no predictions of that split, or a recording has a name that RECOLA does not use.
    """
    study = results.trials[numbers[0]].study
    members = [predictions_file.read_trial_predictions(run, study, number, split) for number in numbers]
    predictions = members[0]
    if predictions is None:
        raise UserError(
            f"{run} has no predictions of the {split} split, perhaps its corpus has none; use another --split"
        )
    if len(members) > 1:
        together = average_predictions(results.task, np.stack([member.prediction for member in members]))
        predictions = predictions._replace(prediction=together)
    out.mkdir(parents=True, exist_ok=True)
    paths = []
    for group in dict.fromkeys(predictions.group):
        mine = predictions.group == group
        ids, values = predictions.id[mine], predictions.prediction[0][mine]
        if results.corpus.name == "recola":
            # Any other name would fit neither the arff form nor, perhaps, a file below `out`.
            if not re.fullmatch(r"[\w.-]+", str(group)):
                raise UserError(
                    f"{run / predictions_file.FILE} has a recording {str(group)[:60]!r}, and RECOLA has no such name; "
                    "train that run again"
                )
            times = np.array([float(step.rpartition("@")[2]) for step in ids])
            path = out / f"{group}.arff"
            arff_files.write_gold(path, str(group), times, values)
        else:
            path = out / f"{name_file(str(group))}.csv"  # a group may be called anything
            text = format_predictions(ids, values, results.corpus.labels, task=results.task, trust=trust)
            write_atomic(path, text.encode())
        paths.append(path)
    return paths


def format_predictions(
    ids: Sequence[str],
    values: np.ndarray,
    labels: Sequence[str] = (),
    *,
    task: str = "",
    notes: Sequence[str] | None = None,
    trust: Trust | None = None,
) -> str:
    """Predictions as csv, one a row; with a calibration, calibrated, with the set or interval of its coverage.

    Args:
      ids: [N].
      values: float [N], or [N, C] logits.
      labels: names of the classes; their numbers where there are none.
      task: one of metrics.TASKS; values of 'binary' are probabilities of class 1.
      notes: [N], for a last column `note`; None for no such column.
      trust: what is known of how far to trust them; None for nothing.
    """
    trust = trust or Trust()
    values = calibrate_predictions(task, values, trust.calibration)
    is_binary = task == "binary" and values.ndim == 1
    count = 2 if is_binary else values.shape[-1] if values.ndim > 1 else 0
    names = tuple(labels) if len(labels) == count else tuple(map(str, range(count)))
    rows: list[tuple[str, ...]] = []
    for step, value in zip(map(str, ids), values, strict=True):
        if is_binary:
            shares = np.array([1 - value, value])
        elif count:
            shares = np.exp(value - value.max(), dtype=np.float64)
            shares = shares / shares.sum()
        else:
            rows.append((step, f"{value:.6f}"))
            continue
        # Half counts as class 1, as in the scores.
        best = int(value >= 0.5) if is_binary else int(shares.argmax())
        rows.append((step, names[best], *(f"{share:.6f}" for share in shares)))
    header: tuple[str, ...] = ("id", "prediction", *names)
    for name, column in _list_doubts(values, names, task, trust).items():
        header = (*header, name)
        rows = [(*row, text) for row, text in zip(rows, column, strict=True)]
    if notes is not None:
        header = (*header, "note")
        rows = [(*row, note) for row, note in zip(rows, notes, strict=True)]
    return format_csv([header, *rows])
