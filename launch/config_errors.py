"""What is wrong with a flag, in a sentence with an example that works: unknown settings of a config, and values."""

import difflib
import importlib.util
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import ml_collections
from absl import flags

from affect_jax.errors import find_nearest

flags.disclaim_key_flags()
_MOST = 4  # names in a sentence
_KINDS = {
    "int": ("a whole number", "3"),
    "float": ("a number", "0.5"),
    "bool": ("True or False", "True"),
}
_TABLES = {
    "config.search.grid": "{'stages': {'fit': {'dropout': (.1, .3, .5)}}}",
    "config.search.ranges": "{'stages': {'fit': {'dropout': (0., .6)}}}",
}


def load_file(path: Path, argument: str | None) -> ml_collections.ConfigDict:
    """The config that a file makes of an argument; None calls it without one."""
    spec = importlib.util.spec_from_file_location(f"_config_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config() if argument is None else module.get_config(argument)


def describe_unknown_setting(argv: Sequence[str]) -> str:
    """A sentence about the first flag of a setting that the config of the flags does not have; '' where all are there.

    Args:
      argv: with the path of the config's file in `--config=` or after `--config`.
    """
    words = [re.sub(r"^--?(no(?=config\.))?", "", word) for word in argv if word.startswith("-")]
    file = next((word.partition("=")[2] for word in words if word.startswith("config=")), "")
    if not file:
        file = next((argv[n + 1] for n, word in enumerate(argv[:-1]) if word in ("--config", "-config")), "")
    name, colon, argument = file.partition(":")
    paths = list(_list_paths(load_file(Path(name), argument if colon else None)))
    for word in words:
        path = word.partition("=")[0].removeprefix("config.")
        if word.startswith("config.") and path not in paths:
            return f"the config has no setting {path!r}{_suggest(path, paths)}; --print_config lists what it has"
    return ""


def describe_bad_value(message: str) -> str:
    """absl's sentence about a value that does not parse, as one with the kind that is asked for and an example."""
    if unknown := re.match(r"Unknown command line flag '([^']+)'", message):
        near = find_nearest(unknown[1], flags.FLAGS)
        guess = f" (did you mean --{near}?)" if near else ""
        return f"there is no flag --{unknown[1]}{guess}; --help lists the flags"
    named = re.match(r"flag --([\w.+/ ]+)=(.*?): ", message, re.DOTALL)
    if named and "as a ConfigDict" in message:
        name, value = named[1], named[2]
        if example := _TABLES.get(name):
            return (
                f"--{name} is not a table in Python's form (a quote or bracket too many or too few?); write it like "
                + (f'--{name}="{example}"')
            )
        return (
            f"--{name}={value}: {name} is a table; set what is in it, which --print_config lists: --{name}.NAME=VALUE"
        )
    if not named or named[1] not in flags.FLAGS or flags.FLAGS[named[1]].flag_type() not in _KINDS:
        return f"{message}; --help lists the flags"
    name, value, flag = named[1], named[2], flags.FLAGS[named[1]]
    kind, example = _KINDS[flag.flag_type()]
    shown = example if flag.default is None else flag.default
    return f"--{name}={value}: {value!r} is not {kind}; write it like --{name}={shown}"


def _list_paths(config: Any, prefix: str = "") -> Iterator[str]:
    """Every dotted path of a config, tables too."""
    for key in config:
        yield f"{prefix}{key}"
        value = config.get(key)
        if isinstance(value, ml_collections.ConfigDict):
            yield from _list_paths(value, f"{prefix}{key}.")


def _suggest(path: str, paths: Sequence[str]) -> str:
    """The settings that may be meant: those whose last part is the path's, else those that are spelled alike."""
    last = path.rpartition(".")[2]
    alike = [other for other in paths if other.rpartition(".")[2] == last]
    if not alike:
        near = find_nearest(last, sorted({other.rpartition(".")[2] for other in paths}))
        alike = [other for other in paths if other.rpartition(".")[2] == near]
    # Those nearest to what was typed first: of `stages.fti.epochs` that of the stage `fit`.
    alike.sort(key=lambda other: (-difflib.SequenceMatcher(None, path, other).ratio(), other))
    names = [f"config.{other}" for other in alike[:_MOST]]
    return f" (did you mean {' or '.join(names)}?)" if names else ""
