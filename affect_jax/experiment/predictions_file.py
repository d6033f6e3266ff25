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

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.errors import UserError
from affect_jax.experiment import results_file
from affect_jax.runtime import run_folder, run_identity
from affect_jax.runtime.files import stamp_file

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


class Predictions(NamedTuple):
    """What R trials of one study predict of the F steps of one split.

    Attributes:
      prediction: float32 [R, F], or [R, F, C] logits; NaN is no answer.
      target: float32 [F].
      id: str [F].
      group: str [F].
      trial: int [R], numbers of the trials in results.json.
      asked: bool [R, F]; None in files of earlier versions.
    """

    prediction: np.ndarray
    target: np.ndarray
    id: np.ndarray
    group: np.ndarray
    trial: np.ndarray
    asked: np.ndarray | None = None

    @property
    def is_known(self) -> np.ndarray:
        """bool [R, F]: what each trial was asked, so what it is scored on; in a cross-validation, its own fold alone.

        Of a file of an earlier version, which does not say, where a trial answers with a number.
        """
        return find_answers(self.prediction) if self.asked is None else self.asked

    def select_trials(self, trials: Sequence[int]) -> "Predictions | None":
        """The predictions of these trials, in their order; None where one was not kept."""
        place = {int(trial): at for at, trial in enumerate(self.trial)}
        if not all(trial in place for trial in trials):
            return None
        rows = [place[trial] for trial in trials]
        asked = None if self.asked is None else self.asked[rows]
        return self._replace(prediction=self.prediction[rows], trial=np.array(trials), asked=asked)

    def select_steps(self, steps: np.ndarray) -> "Predictions":
        """The predictions of the steps where bool [F] is True."""
        of_steps = {name: getattr(self, name)[steps] for name in Steps._fields}
        asked = None if self.asked is None else self.asked[:, steps]
        return self._replace(prediction=self.prediction[:, steps], asked=asked, **of_steps)


def write_predictions(folder: Path, arrays: Mapping[str, np.ndarray], run: str) -> None:
    """Writes the arrays of all studies to `folder`/predictions.npz, whole or not at all; `run` as `RunIdentity.run`."""
    run_folder.write_arrays(folder / FILE, {_RUN: np.array(run), **arrays})


def read_study_arrays(folder: Path, study: str) -> dict[str, np.ndarray]:
    """Reads the arrays of one study; {} where the file has none of it.

    Raises:
      UserError: predictions.npz is missing, damaged, changed, or of another run than config.json, or its arrays are not
        those that the head of this file describes.
    """
    stamps = tuple(stamp_file(folder / name) for name in (FILE, results_file.FILE, "config.json"))
    return dict(_read_study_arrays(folder, study, stamps))


@functools.lru_cache(maxsize=128)
def _read_study_arrays(folder: Path, study: str, stamps: tuple) -> dict[str, np.ndarray]:
    """As `read_study_arrays`. Kept, as each part of a report asks for the same studies; nobody can change them."""
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
    for array in of_study.values():
        array.setflags(write=False)
    return of_study


def _check_study(path: Path, study: str, arrays: Mapping[str, np.ndarray], task: str | None) -> None:
    """Refuses arrays whose types and shapes are not those of a study's trials and steps."""
    trials = arrays.get(f"{study}/trial", np.zeros(0))
    _check_array(path, f"{study}/trial", trials, "iu", (len(set(trials.tolist())) if trials.ndim == 1 else 0,))
    places = [name.removeprefix(f"{study}/").split("/") for name in arrays]
    for split in dict.fromkeys(place[0] for place in places if len(place) == 2 and place[1] in Predictions._fields):
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


def read_predictions(folder: Path, study: str, split: str) -> Predictions | None:
    """What the trials of a study of a finished run predict of a split; None where the run kept no predictions of it.

    Raises:
      UserError: predictions.npz is missing, damaged or of another run.
    """
    arrays = read_study_arrays(folder, study)
    if f"{study}/{split}/prediction" not in arrays:
        return None
    of_steps = (arrays[f"{study}/{split}/{name}"] for name in ("prediction", *Steps._fields))
    return Predictions(*of_steps, arrays[f"{study}/trial"], arrays.get(f"{study}/{split}/asked"))


def read_trial_predictions(folder: Path, study: str, trial: int, split: str) -> Predictions | None:
    """What one trial predicts of the steps of a split that it answers (R is 1, and no NaN); None as above.

    Args:
      folder: of the run.
      study: the trial's.
      trial: its number in results.json.
      split: 'validation' or 'test'.

    Raises:
      UserError: predictions.npz is missing, damaged, or of another run, or lacks the trial.
    """
    predictions = read_predictions(folder, study, split)
    if predictions is None:
        return None
    mine = predictions.select_trials([trial])
    if mine is None:
        raise UserError(f"{folder / FILE} has no predictions of trial {trial}; train that run again")
    return mine.select_steps(find_answers(mine.prediction)[0])
