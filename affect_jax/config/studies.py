"""Config -> studies: the model, stages, variants and trials that `config.studies` asks for.

`config.studies.<name>` may hold
  override: nested values that replace those of the config in this study, e.g. dict(model=dict(stronger=()));
  drop: dotted paths to delete, e.g. ('stages.fit.losses.translation',);
  variants: name -> nested hyper-parameters, e.g. {'-CCA': {'stages': {'fit': {'losses': {'alignment': {'weight': 0}}}}}}.
Variants and the grid may only set what is traced (learning rates, loss weights, dropout): they are trials of one program.
"""

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import ml_collections

from affect_jax import models
from affect_jax.errors import UserError, suggest_nearest
from affect_jax.training import stage, trials


class Study(NamedTuple):
    """Trials that share shapes.

    Attributes:
      name: its name in config.studies.
      model: the module.
      model_config: what made it.
      stages: in order.
      traced: hyper-parameter path -> default.
      variants: name -> path -> fixed value.
      axes: path -> values of the search grid, of the paths that this study has.
    """

    name: str
    model: nn.Module
    model_config: dict[str, Any]
    stages: tuple[stage.Stage, ...]
    traced: dict[str, float]
    variants: dict[str, dict[str, float]]
    axes: dict[str, tuple[float, ...]]


def _delete(tree: dict[str, Any], path: str, study: str) -> None:
    *parents, last = path.split(".")
    for key in parents:
        tree = tree.get(key, {})
    if last not in tree:
        raise UserError(f"config.studies.{study}.drop names {path!r}, which the config does not have")
    del tree[last]


def _merge(tree: dict[str, Any], override: Mapping[str, Any]) -> None:
    for key, value in override.items():
        if isinstance(value, Mapping) and isinstance(tree.get(key), dict):
            _merge(tree[key], value)
        else:
            tree[key] = value


def make_model(config: Mapping[str, Any]) -> nn.Module:
    """The module that `config` (name and arguments) describes.

    Raises:
      UserError: no such model, or an argument that it does not take.
    """
    arguments = {k: v for k, v in config.items() if k != "name"}
    name = config["name"]
    there = sorted(module.name for module in pkgutil.iter_modules(models.__path__) if module.name != "overview")
    if name not in there:
        raise UserError(f"config.model.name is {name!r}{suggest_nearest(name, there)}; there are {there}")
    model = importlib.import_module(f"affect_jax.models.{name}").Model
    known = [f for f in model.__dataclass_fields__ if f not in ("parent", "name")]
    for argument in arguments:
        if argument not in known:
            raise UserError(f"model {name!r} takes no {argument!r}{suggest_nearest(argument, known)}; it takes {known}")
    return model(**arguments)


def _check_folders(names: Iterable[str], where: str) -> None:
    """Studies and stages become folders of the run, some of which are removed again: none may lie outside of it, and no
    two may be one."""
    taken: dict[str, str] = {}
    for name in names:
        folder = name.replace("/", "_")
        if folder in ("", ".", "..") or not folder.isprintable() or len(folder.encode()) > 200:
            raise UserError(f"{where} has the name {name[:60]!r}, which cannot be a folder's; use letters and digits")
        if folder in taken:
            raise UserError(f"{where} has {taken[folder]!r} and {name!r}, whose folders are one; rename one of them")
        taken[folder] = name


def parse_studies(config: ml_collections.ConfigDict) -> list[Study]:
    """The studies that `config.study.only` names (all where it is empty), in the order of their names.

    Raises:
      UserError: anything in it that does not fit.
    """
    studies = []
    for name in config.study.only:
        if name not in config.studies:
            raise UserError(
                f"config.study.only names {name!r}{suggest_nearest(name, config.studies)}; there are {sorted(config.studies)}"
            )
    _check_folders(config.studies, "config.studies")
    for name in sorted(config.studies):
        spec = config.studies[name].to_dict()
        own = {key: config[key].to_dict() for key in ("model", "stages")}
        own["schedule"] = config.schedule
        _merge(own, spec.get("override", {}))
        for path in spec.get("drop", ()):
            _delete(own, path, name)
        unknown = [s for s in own["schedule"] if s not in own["stages"]]
        if unknown:
            raise UserError(
                f"config.schedule names stage {unknown[0]!r}{suggest_nearest(unknown[0], own['stages'])}; "
                f"config.stages has {sorted(own['stages'])}"
            )
        for s in own["stages"]:
            if "/" in s:
                raise UserError(f"config.stages has the name {s!r}, which cannot be a folder's; leave out the '/'")
        _check_folders(own["stages"], "config.stages")
        stages = tuple(stage.parse_stage(s, own["stages"][s], config.task) for s in own["schedule"])
        traced: dict[str, float] = {}
        for s in own["schedule"]:
            traced |= stage.default_hyper(s, own["stages"][s])
        axes = trials.flatten_paths(config.search.grid.to_dict())
        studies.append(
            Study(
                name=name,
                model=make_model(own["model"]),
                model_config=own["model"],
                stages=stages,
                traced=traced,
                variants={variant: trials.flatten_paths(fixed) for variant, fixed in spec["variants"].items()},
                axes={path: tuple(values) for path, values in axes.items() if path in traced},
            )
        )
    everywhere = set().union(*(study.traced for study in studies))
    trials.check_paths(
        sorted(trials.flatten_paths(config.search.grid.to_dict())),
        dict.fromkeys(sorted(everywhere), 0.0),
        "the search grid",
    )
    for study in studies:
        for variant, fixed in study.variants.items():
            trials.check_paths(sorted(fixed), study.traced, f"variant {variant!r} of study {study.name!r}")
    return [study for study in studies if not config.study.only or study.name in config.study.only]


def list_seeds(value: int | tuple[int, ...]) -> tuple[int, ...]:
    """10 -> 0..9; a tuple stays."""
    return tuple(range(value)) if isinstance(value, int) else tuple(value)
