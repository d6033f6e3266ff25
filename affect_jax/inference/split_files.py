"""A run's predictions of one split as files: RECOLA's gold-standard arff form, or csv."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from affect_jax.datasets.recola import arff_files
from affect_jax.errors import UserError
from affect_jax.experiment import predictions_file
from affect_jax.experiment.results_file import Results
from affect_jax.runtime.files import write_atomic
from affect_jax.runtime.spreadsheet import format_csv, name_file


def write_split_predictions(run: Path, results: Results, number: int, split: str, out: Path) -> list[Path]:
    """Writes a trial's predictions of a split, one file a group: a recording, a video or a speaker.

    A csv file has one prediction a row; for classes the most likely one, by its name where the corpus has names, beside
    the probability of each.

    Args:
      run: the run folder.
      results: of it.
      number: of the trial.
      split: `validation` or `test`.
      out: folder to write.

    Returns:
      The files.

    Raises:
      UserError: the run has no predictions of that split, or a recording has a name that RECOLA does not use.
    """
    predictions = predictions_file.read_trial_predictions(run, results.trials[number].study, number, split)
    if predictions is None:
        raise UserError(
            f"{run} has no predictions of the {split} split, perhaps its corpus has none; use another --split"
        )
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
            write_atomic(path, format_predictions(ids, values, results.corpus.labels, task=results.task).encode())
        paths.append(path)
    return paths


def format_predictions(
    ids: Sequence[str],
    values: np.ndarray,
    labels: Sequence[str] = (),
    *,
    task: str = "",
    notes: Sequence[str] | None = None,
) -> str:
    """Predictions as csv, one a row.

    Args:
      ids: [N].
      values: float [N], or [N, C] logits.
      labels: names of the classes; their numbers where there are none.
      task: one of metrics.TASKS; values of 'binary' are probabilities of class 1.
      notes: [N], for a last column `note`; None for no such column.
    """
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
    if notes is not None:
        header = (*header, "note")
        rows = [(*row, note) for row, note in zip(rows, notes, strict=True)]
    return format_csv([header, *rows])
