"""What a model is trained for follows the label: task, number of classes, losses and the scores that stop it."""

from collections.abc import Mapping
from typing import Any

from affect_jax.config.stages import METRICS

# Task -> losses between a prediction and the target that make sense for it.
_LOSSES = {
    "regression": ("mse", "mae", "pcc", "ccc"),
    "sentiment_regression": ("mse", "pcc", "ccc", "mae"),  # papers on sentiment learn by the absolute error
    "binary": ("binary_cross_entropy",),
    "multiclass": ("cross_entropy",),
}
_MONITORS = {"regression": "ccc", "sentiment_regression": "mae", "binary": "uar", "multiclass": "uar"}


def fit_to_label(document: Mapping[str, Any], name: str, classes: int, numbers: str = "regression") -> dict[str, Any]:
    """A plain config for this label. What fits the label already stays as it is.

    Numbers are a regression and classes are classes, of which SeqSEW takes two as one probability, like the thesis.

    Args:
      document: the config.
      name: of the label.
      classes: how many, 0 for a number.
      numbers: the task of a number.
    """
    model = dict(document["model"])
    task = numbers if not classes else "binary" if model["name"] == "seqsew" and classes == 2 else "multiclass"
    model["classes"] = classes if task == "multiclass" else 0
    if "activation" in model:
        model["activation"] = "sigmoid" if task == "binary" else "linear"
    unit = document["data"]["unit"]
    return {
        **document,
        "task": task,
        "data": {**document["data"], "target": name},
        "model": model,
        "studies": {name: _fit_study(study, model["classes"]) for name, study in document["studies"].items()},
        "stages": {stage: _fit_stage(settings, task, unit) for stage, settings in document["stages"].items()},
    }


def _fit_study(study: Mapping[str, Any], classes: int) -> dict[str, Any]:
    """The study; a model of its own, which shares nothing with config.model, learns as many classes."""
    model = study.get("model", {})
    return {**study, "model": {**model, "classes": classes}} if "name" in model else dict(study)


def _fit_stage(stage: Mapping[str, Any], task: str, unit: str) -> dict[str, Any]:
    losses = {name: _fit_loss(loss, task, unit) for name, loss in stage["losses"].items()}
    monitor, plateau = dict(stage["monitor"]), dict(stage["plateau"])
    if monitor["metric"] not in METRICS[task]:
        monitor["metric"] = _MONITORS[task]
    if plateau["metric"] not in METRICS[task]:
        plateau["metric"] = None  # that of the monitor
    return {**stage, "losses": losses, "monitor": monitor, "plateau": plateau}


def _fit_loss(loss: Mapping[str, Any], task: str, unit: str) -> dict[str, Any]:
    if loss.get("target") != "target" or loss["kind"] in _LOSSES[task]:
        return dict(loss)
    kind = _LOSSES[task][-1] if unit == "item" else _LOSSES[task][0]
    _, slash, owner = loss["prediction"].partition("/")
    output = "prediction" if task.endswith("regression") else "logits"
    return {**loss, "kind": kind, "prediction": f"{output}{slash}{owner}"}
