"""`config.model` -> a module. A model is a file of `affect_jax/models` or of a folder in it, found by its name, which
no other has; its arguments are the fields of its `Model`."""

import dataclasses
import importlib
import math
import pkgutil
import typing
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Annotated, Any

import flax.linen as nn

from affect_jax import models
from affect_jax.config.decode import Range, decode
from affect_jax.config.hyper import flatten_hyper
from affect_jax.config.problems import Problems
from affect_jax.config.schema import Study
from affect_jax.errors import UserError, join_words, suggest_nearest

_MAY_BE_ZERO = (
    "classes",
    "map_steps",
    "average_pool",
    "regressor_layers",
    "transformer_layers",
    "decoder_layers",
    "encoder_units",
    "channels",
    "words",
    "unused_head",
    "head_units",
)
"""Whole numbers where 0 says something: a number instead of classes, all steps, no pooling, no such layer or norm."""
_SHARES = ("dropout", "momentum", "share")
_ANY_NUMBER = ("interval",)


def list_models() -> dict[str, str]:
    """Name -> module of every file of models/ and of the folders in it."""
    modules = pkgutil.walk_packages(models.__path__, f"{models.__name__}.")
    return {module.name.rpartition(".")[2]: module.name for module in modules if not module.ispkg}


def read_fields(config: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that the model of `config.model` has, with their defaults; a field without one is None."""
    fields = dataclasses.fields(_import_model(config["name"]).Model)
    defaults = {field.name: None if field.default is dataclasses.MISSING else field.default for field in fields}
    return {name: default for name, default in defaults.items() if name not in ("parent", "name")}


def hears_waveforms(config: Mapping[str, Any]) -> bool:
    """Whether the model of `config.model` reads recordings as waveforms: its class has `hears_waveforms = True`."""
    return bool(getattr(_import_model(config["name"]).Model, "hears_waveforms", False))


def reads_words(config: Mapping[str, Any]) -> bool:
    """Whether the model of `config.model` reads words, as numbers of their pieces: `reads_words = True`."""
    return bool(getattr(_import_model(config["name"]).Model, "reads_words", False))


def has_trait(config: Mapping[str, Any], trait: str) -> bool:
    """Whether the model of `config.model` has a trait, an attribute that its fields decide: 'aligned', whose modalities
    share their steps; 'compares_steps', to which vectors say nothing; 'only_classes', which learns no numbers;
    'deploys_first', which others teach in training alone."""
    model, known = _import_model(config["name"]).Model, read_fields(config)
    return bool(getattr(model(**{name: value for name, value in config.items() if name in known}), trait, False))


def limit_modalities(config: Mapping[str, Any]) -> float:
    """How many modalities the model of `config.model` takes at most: its `most_modalities`, or any number."""
    return getattr(_import_model(config["name"]).Model, "most_modalities", math.inf)


def choose_fields(config: Mapping[str, Any], lengths: Mapping[str, int]) -> dict[str, Any]:
    """The fields of a model that follow from the modalities it reads: those that its file's `choose_fields` gives, or
    `modalities` alone.

    Args:
      config: `config.model`.
      lengths: modality -> steps of its longest sequence.
    """
    reader = config.get("member") or config  # of a model of several networks of one kind, that kind decides
    choose = getattr(_import_model(reader["name"]), "choose_fields", None)
    return {"modalities": tuple(lengths)} if choose is None else choose(lengths)


def make_model(config: Mapping[str, Any], path: str = "config.model") -> nn.Module:
    """The module that `config` (name and arguments), found at `path`, describes.

    A field that is itself a module is described likewise; it has the `modalities` and `classes` of the whole.

    Raises:
      UserError: no such model, or an argument that it does not take, or that has another type or range.
    """
    arguments = {key: value for key, value in config.items() if key != "name"}
    name, known = config["name"], list(read_fields(config))
    module = _import_model(name)
    for argument in arguments:
        if argument not in known:
            raise UserError(
                f"model {name!r} takes no {argument!r}{suggest_nearest(argument, known)}; it takes {join_words(known)}"
            )
    problems = Problems()
    hints = typing.get_type_hints(module.Model)
    for argument, value in arguments.items():
        if hints[argument] is nn.Module:
            shared = {key: config[key] for key in ("modalities", "classes") if key in config}
            arguments[argument] = _make_member(
                {**shared, **value} if isinstance(value, Mapping) else value, f"{path}.{argument}"
            )
            continue
        decoded = decode(_limit(hints[argument], argument), value, f"{path}.{argument}", problems)
        if dataclasses.is_dataclass(hints[argument]):
            arguments[argument] = decoded
    problems.raise_any()
    return module.Model(**arguments)


def _make_member(config: Any, path: str) -> nn.Module:
    """The module of a field that is itself a model.

    Raises:
      UserError: it is no table with the name of a model, or that model takes no such argument.
    """
    if not isinstance(config, Mapping) or "name" not in config:
        raise UserError(f"{path} is {config!r}; give a table with the name of a model and its arguments")
    return make_model(config, path)


def _import_model(name: str) -> ModuleType:
    """The file of a model.

    Raises:
      UserError: there is none of that name.
    """
    modules = list_models()
    module = importlib.import_module(modules[name]) if name in modules else None
    if not hasattr(module, "Model"):
        names = sorted(modules)
        raise UserError(
            f"config.model.name is {name!r}{suggest_nearest(str(name), names)}; choose one of {join_words(names)}"
        )
    return module


def _limit(hint: Any, name: str) -> Any:
    """The type of a model's field with the range that its name implies: sizes are positive, rates are shares."""
    if typing.get_origin(hint) is Sequence:
        return tuple[_limit(typing.get_args(hint)[0], name), ...]
    if typing.get_args(hint):
        return typing.Union[tuple(_limit(one, name) for one in typing.get_args(hint))]  # noqa: UP007, built at run time
    if hint is int:
        return Annotated[int, Range(least=0 if name in _MAY_BE_ZERO else 1, most=10**6)]
    if hint is float:
        if name in _ANY_NUMBER:
            return float
        is_share = any(word in name for word in _SHARES)
        return Annotated[float, Range(least=0, most=1) if is_share else Range(above=0)]
    return hint


def check_choices(model: nn.Module, study: Study, ranges: Mapping[str, Sequence[float]]) -> None:
    """Raises UserError where a stage, a variant or a search, by points or `ranges` (path -> ends), sets what is none of
    the model's choices."""
    known, traced = getattr(model, "choices", {}), flatten_hyper(study.hyper)
    ends = [{path: end} for path, values in ranges.items() if path in traced for end in values]
    values = [traced, *study.variants.values(), *study.points, *ends]
    for path, number in sorted({item for flat in values for item in flat.items() if ".choices." in item[0]}):
        name = path.rpartition(".")[2]
        if name not in known:
            raise UserError(
                f"config.{path} is no choice of model {study.model['name']!r}{suggest_nearest(name, known)}; "
                + (f"it has {', '.join(sorted(known))}" if known else "it has none")
            )
        if number not in range(known[name]):
            raise UserError(f"config.{path} is {number:g}; set a whole number from 0 to {known[name] - 1}")
