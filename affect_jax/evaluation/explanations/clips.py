"""The clips that are explained: of a run's corpus, or sound files."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.config.load import read_experiment
from affect_jax.data import splits
from affect_jax.errors import UserError, suggest_nearest
from affect_jax.evaluation.cases import NAMES, assign_cases, choose_examples
from affect_jax.experiment.predictions_file import Predictions, read_trial_predictions
from affect_jax.experiment.results_file import TrialResult, read_results
from affect_jax.features import audio
from affect_jax.inference import timelines
from affect_jax.inference.speech_models import SpeechModel
from affect_jax.runtime.files import spell_path


class Clip(NamedTuple):
    """One clip to explain.

    Attributes:
      id: of the recording, or the name of a file without its ending.
      x: float32 [T], normalised (eq. 3.4), then padded with zeros or cut.
      length: samples that are not padding.
      target: the truth; None where it is unknown.
      prediction: the run's own prediction, in its own scale; None where it has none.
      case: 1 to 4, see `evaluation.cases`; None where there is none.
      notes: what a reader must know about it.
      planted: float32 [10], how much of what makes its target a generator has put into each tenth; None where unknown.
    """

    id: str
    x: np.ndarray
    length: int
    target: float | None = None
    prediction: float | None = None
    case: int | None = None
    notes: tuple[str, ...] = ()
    planted: np.ndarray | None = None


def read_file_clips(files: Sequence[str | Path], rate: int, steps: int, skip: Callable[[str], None]) -> Iterator[Clip]:
    """Reads sound files one after another; a longer one is cut to its first `steps` samples at `rate`.

    Args:
      files: of sound.
      rate: of the model, Hz.
      steps: samples that it reads.
      skip: receives what is wrong with a file that cannot be used; the others are read.
    """
    names: set[str] = set()
    for file in files:
        name = spell_path(Path(file).stem)
        if name in names:
            skip(f"{spell_path(file)} has the name {name!r} of a file before it; explain it alone, with its own --out")
            continue
        names.add(name)
        try:
            samples, sound = timelines.read_recording(file, rate)
            x = audio.normalize_rms(samples[:steps], str(file))
        except UserError as error:
            skip(spell_path(str(error)))
            continue
        cut = f"only the first {steps / rate:.1f} of its {len(samples) / rate:.1f} s are explained"
        notes = (*sound.remarks, cut) if len(samples) > steps else sound.remarks
        yield Clip(name, _pad_samples(x, steps), len(x), notes=notes)


def read_run_clips(run: Path, model: SpeechModel, ids: Sequence[str], say: Callable[[str], None]) -> list[Clip]:
    """Reads clips of a run's corpus: the named ones, or one of each case of section 3.4.1.

    Args:
      run: its folder.
      model: a trial of it.
      ids: of recordings; empty for one of each case.
      say: receives lines for a person.

    Raises:
      UserError: a clip is unknown; or no clip is named and the run predicts classes, which have no such cases.
    """
    results, experiment = read_results(run), read_experiment(run)
    number = model.about["trial"]
    scored = _read_scored_splits(run, number, results.trials[number])
    if not ids:
        ids = _choose_case_examples(run, model, scored, say)
    recordings = splits.load_recordings(experiment.corpus)
    if recordings.fingerprint != results.corpus.fingerprint:
        raise UserError(
            f"the corpus has changed since {run} was trained (its fingerprint is {recordings.fingerprint[:12]} and was "
            f"{results.corpus.fingerprint[:12]}); restore its files, or name recordings instead of --id"
        )
    by_id = {r.id: r for members in recordings.splits.values() for r in members}
    planted, clips = splits.find_planted_tenths(experiment.corpus), []
    for name in dict.fromkeys(ids):
        if name not in by_id:
            raise UserError(
                f"--id: the corpus has no clip {name!r}{suggest_nearest(name, by_id)}; it has {len(by_id)} others, "
                f"the first is {next(iter(by_id))}"
            )
        recording = by_id[name]
        x = audio.normalize_rms(recording.features[model.deployed.modality], name)[: model.deployed.steps]
        clip = Clip(name, _pad_samples(x, model.deployed.steps), len(x), planted=planted.get(name))
        if model.target in recording.targets:
            clip = clip._replace(target=float(recording.targets[model.target][0]))
        clips.append(_add_prediction(clip, model, scored))
    return clips


def _read_scored_splits(run: Path, number: int, trial: TrialResult) -> dict[str, Predictions]:
    """Split -> what the trial predicts of it, for the splits that have labels."""
    scored = {}
    for split in ("test", "validation"):
        if trial.scores(split) is not None:
            predictions = read_trial_predictions(run, trial.study, number, split)
            if predictions is None:
                raise UserError(f"{run} has no predictions of its {split} split; train that run again")
            scored[split] = predictions
    return scored


def _choose_case_examples(
    run: Path, model: SpeechModel, scored: Mapping[str, Predictions], say: Callable[[str], None]
) -> list[str]:
    """The ids of one clip of each case; cases without a clip are reported."""
    if model.task == "multiclass":
        raise UserError("the four cases of section 3.4.1 are of regressions; name the clips with --id")
    if not scored:
        raise UserError(
            f"trial {model.about['trial']} of {run} has no scored split to choose from; name the clips with --id"
        )
    split, predictions = next(iter(scored.items()))
    examples = choose_examples(predictions.target.astype(np.float64), predictions.prediction[0].astype(np.float64))
    for case in sorted(NAMES.keys() - examples.keys()):
        say(f"case {case} ({NAMES[case]}): the {split} split has no such clip")
    return [str(predictions.id[i]) for i in examples.values()]


def _add_prediction(clip: Clip, model: SpeechModel, scored: Mapping[str, Predictions]) -> Clip:
    """The clip with the run's own prediction of it, where the trial was scored on it."""
    for predictions in scored.values():
        places = np.flatnonzero(predictions.id == clip.id)
        if not places.size:
            continue
        if model.task == "multiclass":
            return clip
        target, prediction = (float(values[places[0]]) for values in (predictions.target, predictions.prediction[0]))
        case = int(assign_cases(np.float64(target), np.float64(prediction)))
        return clip._replace(prediction=prediction, case=case)
    return clip._replace(notes=("the trial may have been trained on this clip",))


def _pad_samples(x: np.ndarray, steps: int) -> np.ndarray:
    return np.pad(x, (0, steps - len(x)))
