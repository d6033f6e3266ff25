"""A run's predictions as files: RECOLA's gold-standard arff form, or csv."""

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from affect_jax.datasets.recola import arff
from affect_jax.errors import UserError
from affect_jax.runtime import run_folder


def write_split_predictions(run: Path, results: dict[str, Any], number: int, split: str, out: Path) -> list[Path]:
    """Writes row `number`'s predictions of `split`, one file a group: a recording, a video or a speaker.

    A csv file has a prediction a line; of classes the most likely one, by its name where the corpus has names, and
    beside it the probability of each.

    Args:
      run: the run folder.
      results: its results.json.
      number: row of results.json.
      split: `validation` or `test`.
      out: folder to write.

    Returns:
      The files.

    Raises:
      UserError: the run has no predictions of that split, or a recording of RECOLA whose name is none.
    """
    arrays = run_folder.read_arrays(run / "predictions.npz")
    study = results["trials"][number]["study"]
    if f"{study}/{split}/prediction" not in arrays:
        raise UserError(f"{run} has no predictions of the {split} part; its corpus has none, or use another --split")
    at = int(np.flatnonzero(arrays[f"{study}/row"] == number)[0])
    values = arrays[f"{study}/{split}/prediction"][at]
    ids, groups = arrays[f"{study}/{split}/id"], arrays[f"{study}/{split}/group"]
    shown = ~np.isnan(values.reshape(len(values), -1)).any(-1)
    labels = results["corpus"].get("labels") or ()
    out.mkdir(parents=True, exist_ok=True)
    files = []
    for group in dict.fromkeys(groups[shown]):
        mine = shown & (groups == group)
        if results["corpus"]["name"] == "recola":
            if not re.fullmatch(r"[\w.-]+", str(group)):  # it would not be a name of the arff form, nor of a file here
                raise UserError(f"{run / 'predictions.npz'} has a recording {str(group)[:60]!r}, which RECOLA has not")
            times = np.array([float(step.rpartition("@")[2]) for step in ids[mine]])
            path = out / f"{group}.arff"
            arff.write_gold(path, str(group), times, values[mine])
        else:
            path = out / f"{quote(str(group), safe=' ')}.csv"  # a group may be called anything
            run_folder.write_atomic(path, format_predictions(ids[mine], values[mine], labels).encode())
        files.append(path)
    return files


def format_predictions(ids: Sequence[str], values: np.ndarray, labels: Sequence[str] = ()) -> str:
    """A prediction a line.

    Args:
      ids: [N].
      values: float [N], or [N, C] logits.
      labels: names of the C classes; their numbers where there are none.
    """
    names = tuple(labels or map(str, range(values.shape[-1]))) if values.ndim > 1 else ()
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("id", "prediction", *names))
    table.writerows((step, *_format_cells(value, names)) for step, value in zip(ids, values, strict=True))
    return text.getvalue()


def _format_cells(value: np.ndarray, names: tuple[str, ...]) -> tuple[str, ...]:
    """What is said of one step: a number; or the likeliest class, and the probabilities of all."""
    if not names:
        return (f"{value:.6f}",)
    chances = np.exp(value - value.max(), dtype=np.float64)
    return (names[int(value.argmax())], *(f"{chance:.6f}" for chance in chances / chances.sum()))
