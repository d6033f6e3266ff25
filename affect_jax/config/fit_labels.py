"""What a model is trained for follows the label: task, number of classes, losses and the scores that stop it."""

from typing import Any

from affect_jax.config.stages import METRICS
from affect_jax.datasets.manifest import Label

# Task -> losses between a prediction and the target that make sense for it.
FITTING = {
    "regression": ("mse", "mae", "pcc", "ccc"),
    "binary": ("binary_cross_entropy",),
    "multiclass": ("cross_entropy",),
}
MONITORED = {"regression": "ccc", "binary": "uar", "multiclass": "uar"}


def fit_to_label(plain: dict[str, Any], label: Label) -> None:
    """Makes a plain config one for this label, in place. What fits the label already stays as it is.

    Numbers are a regression and classes are classes, of which SeqSEW takes two as one probability, like the thesis.
    """
    plain["task"] = task = _task(plain["model"]["name"], label)
    plain["data"]["target"] = label.name
    plain["model"]["classes"] = len(label.classes) if task == "multiclass" else 0
    if "activation" in plain["model"]:
        plain["model"]["activation"] = "sigmoid" if task == "binary" else "linear"
    for stage in plain["stages"].values():
        for loss in stage["losses"].values():
            if loss.get("target") == "target" and loss["kind"] not in FITTING[task]:
                loss["kind"] = FITTING[task][-1] if plain["data"]["unit"] == "item" else FITTING[task][0]
                _, slash, whose = loss["prediction"].partition("/")
                loss["prediction"] = f"{'prediction' if task == 'regression' else 'logits'}{slash}{whose}"
        if stage["monitor"]["metric"] not in METRICS[task]:
            stage["monitor"]["metric"] = MONITORED[task]
        if stage["plateau"]["metric"] not in METRICS[task]:
            stage["plateau"]["metric"] = ""  # that of the monitor


def _task(model: str, label: Label) -> str:
    if label.kind == "number":
        return "regression"
    return "binary" if model == "seqsew" and len(label.classes) == 2 else "multiclass"
