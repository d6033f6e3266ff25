"""A stage: what is trained, with which losses, how fast, and when it stops. Read from `config.stages.<name>`."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import optax

from affect_jax.errors import UserError, suggest_nearest
from affect_jax.training import objective
from affect_jax.training.precision import PRECISIONS
from affect_jax.types import Array

# Optimizers, and the hyper-parameters of each that are traced (beside the learning rate's own schedule).
OPTIMIZERS = {
    "sgd": ("learning_rate", "inverse_time_decay", "momentum", "weight_decay"),
    "adam": ("learning_rate", "inverse_time_decay", "weight_decay"),
}
METRICS = {
    "regression": ("ccc", "pcc", "rmse"),
    "signed_regression": ("ccc", "pcc", "rmse", "accuracy", "uar"),
    "binary": ("accuracy", "uar", "weighted_f1", "macro_f1", "log_loss"),
    "multiclass": ("accuracy", "uar", "weighted_f1", "macro_f1", "log_loss"),
}
LOWER_IS_BETTER = ("rmse", "log_loss")


class Stage(NamedTuple):
    """Static part of a stage; its numbers that trials may sweep are hyper-parameters, see `defaults`.

    Attributes:
      name: key in config.stages.
      train: top-level parameter names that move, or `*` for all; others stand still and run deterministically.
      terms: the losses.
      optimizer: a key of OPTIMIZERS.
      batch: examples a step, at most; an epoch is cut into equal batches.
      epochs: at most this many.
      patience: stop after this many epochs without a better score; 0 never stops early.
      plateau_factor: the learning rate is multiplied by this ...
      plateau_patience: ... after this many epochs without a better score; 0 never.
      plateau_metric: ... of this key of METRICS[task].
      metric: the validation score, a key of METRICS[task].
      prediction: the output that is scored.
      keep: `best` or `last` weights go on.
      moddrop: combinations of modalities in which every training example appears; () for whole examples.
      precision: of the model while training, one of PRECISIONS; predictions are float32 always.
    """

    name: str
    train: tuple[str, ...]
    terms: tuple[objective.Term, ...]
    optimizer: str
    batch: int
    epochs: int
    patience: int
    plateau_factor: float
    plateau_patience: int
    plateau_metric: str
    metric: str
    prediction: str
    keep: str
    moddrop: tuple[tuple[str, ...], ...]
    precision: str

    @property
    def sign(self) -> float:
        """+1 where a larger score is better, -1 where a smaller one is."""
        return metric_sign(self.metric)


def metric_sign(metric: str) -> float:
    """+1 where a larger value of the metric is better, -1 where a smaller one is."""
    return -1.0 if metric in LOWER_IS_BETTER else 1.0


def parse_stage(name: str, config: Mapping[str, Any], task: str) -> Stage:
    """Reads `config.stages.<name>`.

    Raises:
      UserError: an unknown optimizer, metric, loss or precision, or a number out of range.
    """
    optimizer = config["optimizer"]["name"]
    if optimizer not in OPTIMIZERS:
        raise UserError(
            f"stage {name!r} has optimizer {optimizer!r}{suggest_nearest(optimizer, OPTIMIZERS)}; "
            f"choose one of {sorted(OPTIMIZERS)}"
        )
    metric = config["monitor"]["metric"]
    plateau_metric = config["plateau"].get("metric") or metric
    for value in (metric, plateau_metric):
        if value not in METRICS[task]:
            raise UserError(
                f"stage {name!r} monitors {value!r}{suggest_nearest(value, METRICS[task])}; "
                f"a {task} task has {list(METRICS[task])}"
            )
    if config["keep"] not in ("best", "last"):
        raise UserError(f"stage {name!r} keeps {config['keep']!r}; choose best or last")
    for key in ("batch", "epochs"):
        if config[key] < 1:
            raise UserError(f"stage {name!r} has {key}={config[key]}; it must be at least 1")
    precision = config.get("precision", PRECISIONS[0])
    if precision not in PRECISIONS:
        raise UserError(
            f"stage {name!r} has precision {precision!r}{suggest_nearest(str(precision), PRECISIONS)}; "
            f"choose one of {list(PRECISIONS)}"
        )
    if not config["train"]:
        raise UserError(f"stage {name!r} trains nothing; name top-level parts in config.stages.{name}.train")
    return Stage(
        name=name,
        train=tuple(config["train"]),
        terms=objective.parse_losses(config["losses"]),
        optimizer=optimizer,
        batch=int(config["batch"]),
        epochs=int(config["epochs"]),
        patience=int(config["patience"]),
        plateau_factor=float(config["plateau"]["factor"]),
        plateau_patience=int(config["plateau"]["patience"]),
        plateau_metric=plateau_metric,
        metric=metric,
        prediction=config["monitor"]["prediction"],
        keep=config["keep"],
        moddrop=tuple(tuple(names.split("+")) for names in config.get("moddrop", ())),
        precision=precision,
    )


def default_hyper(name: str, config: Mapping[str, Any]) -> dict[str, float]:
    """The stage's traced hyper-parameters by config path, e.g. `stages.fit.losses.alignment.weight` -> 1.0."""
    prefix = f"stages.{name}"
    found = {f"{prefix}.dropout": float(config["dropout"])}
    for key in OPTIMIZERS[config["optimizer"]["name"]]:
        found[f"{prefix}.optimizer.{key}"] = float(config["optimizer"][key])
    for loss, spec in config["losses"].items():
        found[f"{prefix}.losses.{loss}.weight"] = float(spec["weight"])
    return found


def make_transform(stage: Stage, hyper: Mapping[str, Array]) -> optax.GradientTransformation:
    """Gradients -> directions; the caller multiplies by minus the learning rate (PyTorch's coupled weight decay)."""
    prefix = f"stages.{stage.name}.optimizer"
    decay = optax.add_decayed_weights(hyper[f"{prefix}.weight_decay"])
    if stage.optimizer == "sgd":
        return optax.chain(decay, optax.trace(hyper[f"{prefix}.momentum"]))
    return optax.chain(decay, optax.scale_by_adam())


def compute_learning_rate(stage: Stage, hyper: Mapping[str, Array], scale: Array, updates: Array) -> Array:
    """lr * plateau scale / (1 + decay * updates): Keras' inverse time decay counts updates, not epochs."""
    prefix = f"stages.{stage.name}.optimizer"
    return hyper[f"{prefix}.learning_rate"] * scale / (1.0 + hyper[f"{prefix}.inverse_time_decay"] * updates)
