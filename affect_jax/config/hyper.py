"""Hyper-parameters that are traced: trials of one compiled program may differ in them and in nothing else.

A trial holds one `Hyper` for each of its stages. Configs, search grids and results.json address the same numbers by
dotted paths, such as `stages.fit.losses.alignment_audio.weight`; `flatten_hyper` and `replace_hyper` translate.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from affect_jax.errors import UserError, join_words, suggest_nearest

Scalar = Any
"""A float on the host; in a study on the devices a float32 array, [R] for R trials or [] inside one trial's program."""

OPTIMIZERS = {
    "sgd": ("learning_rate", "inverse_time_decay", "momentum", "weight_decay"),
    "adam": ("learning_rate", "inverse_time_decay", "weight_decay"),
    "adamw": ("learning_rate", "inverse_time_decay", "weight_decay"),
}
"""Optimizer -> the fields of `Hyper` that it reads. Adam's decay rates and epsilon are constants of the program."""
EXTRAS = {"clip": "optimizer.clip", "average_decay": "average_decay"}
"""Fields of `Hyper` that a stage of any optimizer may have -> their paths in it; None where they are left open."""


class Rates(NamedTuple):
    """The traced numbers of an optimizer, by the names and with the meanings of `Hyper`."""

    learning_rate: Scalar
    inverse_time_decay: Scalar
    momentum: Scalar | None
    weight_decay: Scalar
    clip: Scalar | None = None


class Hyper(NamedTuple):
    """The traced hyper-parameters of one stage. A pytree.

    Attributes:
      dropout: rate at which the model drops units, in [0, 1).
      learning_rate: step size before any schedule.
      inverse_time_decay: the rate is divided by 1 + inverse_time_decay * updates.
      momentum: of SGD; None where the stage's optimizer has none.
      weight_decay: of SGD and Adam the coefficient of the L2 penalty, added to the gradient (coupled, as in PyTorch);
        of AdamW what the parameters shrink by, times the learning rate.
      loss_weights: name of the loss -> its weight in the sum.
      choices: what the stage sets of the model's `choices`, name -> a whole number; {} where it sets none.
      clip: the largest norm that the gradients of all parameters together keep; None for any.
      average_decay: share of the running average of the weights that an update leaves; None without one.
      augment: random change of a training batch -> its strength; {} for none.
      turns: turn with an optimizer of its own -> its numbers; {} where there is none.
      rates: submodule -> factor of its learning rate; 1 of those that are not named.
    """

    dropout: Scalar
    learning_rate: Scalar
    inverse_time_decay: Scalar
    momentum: Scalar | None
    weight_decay: Scalar
    loss_weights: dict[str, Scalar]
    choices: dict[str, Scalar] = {}
    clip: Scalar | None = None
    average_decay: Scalar | None = None
    augment: dict[str, Scalar] = {}
    turns: dict[str, Rates] = {}
    rates: dict[str, Scalar] = {}


def flatten_paths(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Turns nested mappings into {dotted path: leaf}."""
    flat = {}
    for key, value in tree.items():
        path = f"{prefix}.{key}" if prefix else key
        flat.update(flatten_paths(value, path) if isinstance(value, Mapping) else {path: value})
    return flat


def _list_fields(hyper: Mapping[str, Hyper]) -> Iterator[tuple[str, str, str, str]]:
    """Yields (path, stage, field of `Hyper`, name in it or '') of every traced number, in results.json's order.

    Of a turn's own optimizer, the name is that of the turn and the field of `Rates`, with a point between.
    """
    for stage, numbers in hyper.items():
        yield f"stages.{stage}.dropout", stage, "dropout", ""
        for field, path in {**{field: f"optimizer.{field}" for field in OPTIMIZERS["sgd"]}, **EXTRAS}.items():
            if getattr(numbers, field) is not None:
                yield f"stages.{stage}.{path}", stage, field, ""
        for loss in numbers.loss_weights:
            yield f"stages.{stage}.losses.{loss}.weight", stage, "loss_weights", loss
        for choice in numbers.choices:
            yield f"stages.{stage}.choices.{choice}", stage, "choices", choice
        for change in numbers.augment:
            yield f"stages.{stage}.augment.{change}", stage, "augment", change
        for turn, rates in numbers.turns.items():
            for field, value in rates._asdict().items():
                if value is not None:
                    yield f"stages.{stage}.turns.{turn}.optimizer.{field}", stage, "turns", f"{turn}.{field}"
        for submodule in numbers.rates:
            yield f"stages.{stage}.optimizer.rates.{submodule}", stage, "rates", submodule


def flatten_hyper(hyper: Mapping[str, Hyper]) -> dict[str, Scalar]:
    """Turns {stage: its numbers} into {config path: number}, as results.json, variants and search grids write it."""
    flat = {}
    for path, stage, field, name in _list_fields(hyper):
        value = getattr(hyper[stage], field)
        if field == "turns":
            turn, _, rate = name.rpartition(".")
            flat[path] = getattr(value[turn], rate)
        else:
            flat[path] = value[name] if name else value
    return flat


def replace_hyper(
    hyper: Mapping[str, Hyper], values: Mapping[str, Scalar], where: str = "a variant"
) -> dict[str, Hyper]:
    """Returns a copy of `hyper` with the numbers at these config paths replaced.

    Args:
      hyper: stage -> its numbers; stays as it is.
      values: config path -> number.
      where: who sets them, for the message.

    Raises:
      UserError: a path that is not traced.
    """
    places = {path: place for path, *place in _list_fields(hyper)}
    check_paths(values, places, where)
    changed = dict(hyper)
    for path, value in values.items():
        stage, field, name = places[path]
        if field == "turns":
            turn, _, rate = name.rpartition(".")
            name, value = turn, changed[stage].turns[turn]._replace(**{rate: value})
        if name:
            value = {**getattr(changed[stage], field), name: value}
        changed[stage] = changed[stage]._replace(**{field: value})
    return changed


def check_paths(paths: Collection[str], traced: Collection[str], where: str) -> None:
    """Raises UserError for a path that trials cannot differ in; `where` says who sets it."""
    for path in sorted(paths):
        if path not in traced:
            raise UserError(
                f"{where} sets {path!r}{suggest_nearest(path, traced)}, which trials of one study cannot differ in; "
                f"they can in {join_words(sorted(traced))}"
            )
