"""predictions.npz: what every trial predicts, study by study, with the truth beside it.

`run` is the run's own number, as in config.json. A study of R trials has these arrays, over the F steps (frames, clips
or utterances) that at least one trial was asked for:

<study>/trial                 int [R], the numbers of its trials in results.json
<study>/<split>/prediction    float32 [R, F], or [R, F, C] logits; NaN where a trial was not asked, or is no answer
<study>/<split>/asked         bool [R, F], what each trial was asked: in a cross-validation, its own fold alone. Files
                              of earlier versions lack it; there a trial was asked what it does not answer with NaN
<study>/<split>/target        float32 [F]
<study>/<split>/id            str [F]
<study>/<split>/group         str [F], a recording, a video or a speaker
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.errors import UserError
from affect_jax.experiment import results_file
from affect_jax.runtime import run_folder, run_identity

FILE = "predictions.npz"
_RUN = "run"


class Steps(NamedTuple):
    """What is known of the F steps of a split.

    Attributes:
      target: float32 [F].
      id: str [F].
      group: str [F].
    """

    target: np.ndarray
    id: np.ndarray
    group: np.ndarray


class TrialPredictions(NamedTuple):
    """What one trial predicts of one split; F steps, all of which it answers.

    Attributes:
      prediction: float32 [F], or [F, C] logits; never NaN.
      target: float32 [F].
      id: str [F].
      group: str [F].
    """

    prediction: np.ndarray
    target: np.ndarray
    id: np.ndarray
    group: np.ndarray


def write_predictions(folder: Path, arrays: Mapping[str, np.ndarray], run: str) -> None:
    """Writes the arrays of all studies to `folder`/predictions.npz, whole or not at all; `run` as `RunIdentity.run`."""
    run_folder.write_arrays(folder / FILE, {_RUN: np.array(run), **arrays})


def read_study_arrays(folder: Path, study: str) -> dict[str, np.ndarray]:
    """Reads the arrays of one study; {} where the file has none of it.

    Raises:
      UserError: predictions.npz is missing, damaged, changed, or of another run than config.json, or its arrays are not
        those that the head of this file describes.
    """
    path, identity = folder / FILE, run_identity.read_identity(folder)
    if path.is_file():
        results_file.check_unchanged(folder, FILE)
    elif (folder / results_file.FILE).is_file():
        command = results_file.describe_command(folder, results_file.read_results(folder))
        raise UserError(f"{path} is missing; the run's command makes it anew of the weights: {command}")
    arrays = run_folder.read_arrays(path, (_RUN, f"{study}/"))
    if identity and str(arrays.get(_RUN)) != identity.run:
        raise UserError(f"{path} is of another run than config.json beside it; put the folder's own file back")
    of_study = {name: array for name, array in arrays.items() if name.startswith(f"{study}/")}
    if of_study:
        _check_study(path, study, of_study, results_file.read_task(folder))
    return of_study


def _check_study(path: Path, study: str, arrays: Mapping[str, np.ndarray], task: str | None) -> None:
    """Refuses arrays whose types and shapes are not those of a study's trials and steps."""
    trials = arrays.get(f"{study}/trial", np.zeros(0))
    _check_array(path, f"{study}/trial", trials, "iu", (len(set(trials.tolist())) if trials.ndim == 1 else 0,))
    places = [name.removeprefix(f"{study}/").split("/") for name in arrays]
    for split in dict.fromkeys(
        place[0] for place in places if len(place) == 2 and place[1] in TrialPredictions._fields
    ):
        name = f"{study}/{split}"
        prediction = arrays.get(f"{name}/prediction", np.zeros(0))
        has_logits = prediction.ndim == 3 and prediction.shape[2] > 1
        steps = prediction.shape[1] if has_logits or prediction.ndim == 2 else 0
        _check_array(path, f"{name}/prediction", prediction, "f", (len(trials), steps, *prediction.shape[2:3]))
        if task and has_logits != (task == "multiclass"):
            raise UserError(f"{path} has {list(prediction.shape)} predictions of a {task} task; train that run again")
        for field, kinds in (("target", "fiu"), ("id", "U"), ("group", "U")):
            _check_array(path, f"{name}/{field}", arrays.get(f"{name}/{field}", np.zeros(0)), kinds, (steps,))
        if f"{name}/asked" in arrays:
            _check_array(path, f"{name}/asked", arrays[f"{name}/asked"], "b", (len(trials), steps))
            if not arrays[f"{name}/asked"].any(0).all():
                raise UserError(f"{path} has steps in {name!r} that no trial was asked for; train that run again")


def _check_array(path: Path, name: str, array: np.ndarray, kinds: str, shape: tuple[int, ...]) -> None:
    """Raises UserError where an array is empty, of no dtype of `kinds` (numpy's letters), or of another shape."""
    if not array.size or array.dtype.kind not in kinds or array.shape != shape:
        raise UserError(
            f"{path} has no array {name!r} of {shape[0]} values that fits the others, but {array.dtype} "
            f"{list(array.shape)}; train that run again"
        )


def collect_predictions(
    study: str,
    trials: Sequence[int],
    predictions: Mapping[str, np.ndarray],
    asked: Mapping[str, np.ndarray],
    steps: Mapping[str, Steps],
) -> dict[str, np.ndarray]:
    """The arrays of one study; steps that no trial was asked for are left out, and splits without any such step.

    Args:
      study: its name.
      trials: numbers of its R trials in results.json.
      predictions: split -> float32 [R, F] or [R, F, C].
      asked: split -> bool [R, F].
      steps: split -> its steps.
    """
    arrays = {f"{study}/trial": np.asarray(trials)}
    for split, values in predictions.items():
        chosen = asked[split].any(0)
        if not chosen.any():
            continue
        arrays[f"{study}/{split}/prediction"] = values[:, chosen]
        arrays[f"{study}/{split}/asked"] = asked[split][:, chosen]
        for name, of_steps in steps[split]._asdict().items():
            arrays[f"{study}/{split}/{name}"] = of_steps[chosen]
    return arrays


def find_answers(predictions: np.ndarray) -> np.ndarray:
    """bool [R, F]: where trials answer with a number, of predictions [R, F] or logits [R, F, C]."""
    return ~np.isnan(predictions.reshape(*predictions.shape[:2], -1)).any(-1)


def read_trial_predictions(folder: Path, study: str, trial: int, split: str) -> TrialPredictions | None:
    """What a trial of a finished run predicts of a split; None where the run kept no predictions of that split.

    Args:
      folder: of the run.
      study: the trial's.
      trial: its number in results.json.
      split: 'validation' or 'test'.

    Raises:
      UserError: predictions.npz is missing, damaged, or of another run, or lacks the trial.
    """
    arrays = read_study_arrays(folder, study)
    if f"{study}/{split}/prediction" not in arrays:
        return None
    (rows,) = np.nonzero(arrays[f"{study}/trial"] == trial)
    if not len(rows):
        raise UserError(f"{folder / FILE} has no predictions of trial {trial}; train that run again")
    (row,) = rows
    values = arrays[f"{study}/{split}/prediction"][row]
    is_answered = find_answers(values[None])[0]
    return TrialPredictions(
        values[is_answered], *(arrays[f"{study}/{split}/{name}"][is_answered] for name in Steps._fields)
    )
