"""Configs by their argument, key=value changes to them, and the training of runs: `launch.report --train --set=...`."""

import ast
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import ml_collections

from affect_jax.errors import UserError, join_words, suggest_nearest
from affect_jax.reports import sources
from affect_jax.runtime.run_folder import name_run_folder
from launch.config_errors import load_file
from launch.tuples import parse_switch, parse_tuple

_ROOT = Path(__file__).resolve().parents[1]


class Training(NamedTuple):
    """What the flags say about runs that are missing.

    Attributes:
      wanted: whether they are made.
      folder: where the run folders are.
      manual_dir: the corpus' release; '' for a synthetic corpus.
      data_dir: where built corpora go; '' for the usual place.
      assignments: key=value, for every config that has the key.
    """

    wanted: bool
    folder: Path
    manual_dir: str
    data_dir: str
    assignments: Sequence[str]


def plan_training(
    training: Training, corpora: Sequence[str], config_args: Sequence[str]
) -> Callable[[str], None] | None:
    """What makes the run of a config argument; None where nothing is to be trained.

    Args:
      training: of the flags.
      corpora: names of those that the tables are of.
      config_args: that the tables need.

    Raises:
      UserError: flags that only training reads without --train, one --manual_dir for two corpora, or an assignment
        that fits no config.
    """
    flags = {"manual_dir": training.manual_dir, "data_dir": training.data_dir, "set": training.assignments}
    given = [name for name, value in flags.items() if value]
    if given and not training.wanted:
        raise UserError(f"--{given[0]} only matters to runs that are made; add --train or leave it out")
    if training.manual_dir and len(corpora) > 1:
        raise UserError(f"--manual_dir is of one corpus, but the tables are of {' and '.join(corpora)}; ask one by one")
    assignments = [f"corpus.{name}={flags[name]}" for name in ("manual_dir", "data_dir") if flags[name]]
    assignments += training.assignments
    check_keys(assignments, config_args)
    if not training.wanted:
        return None
    return lambda config_arg: make_run(config_arg, assignments, training.folder)


def make_run(config_arg: str, assignments: Sequence[str], folder: Path) -> None:
    """Trains, or fits classical baselines, into a folder below `folder`.

    Args:
      config_arg: what a `Source` names.
      assignments: key=value, for a config that has the key.
      folder: holds the run folders.

    Raises:
      UserError: whatever is wrong with the config or its corpus; but of single ratings or turns, which are then left
        out.
    """
    config = load_config_file(config_arg)
    mine = [assignment for assignment in assignments if has_key(config, assignment)]
    assign_keys(config, mine, config_arg)
    print(f"training {config_arg}", file=sys.stderr)
    # Imported here, so that a report alone does not wait for jax.
    from affect_jax.config.load import load_config

    experiment = load_config(config, {assignment.partition("=")[0] for assignment in mine})
    target = folder / name_run_folder(config_arg)
    if sources.name_network(config_arg) != config_arg:
        from affect_jax.baselines import methods, run_baselines
        from affect_jax.config.parse import list_seeds

        of_steps = experiment.data.unit != "item"
        request = methods.Request(seeds=len(list_seeds(experiment.trials.seeds)), alone=of_steps)
        run_baselines.run_baselines(experiment, target, config_arg=config_arg, request=request)
    else:
        from affect_jax.experiment.run import run_experiment

        try:
            run_experiment(experiment, str(target), config_arg=config_arg)
        except UserError as error:
            if not _reads_more_than_all(config):
                raise
            print(f"note: {config_arg} is left out: {error}", file=sys.stderr)


def _reads_more_than_all(config: ml_collections.ConfigDict) -> bool:
    """Whether a config reads what not every release has, single ratings or who speaks when.

    The other rows of a table need none of it.
    """
    return bool(config.corpus.get("raters")) or "turns" in config.corpus.get("modalities", ())


def load_config_file(config_arg: str) -> ml_collections.ConfigDict:
    """`configs/sew.py:arousal,geo+audio` -> get_config('arousal,geo+audio') of that file.

    Of classical baselines it is the config of the network whose corpus and folds they share.

    Raises:
      UserError: there is no such file.
    """
    name, colon, argument = sources.name_network(config_arg).partition(":")
    path = _ROOT / name
    if not path.is_file():
        raise UserError(f"{path} is missing, and the tables need it; check out the whole repository")
    return load_file(path, argument if colon else None)


def _parse_value(text: str, current: object, kind: type, assignment: str) -> object:
    """The text of an assignment as a value of the key's type; None as a value leaves the type open."""
    if isinstance(current, str) or kind is str:
        return text
    if isinstance(current, bool) and kind is bool and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if kind is object:
        return parse_switch(text)
    if isinstance(current, tuple) or kind is tuple:
        return parse_tuple(text)
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        if current is None:
            return text
        raise UserError(
            f"--set={assignment}: {text!r} is no {type(current).__name__}; give one like {current!r}"
        ) from None
    return tuple(value) if isinstance(value, list) and current is None else value


def assign_keys(config: ml_collections.ConfigDict, assignments: Sequence[str], config_arg: str) -> None:
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
                    f"--set={assignment}: {config_arg} has no {path!r}{suggest_nearest(key, known)}; it has "
                    f"{join_words(known)}"
                )
            parent, node = node, node[key]
        try:
            parent[last] = _parse_value(text, node, parent.get_type(last), assignment)
        except TypeError as error:
            raise UserError(f"--set={assignment}: {error}; give a value like {node!r}") from None


def has_key(config: ml_collections.ConfigDict, assignment: str) -> bool:
    """Whether a config has the key of `key=value`."""
    node = config
    for key in assignment.partition("=")[0].split("."):
        if not isinstance(node, ml_collections.ConfigDict) or key not in node:
            return False
        node = node[key]
    return True


def check_keys(assignments: Sequence[str], config_args: Sequence[str]) -> None:
    """Refuses a change that no config could take: tables may be made of configs with other stages.

    Raises:
      UserError: as `assign_keys`, of the first config.
    """
    configs = [load_config_file(config_arg) for config_arg in config_args] if assignments else []
    for assignment in assignments:
        if configs and not any(has_key(config, assignment) for config in configs):
            assign_keys(configs[0], [assignment], config_args[0])
