"""What is to be explained: clips of a run's corpus, or sound files."""

from collections.abc import Callable, Sequence
from pathlib import Path

import ml_collections
import numpy as np

from affect_jax.errors import UserError, suggest_nearest
from affect_jax.evaluation.cases import NAMES, cases, examples
from affect_jax.features import audio
from affect_jax.inference import speech_models, timelines
from affect_jax.reports import listening
from affect_jax.reports.explanations import Clip
from affect_jax.runtime import run_folder


def of_files(files: Sequence[str | Path], rate: int, steps: int) -> list[Clip]:
    """The clips of sound files; of a longer one the first `steps` samples at `rate`.

    Raises:
      UserError: a file that cannot be used, or two of one name.
    """
    clips: dict[str, Clip] = {}
    for file in files:
        name, (samples, _) = Path(file).stem, timelines.read(file, rate)
        if name in clips:
            raise UserError(f"two of the files are named {name!r}; explain them one by one, each with its own --out")
        cut = f"only the first {steps / rate:.1f} of its {len(samples) / rate:.1f} s are explained"
        x = audio.normalize_rms(samples[:steps], str(file))
        clips[name] = Clip(name, _padded(x, steps), len(x), notes=(cut,) if len(samples) > steps else ())
    return list(clips.values())


def of_run(run: Path, hearer: speech_models.Hearer, ids: Sequence[str], say: Callable[[str], None]) -> list[Clip]:
    """The named clips of a run's corpus, or without names one of each case of section 3.4.1.

    Args:
      run: its folder.
      hearer: a trial of it.
      ids: of recordings.
      say: is told what a person should know.

    Raises:
      UserError: an unknown clip; no names and a run of classes, which has no such cases.
    """
    results = run_folder.read_json(run / "results.json")
    config = ml_collections.ConfigDict(run_folder.read_json(run / "config.json")["config"])
    number, steps, regression = hearer.about["trial"], hearer.deployed.steps, hearer.task != "multiclass"
    splits = [split for split in ("test", "validation") if results["trials"][number].get(split) is not None]
    said = [listening.read(run, results, number, split) for split in splits]
    if not ids:
        if not regression:
            raise UserError("the four cases of section 3.4.1 are of regressions; name the clips with --id")
        if not said:
            raise UserError(f"trial {number} of {run} has no scored part to choose from; name the clips with --id")
        ids = _one_of_each_case(said[0], splits[0], say)
    recordings = splits.load_recordings(config)
    if recordings.fingerprint != results["corpus"]["fingerprint"]:
        say("note: the corpus is not the one that the run was trained on (its fingerprint differs)")
    there = {r.id: r for members in recordings.splits.values() for r in members}
    planted, clips = splits.find_planted_tenths(config), []
    for name in dict.fromkeys(ids):
        if name not in there:
            raise UserError(
                f"--id: the corpus has no clip {name!r}{suggest_nearest(name, there)}; it has {len(there)} others"
            )
        recording = there[name]
        x = audio.normalize_rms(recording.features[hearer.deployed.modality], name)[:steps]
        clip = Clip(name, _padded(x, steps), len(x), planted=planted.get(name))
        if hearer.target in recording.targets:
            clip = clip._replace(target=float(recording.targets[hearer.target][0]))
        where = [(part, part.ids.index(name)) for part in said if name in part.ids]
        if not where:
            clip = clip._replace(notes=("the trial may have been trained on this clip",))
        elif regression:
            part, i = where[0]
            case = int(cases(part.targets[i], part.predictions[i]))
            clip = clip._replace(prediction=float(part.predictions[i]), case=case)
        clips.append(clip)
    return clips


def _one_of_each_case(said: listening.Clips, split: str, say: Callable[[str], None]) -> list[str]:
    of_case = examples(said.targets, said.predictions)
    for missing in sorted(NAMES.keys() - of_case.keys()):
        say(f"case {missing} ({NAMES[missing]}): the {split} part has no such clip")
    return [said.ids[i] for i in of_case.values()]


def _padded(x: np.ndarray, steps: int) -> np.ndarray:
    return np.pad(x, (0, steps - len(x)))
