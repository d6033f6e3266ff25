"""Features of new files as a run had them in training: means of steps (`config.data.average`), and without their
speaker's own level (`config.data.standardize_within`).

The mean and deviation are those of what is predicted together, so a speaker wants to be known by some recordings; one
alone says nothing of how that speaker usually sounds or looks.
"""

from collections.abc import Iterator, Sequence

from affect_jax.data.average import average_steps
from affect_jax.data.normalize import standardize_within
from affect_jax.datasets.recordings import Recording
from affect_jax.errors import UserError
from affect_jax.inference.inputs import Request
from affect_jax.inference.predictor import Predictor


def read_recordings(
    predictor: Predictor, requests: Sequence[Request]
) -> Iterator[tuple[Request, Recording | UserError]]:
    """What is asked, in its order, each as read or with the reason why it cannot be predicted.

    One after the other, unless features have to be standardised within groups or recordings: then all are read first.
    """
    if not predictor.trained.get("within"):
        yield from ((request, _read(predictor, request)) for request in requests)
        return
    read = [_read(predictor, request) for request in requests]
    answers = iter(remove_levels(predictor, [one for one in read if isinstance(one, Recording)]))
    yield from (
        (request, next(answers) if isinstance(one, Recording) else one)
        for request, one in zip(requests, read, strict=True)
    )


def remove_levels(predictor: Predictor, recordings: Sequence[Recording]) -> list[Recording | UserError]:
    """Recordings standardised within their groups, or each by itself, as in training.

    Args:
      predictor: the model, whose `trained` says within what.
      recordings: all that is known of their groups; features by modality [T, D], waveforms [T] stay as they are.

    Returns:
      As many, in their order; errors in place of those of whose group one step of a modality is all there is.
    """
    within = predictor.trained.get("within")
    if not within:
        return list(recordings)
    steps: dict[tuple[str, str], int] = {}
    for recording in recordings:
        for name, values in recording.features.items():
            unit = (_name_unit(recording, within), name)
            steps[unit] = steps.get(unit, 0) + len(values)
    lonely = {
        n: name
        for n, recording in enumerate(recordings)
        for name in recording.features
        if steps[_name_unit(recording, within), name] == 1
    }
    chosen = [recording for n, recording in enumerate(recordings) if n not in lonely]
    standardized = iter(standardize_within(chosen, tuple(predictor.shapes), within) if chosen else ())
    return [
        _refuse(recording, lonely[n], within) if n in lonely else next(standardized)
        for n, recording in enumerate(recordings)
    ]


def average_recordings(predictor: Predictor, recordings: Sequence[Recording]) -> list[Recording]:
    """Recordings whose sequences are means of as many steps as in training."""
    return average_steps(recordings, predictor.trained.get("average") or {})


def _read(predictor: Predictor, request: Request) -> Recording | UserError:
    try:
        return average_recordings(predictor, [request.read()])[0]
    except UserError as error:
        return error


def _name_unit(recording: Recording, within: str) -> str:
    return recording.group if within == "group" else recording.id


def _refuse(recording: Recording, modality: str, within: str) -> UserError:
    unit = _name_unit(recording, within)
    advice = (
        "list several recordings of each speaker in a csv with the columns id, group and those of the modalities"
        if within == "group"
        else "give whole sequences"
    )
    return UserError(
        f"{within} {unit!r} has one step of {modality!r}, but the model reads features that are standardised within "
        f"each {within}; {advice}"
    )
