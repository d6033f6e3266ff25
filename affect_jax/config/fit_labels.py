"""What a model is trained for follows the label: task, number of classes, losses and the scores that stop it."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from affect_jax.config.changes import was_given
from affect_jax.config.losses import OF_TASK, OPTIONS
from affect_jax.config.models import read_fields
from affect_jax.config.stages import METRICS
from affect_jax.errors import UserError

_MONITORS = {"regression": "ccc", "sentiment_regression": "mae", "binary": "uar", "multiclass": "uar"}


class Target(NamedTuple):
    """What is learned.

    Attributes:
      name: of the label.
      classes: how many, 0 for a number.
      numbers: the task of a number.
    """

    name: str
    classes: int
    numbers: str = "regression"

    def __str__(self) -> str:
        return f"the label {self.name!r} " + (f"has {self.classes} classes" if self.classes else "is a number")


def fit_to_label(document: Mapping[str, Any], target: Target, given: Collection[str] = ()) -> dict[str, Any]:
    """A plain config for this label. What fits the label already stays as it is, and so does what a flag gave.

    Numbers are a regression and classes are classes, of which a model with a field `activation` (SeqSEW) takes two as
    one probability, like the thesis.

    Raises:
      UserError: a flag gave a loss that does not fit the label, or the model cannot have classes.
    """
    model = dict(document["model"])
    fields = read_fields(model)
    is_binary = "activation" in fields and target.classes == 2
    task = target.numbers if not target.classes else "binary" if is_binary else "multiclass"
    if "classes" in fields:
        model["classes"] = target.classes if task == "multiclass" else 0
    elif task == "multiclass":
        raise UserError(
            f"{target}, but model {model['name']!r} has no field 'classes' to be told so; give its Model one "
            "(CONTRIBUTING.md), or set config.corpus.target to a label of numbers"
        )
    if "activation" in fields:
        model["activation"] = "sigmoid" if task == "binary" else "linear"
    goal = _Goal(target, task, document["data"]["unit"], given)
    return {
        **document,
        "task": task,
        "data": {**document["data"], "target": target.name},
        "model": model,
        "studies": {name: _fit_study(name, study, goal) for name, study in document["studies"].items()},
        "stages": {name: _fit_stage(f"stages.{name}", stage, goal) for name, stage in document["stages"].items()},
    }


class _Goal(NamedTuple):
    """What losses and scores are chosen by: the label, the task and unit that follow, and what flags gave."""

    target: Target
    task: str
    unit: str
    given: Collection[str]


def _fit_study(name: str, study: Mapping[str, Any], goal: _Goal) -> dict[str, Any]:
    """The study; a model of its own, which shares nothing with config.model, learns as many classes, and losses of its
    own fit the label too."""
    fitted, model = dict(study), study.get("model", {})
    if "name" in model and "classes" in read_fields(model):
        fitted["model"] = {**model, "classes": goal.target.classes}
    if study.get("stages"):
        path = f"studies.{name}.stages"
        fitted["stages"] = {k: _fit_changes(f"{path}.{k}", changes, goal) for k, changes in study["stages"].items()}
    return fitted


def _fit_changes(path: str, changes: Mapping[str, Any] | None, goal: _Goal) -> Mapping[str, Any] | None:
    """What a study changes of a stage, or a stage of its own; a loss that it adds has a kind, one that it only changes
    has none."""
    if not changes:
        return changes
    losses = {
        name: _fit_loss(f"{path}.losses.{name}", loss, goal) if loss and "kind" in loss else loss
        for name, loss in (changes.get("losses") or {}).items()
    }
    return {**changes, **({"losses": losses} if losses else {}), **_fit_scores(path, changes, goal)}


def _fit_stage(path: str, stage: Mapping[str, Any], goal: _Goal) -> dict[str, Any]:
    losses = {name: _fit_loss(f"{path}.losses.{name}", loss, goal) for name, loss in stage["losses"].items()}
    return {**stage, "losses": losses, **_fit_scores(path, stage, goal)}


def _fit_scores(path: str, stage: Mapping[str, Any], goal: _Goal) -> dict[str, Any]:
    """The scores that stop a stage or slow it down, as far as it names some."""
    instead = {"monitor": _MONITORS[goal.task], "plateau": None}  # that of the monitor
    fitted = {}
    for key, metric in instead.items():
        if stage.get(key):
            fitted[key] = dict(stage[key])
            named = fitted[key].get("metric")
            if _is_foreign(named, goal.task, METRICS) and not was_given(f"{path}.{key}.metric", goal.given):
                fitted[key]["metric"] = metric
    return fitted


def _is_foreign(name: str | None, task: str, names_of: Mapping[str, Collection[str]]) -> bool:
    """Whether a loss or score is one of other tasks. One that is in no list is the user's own, or for the stage to
    refuse."""
    return name not in names_of[task] and any(name in names for names in names_of.values())


def _fit_loss(path: str, loss: Mapping[str, Any] | None, goal: _Goal) -> dict[str, Any] | None:
    """The loss by a kind that fits the task, between the outputs that such a model has."""
    if loss and loss.get("kind") == "kl" and goal.task != "multiclass" and not was_given(f"{path}.kind", goal.given):
        return _imitate_numbers(loss)
    if loss is None or loss.get("target") != "target":
        return loss if loss is None else dict(loss)
    kind, known = loss.get("kind"), OF_TASK[goal.task]
    if kind in known and not was_given(f"{path}.kind", goal.given):
        return dict(loss)
    if _is_foreign(kind, goal.task, OF_TASK):
        if was_given(f"{path}.kind", goal.given):
            raise UserError(
                f"config.{path}.kind is {kind!r}, but {goal.target}; choose {' or '.join(known)}, leave it out, or "
                "name a loss of your own as module:function (CONTRIBUTING.md)"
            )
        kind = known[-1] if goal.unit == "item" and goal.task.endswith("regression") else known[0]
        # A class' smoothing means nothing to a correlation.
        loss = {key: value for key, value in loss.items() if key not in OPTIONS.get(loss["kind"], {})}
    output, slash, owner = str(loss.get("prediction")).partition("/")
    if output in ("prediction", "logits") and not was_given(f"{path}.prediction", goal.given):
        output = "prediction" if goal.task.endswith("regression") else "logits"
    return {**loss, "kind": kind, "prediction": f"{output}{slash}{owner}"}


def _imitate_numbers(loss: Mapping[str, Any]) -> dict[str, Any]:
    """What a teacher says as the target of a student, where there are no classes: its number, by the squared error."""
    names = {key: loss[key].replace("logits", "prediction", 1) for key in ("prediction", "target")}
    kept = {key: value for key, value in loss.items() if key not in OPTIONS["kl"]}
    return {**kept, **names, "kind": "mse"}
