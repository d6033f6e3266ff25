"""Predicts what is not a timeline of raw speech: items, and the steps of sequences, of recordings or features."""

import collections
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.config.schema import describe_within
from affect_jax.datasets.input_form import describe_form
from affect_jax.datasets.recordings import Recording
from affect_jax.errors import UserError
from affect_jax.features import audio
from affect_jax.inference import long_inputs, split_files
from affect_jax.inference.as_trained import read_recordings
from affect_jax.inference.inputs import Requests, collect_requests
from affect_jax.inference.output import Output, write_output
from affect_jax.inference.predictor import Predictor
from affect_jax.inference.split_files import describe_calibration, describe_map

_MOST_TOLD = 20
"""Skipped items that are told one by one."""


class Answer(NamedTuple):
    """What a model says of one recording.

    Attributes:
      ids: N, of an item or of steps.
      values: float32 [N], or [N, C] logits.
      notes: what was done to it that was not done in training, in words that fit the column `note`.
      remarks: the same, and what was done as in evaluation, in words that are the same for all recordings alike.
      disagreement: float32 [N] of the members of an ensemble; None of one trial.
    """

    ids: tuple[str, ...]
    values: np.ndarray
    notes: tuple[str, ...]
    remarks: tuple[str, ...]
    disagreement: np.ndarray | None = None


def predict_inputs(predictor: Predictor, paths: Sequence[str | Path], output: Output, coverage: str = "0.9") -> int:
    """Predicts files, or what lists among them name, and writes one csv; reports on standard error.

    Args:
      predictor: the model.
      paths: files.
      output: where the csv goes.
      coverage: of sets and intervals, one of `metrics.conformal.COVERAGES`.

    Returns:
      How many files or rows were skipped.

    Raises:
      UserError: a list is not one that the model can read.
    """
    return predict_requests(predictor, collect_requests(predictor, [Path(path) for path in paths]), output, coverage)


def predict_requests(predictor: Predictor, requests: Requests, output: Output, coverage: str = "0.9") -> int:
    """Predicts requests and writes one csv; reports on standard error.

    Args: see `predict_inputs`.

    Returns:
      How many of them were skipped.
    """
    made_of = describe_form(predictor.form) if predictor.form else f"features {', '.join(predictor.shapes)}"
    _say(f"{predictor.title}: predicting {predictor.trained['target']!r} from {made_of}")
    for remark in requests.remarks:
        _say(f"note: {remark}")
    answers: list[Answer] = []
    skipped = 0
    if within := predictor.trained.get("within"):
        _say(f"note: {describe_within(within)}; what this call names is all that is known of each")
    for request, recording in read_recordings(predictor, requests.items):
        try:
            if isinstance(recording, UserError):
                raise recording
            answers.append(answer_recording(predictor, recording))
        except UserError as error:
            skipped += 1
            if skipped <= _MOST_TOLD:
                text = str(error)
                _say(f"skipped: {text}" if text.startswith(request.name) else f"skipped: {request.name}: {text}")
    if skipped > _MOST_TOLD:
        _say(f"skipped: {skipped - _MOST_TOLD} more")
    for remark, count in collections.Counter(remark for answer in answers for remark in answer.remarks).items():
        _say(f"note: {count} of {len(answers)}: {remark}")
    if predictor.trained["postprocessing"]:
        _say(f"note: the run's own scores are after {predictor.trained['postprocessing']}; these predictions are not")
    if answers:
        _write_answers(predictor, answers, output, coverage)
    total = len(requests.items)
    line = f"{len(answers)} of {total} predicted{f', {skipped} skipped' if skipped else ''}"
    _say(f"{line} -> {output.path}" if output.path else line)
    return skipped


def _write_answers(predictor: Predictor, answers: Sequence[Answer], output: Output, coverage: str) -> None:
    """Writes the csv, and says what its numbers are."""
    if predictor.affine is not None:
        _say(f"note: {describe_map(predictor.affine)}; column raw has that")
    if predictor.calibration is not None:
        _say(f"note: {describe_calibration(predictor.calibration, coverage)}")
    has_members = answers[0].disagreement is not None
    disagreement = np.concatenate([answer.disagreement for answer in answers]) if has_members else None
    text = split_files.format_predictions(
        [name for answer in answers for name in answer.ids],
        np.concatenate([answer.values for answer in answers]),
        predictor.labels,
        task=predictor.task,
        notes=["; ".join(answer.notes) for answer in answers for _ in answer.ids],
        trust=split_files.Trust(predictor.calibration, coverage, predictor.affine, disagreement),
    )
    write_output(text, output)


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def answer_recording(predictor: Predictor, recording: Recording) -> Answer:
    """Predicts one recording, whole.

    Raises:
      UserError: it does not fit the model, or a prediction is not finite.
    """
    features = {
        name: audio.normalize_rms(values, recording.id)[:, None] if values.ndim == 1 else values
        for name, values in recording.features.items()
    }
    is_item = predictor.unit == "item"
    said = (long_inputs.predict_item if is_item else long_inputs.predict_steps)(predictor, features)
    if not np.isfinite(said.values).all():
        raise UserError(f"the model's predictions for {recording.id!r} are not finite; choose another trial")
    absent = [name for name in predictor.shapes if name not in features]
    notes = [f"without {name}" for name in absent]
    remarks = [_describe_absence(predictor, name) for name in absent]
    if said.read and is_item:
        what = "probabilities" if predictor.task in ("binary", "multiclass") else "predictions"
        limits = ", ".join(f"{size} steps of {name!r}" for name, size in said.read.items())
        notes.append(f"mean of {said.windows} windows")
        remarks.append(f"longer than the {limits} that the model reads at once; their {what} are means over windows")
    elif said.windows > 1:
        size = next(iter(said.read.values()))
        remarks.append(f"longer than {size} steps and read in windows, as in the run's evaluation")
    if predictor.delay and not is_item:
        remarks.append(f"moved {predictor.delay} steps later, as labels were learned that much earlier")
    return Answer(recording.steps, said.values, tuple(notes), tuple(remarks), said.disagreement)


def _describe_absence(predictor: Predictor, modality: str) -> str:
    form = predictor.form.modalities if predictor.form else {}
    known = predictor.trained["moddrop"] or (modality in form and form[modality].missing)
    if known or modality not in form:
        return f"without {modality!r}"
    return f"without {modality!r}, which no item of the training lacked, so the model never learned to go without"
