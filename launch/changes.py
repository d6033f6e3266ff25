"""Configs by their argument, and key=value changes to them: what `launch.report --train --set=...` trains."""

import ast
import importlib.util
from collections.abc import Sequence
from pathlib import Path

import ml_collections

from affect_jax.errors import UserError, suggest_nearest
from affect_jax.reports import sources

_ROOT = Path(__file__).resolve().parents[1]


def load_config(config_arg: str) -> ml_collections.ConfigDict:
    """`configs/sew.py:arousal,geo+audio` -> get_config('arousal,geo+audio') of that file; for classical baselines the
    config of the network whose corpus and folds they share.

    Raises:
      UserError: there is no such file.
    """
    name, _, argument = sources.network(config_arg).partition(":")
    path = _ROOT / name
    if not path.is_file():
        raise UserError(f"{path} is missing, and the tables need it; check out the whole repository")
    spec = importlib.util.spec_from_file_location(f"_config_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config(argument)


def _value(text: str, current: object, assignment: str) -> object:
    if isinstance(current, str):
        return text
    if isinstance(current, bool) and text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        raise UserError(
            f"--set={assignment}: {text!r} is no {type(current).__name__}; give one like {current!r}"
        ) from None
    return tuple(value) if isinstance(current, tuple) and isinstance(value, list) else value


def override(config: ml_collections.ConfigDict, assignments: Sequence[str], config_arg: str) -> None:
    """Sets dotted keys of a config in place, e.g. `study.seeds=2`.

    Raises:
      UserError: an assignment without `=`, a key that the config lacks, or a value of another type.
    """
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals:
            raise UserError(f"--set={assignment} has no value; write --set=key=value, e.g. --set=study.seeds=2")
        *parents, last = path.split(".")
        node = config
        for key in (*parents, last):
            if not isinstance(node, ml_collections.ConfigDict) or key not in node:
                known = list(node) if isinstance(node, ml_collections.ConfigDict) else []
                raise UserError(
                    f"--set={assignment}: {config_arg} has no {path!r}{suggest_nearest(key, known)}; it has {known}"
                )
            parent, node = node, node[key]
        try:
            parent[last] = _value(text, node, assignment)
        except TypeError as error:
            raise UserError(f"--set={assignment}: {error}; give a value like {node!r}") from None


def has(config: ml_collections.ConfigDict, assignment: str) -> bool:
    """Whether a config has the key of `key=value`."""
    node = config
    for key in assignment.partition("=")[0].split("."):
        if not isinstance(node, ml_collections.ConfigDict) or key not in node:
            return False
        node = node[key]
    return True


def check_keys(changes: Sequence[str], config_args: Sequence[str]) -> None:
    """Refuses a change that no config could take: tables may be made of configs with other stages.

    Raises:
      UserError: as `override`, of the first config.
    """
    configs = [load_config(config_arg) for config_arg in config_args]
    for change in changes:
        if configs and not any(has(config, change) for config in configs):
            override(configs[0], [change], config_args[0])
