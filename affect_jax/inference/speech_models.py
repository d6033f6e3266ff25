"""Models of raw speech: a trial of a run, or what launch.convert or launch.export wrote."""

import shlex
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from affect_jax.config.load import read_experiment
from affect_jax.errors import UserError, join_words
from affect_jax.experiment import chosen_trial
from affect_jax.experiment.calibrations import Calibration
from affect_jax.experiment.results_file import AffineRecord
from affect_jax.inference import deployment, export_folder
from affect_jax.inference.predictor import read_map


class SpeechModel(NamedTuple):
    """A model of raw speech, and what its predictions mean.

    Attributes:
      deployed: the model.
      rate: of the speech that it reads, Hz.
      task: one of metrics.TASKS.
      labels: names of its classes, or ().
      target: what it predicts.
      about: its origin, for the record. Of a run: `run`, `trial`, `variant` and `trained_on`; of a converted model:
        `converted`, `model` and `source`; of an export: `export`, `variant` and `trained_on`.
      title: the same in words.
      calibration: how far to trust what it says; None where that is not known.
      affine: by which numbers are mapped to the labels; None where they are not, and of an ensemble's own maps.
    """

    deployed: deployment.Deployed | export_folder.Exported
    rate: int
    task: str
    labels: tuple[str, ...]
    target: str
    about: dict[str, Any]
    title: str
    calibration: Calibration | None = None
    affine: AffineRecord | None = None


def is_converted(folder: Path) -> bool:
    """Whether launch.convert wrote a folder: it holds a model alone, without trials, variants or a corpus."""
    return (folder / "model.json").exists()


def load_speech_model(folder: Path, variant: str | None = None, trial: int | None = None) -> SpeechModel:
    """Loads a model from a run folder or from a folder of launch.convert.

    Args:
      folder: either of them.
      variant: of a run; its trial with the best validation score is loaded. None for the best variant.
      trial: of a run, its number; None to choose by `variant`.

    Raises:
      UserError: as `load_run_model` and `load_converted_model`; or a converted model was asked for a variant or trial.
    """
    if not is_converted(folder):
        return load_run_model(folder, variant, trial)
    if variant is not None or trial is not None:
        raise UserError(
            f"{folder} holds one converted model, without variants and trials; leave --variant and --trial out"
        )
    return load_converted_model(folder)


def load_run_model(run: Path, variant: str | None = None, trial: int | None = None) -> SpeechModel:
    """Loads a trial of a finished run of raw speech; see `chosen_trial.choose_trial` for which.

    Raises:
      UserError: the run is unfinished, has no weights, or does not read raw speech.
    """
    return wrap_deployed(run, deployment.load_deployed(run, chosen_trial.choose_trial(run, variant, trial).number))


def wrap_deployed(run: Path, deployed: deployment.Deployed) -> SpeechModel:
    """A trial of the run in `run` as a model of raw speech.

    Raises:
      UserError: it does not read raw speech.
    """
    trained, variant = deployed.trained, deployed.trial.variant
    if not trained["rate"] or not deployed.steps:
        reads = f"trial {deployed.number} of {run} reads {deployed.modality!r}, not raw speech"
        raise UserError(f"{reads}; {_suggest_run(run, deployed)}")
    is_synthetic = trained["corpus"]["synthetic"]
    which = {"trials": list(deployed.members)} if deployed.members else {"trial": deployed.number}
    return SpeechModel(
        deployed=deployed,
        rate=trained["rate"],
        task=trained["task"],
        labels=tuple(trained["labels"]),
        target=trained["target"],
        about={"run": str(run), **which, "variant": variant, "trained_on": trained["corpus"]},
        title=f"{deployment.name_trials(deployed)}, variant {variant!r}"
        + (" (from a synthetic corpus)" if is_synthetic else ""),
        calibration=deployed.calibration,
        affine=None if deployed.members or deployed.trial is None else deployed.trial.affine,
    )


def _suggest_run(run: Path, deployed: deployment.Deployed) -> str:
    """What to name instead of a run of something else: of one's own recordings, the command that trains it."""
    heard = deployed.form.heard if deployed.form else ()
    settings = read_experiment(run).corpus.settings if heard else {}
    if settings.get("name") != "manifest":
        return "name a run of raw speech"
    config = "conflictnet" if deployed.trained["task"].endswith("regression") else "speech_emotion"
    return (
        f"train a model of the recordings themselves: python -m launch.main --config=configs/{config}.py "
        f"--config.corpus.manifest={shlex.quote(str(settings['manifest']))} "
        f"--config.corpus.modalities={heard[0]} --config.corpus.target={deployed.trained['target']}"
    )


def load_converted_model(folder: Path) -> SpeechModel:
    """Loads the model that launch.convert wrote to `folder`.

    Raises:
      UserError: the folder is damaged, or its model does not read raw speech.
    """
    # Here, because its package loads every model that can be converted, and most callers have a run or an export.
    from affect_jax.convert import folder as converted_folder
    from affect_jax.training import step

    described = converted_folder.describe_model(folder)
    speech = described["input"].get("speech")
    if speech is None or len(described["input"]) > 1:
        raise UserError(
            f"{folder} holds a model of {join_words(sorted(described['input']))}, not of raw speech; name one that is"
        )
    model, variables = converted_folder.read_model(folder)
    deployed = deployment.Deployed(
        model=model,
        params=step.join_variables(variables),
        inputs={"speech": deployment.Input(np.zeros(1, np.float32), np.ones(1, np.float32), speech["steps"])},
        item=True,
        trial=None,
        trained={},
    )
    return SpeechModel(
        deployed=deployed,
        rate=speech["rate"],
        task="multiclass" if model.classes else "signed_regression",
        labels=tuple(map(str, range(model.classes))),
        target="prediction",
        about={"converted": str(folder), "model": described["model"]["name"], "source": described["source"]},
        title=f"model converted from {described['source']}",
    )


def wrap_export(folder: Path, exported: export_folder.Exported) -> SpeechModel:
    """The export in `folder`, as `export_folder.read_export` gives it, as a model of raw speech.

    Raises:
      UserError: it does not read raw speech.
    """
    trained, variant = exported.description["trained"], exported.description["trial"]["variant"]
    sizes = next(iter(exported.shapes.values()))
    is_speech = len(exported.shapes) == 1 and exported.unit == "item" and sizes[-1] == 1
    if not trained["rate"] or not exported.steps or not is_speech:
        raise UserError(f"{folder} holds a model of {exported.modality!r}, not of raw speech; name files of features")
    return SpeechModel(
        deployed=exported,
        rate=trained["rate"],
        task=trained["task"],
        labels=tuple(trained["labels"]),
        target=trained["target"],
        about={"export": str(folder), "variant": variant, "trained_on": trained["corpus"]},
        title=f"export of variant {variant!r}{' (from a synthetic corpus)' if trained['corpus']['synthetic'] else ''}",
        calibration=Calibration(**fitted) if (fitted := exported.description.get("calibration")) else None,
        affine=read_map(exported.description),
    )
