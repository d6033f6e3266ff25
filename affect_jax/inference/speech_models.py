"""Models that hear speech: a trial of a run, or what launch.convert or launch.export wrote."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from affect_jax import convert
from affect_jax.errors import UserError
from affect_jax.inference import deployment, export_folder
from affect_jax.runtime import run_folder
from affect_jax.training import step


class Hearer(NamedTuple):
    """A model that hears speech, and what its answers are.

    Attributes:
      deployed: the model.
      rate: Hz, of the speech that it hears.
      task: of metrics.TASKS.
      labels: names of its classes, or ().
      target: what it predicts.
      about: where it comes from, for the record: of a run `run`, `trial`, `variant` and `trained_on`, of a converted model
        `converted`, `model` and `source`, of an export `export`, `variant` and `trained_on`.
      title: the same in words.
    """

    deployed: deployment.Deployed | export_folder.Exported
    rate: int
    task: str
    labels: tuple[str, ...]
    target: str
    about: dict[str, Any]
    title: str


def converted(folder: Path) -> bool:
    """Whether launch.convert wrote a folder: a model alone, with no trials, no variants and no corpus."""
    return (folder / "model.json").exists()


def of(folder: Path, variant: str = "", trial: int = -1) -> Hearer:
    """`of_folder` or `of_run`, whichever the folder is.

    Raises:
      UserError: as these; or a variant or trial of a converted model.
    """
    if not converted(folder):
        return of_run(folder, variant, trial)
    if variant or trial >= 0:
        raise UserError(
            f"{folder} holds one converted model, without variants and trials; leave --variant and --trial out"
        )
    return of_folder(folder)


def of_run(run: Path, variant: str = "", trial: int = -1) -> Hearer:
    """A trial of a finished run of raw speech: `trial`, or the best on validation of `variant`.

    Raises:
      UserError: an unfinished run, one without weights, or one that does not hear speech.
    """
    if (run / "config.json").exists() and not (run / "results.json").exists():
        raise UserError(f"{run} is not finished; go on with launch.main and the same --workdir")
    results, config = run_folder.read_json(run / "results.json"), run_folder.read_json(run / "config.json")["config"]
    number = deployment.choose_trial(results, variant, trial)
    if not (run / "weights").is_dir():
        raise UserError(f"{run} has no weights to hear with (a run of baselines keeps none); name the run of a network")
    deployed = deployment.load_deployed(run, number)
    rate = deployment.find_speech_rate(config["corpus"], deployed.modality)
    if not rate or not deployed.steps:
        raise UserError(
            f"trial {number} of {run} hears {deployed.modality!r}, not raw speech; name a run of raw speech to hear files"
        )
    corpus, variant = results["corpus"], results["trials"][number]["variant"]
    about = {"run": str(run), "trial": number, "variant": variant}
    about["trained_on"] = {key: corpus.get(key) for key in ("name", "variant", "synthetic")}
    title = f"trial {number}, variant {variant!r}{' (from a synthetic corpus)' if corpus['synthetic'] else ''}"
    labels = tuple(corpus.get("labels") or ())
    return Hearer(deployed, rate, results["task"], labels, config["data"]["target"], about, title)


def of_folder(folder: Path) -> Hearer:
    """The model that launch.convert wrote to `folder`.

    Raises:
      UserError: it is damaged or hears no speech.
    """
    described = convert.describe_model(folder)
    speech = described["input"].get("speech")
    if speech is None or len(described["input"]) > 1:
        raise UserError(f"{folder} holds a model of {sorted(described['input'])}, not of raw speech; name one that is")
    model, variables = convert.read_model(folder)
    deployed = deployment.Deployed(
        model=model,
        params=step.join_variables(variables),
        inputs={"speech": deployment.Input(np.zeros(1, np.float32), np.ones(1, np.float32), speech["steps"])},
        item=True,
        trial={},
        trained={},
    )
    about = {"converted": str(folder), "model": described["model"]["name"], "source": described["source"]}
    task, labels = "multiclass" if model.classes else "signed_regression", tuple(map(str, range(model.classes)))
    title = f"model converted from {described['source']}"
    return Hearer(deployed, speech["rate"], task, labels, "prediction", about, title)


def of_export(folder: Path, found: export_folder.Exported) -> Hearer:
    """The model that launch.export wrote to `folder`, as `exported.read` gives it.

    Raises:
      UserError: it hears no speech.
    """
    trained, variant = found.description["trained"], found.description["trial"]["variant"]
    if not trained["rate"] or not found.steps:
        raise UserError(f"{folder} holds a model of {found.modality!r}, not of raw speech; name files of its features")
    about = {"export": str(folder), "variant": variant, "trained_on": trained["corpus"]}
    title = f"export of variant {variant!r}{' (from a synthetic corpus)' if trained['corpus']['synthetic'] else ''}"
    return Hearer(found, trained["rate"], trained["task"], tuple(trained["labels"]), trained["target"], about, title)
