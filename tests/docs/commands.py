"""Whether a command that a page shows would be understood: its program, its flags, its config and what it overrides.

Nothing is run: the program's own flags parse the words, and config files are loaded, which only makes plain values.
"""

import contextlib
import functools
import importlib
import importlib.util
import re
import shlex
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import ml_collections
from absl import flags

from affect_jax.errors import UserError
from affect_jax.reports import report_files, thesis_tables
from launch import cli, console

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = tuple(sorted(path.stem for path in (ROOT / "launch").glob("*.py") if "cli.run(main" in path.read_text()))
CONFIGS = tuple(
    sorted(
        path.relative_to(ROOT / "configs").as_posix()
        for path in (ROOT / "configs").rglob("*.py")
        if "def get_config(" in path.read_text()
    )
)
TARGETS = tuple(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
_OPEN = "…"  # a word with it stands for something, and is not looked up
OPEN_CONFIG = re.compile(r"…|[:,][A-Z]{2,}\b")
"""In a config argument words of capitals stand for something, too: `configs/fusion.py:SET,manifest`."""
_HELP = ("--help", "--helpfull")


def words(line: str) -> list[str]:
    """The words of a shell's line: no comment, no [brackets] around what may be left out, no redirection.

    Raises:
      ValueError: quotes that do not match.
    """
    found = []
    for word in shlex.split(line, comments=True):
        if re.fullmatch(r"\[?\|\]?", word):
            continue
        if word in (">", "&&", ";"):
            break
        unpaired = word.count("[") != word.count("]")
        bare = word.strip("[]") if unpaired or re.fullmatch(r"\[--.*\]", word) else word
        found.append(bare)
    return found


def wrong(line: str, *, whole: bool = True) -> str:
    """What is wrong with a command; '' where nothing is, or where it is of no program of ours.

    Args:
      line: as a shell would get it; `launch.predict --run=DIR`, without an interpreter, is understood too.
      whole: flags that must be given must be there.
    """
    try:
        given = words(line)
    except ValueError as error:
        return f"is no line of a shell ({error})"
    if not given:
        return ""
    if given[0] == "make":
        unknown = [word for word in given[1:] if "=" not in word and not word.startswith("-") and word not in TARGETS]
        return f"the Makefile has no target {unknown[0]!r}; it has {', '.join(TARGETS)}" if unknown else ""
    if given[0] == console.COMMAND:
        return _console(given[1:], whole)
    if "-m" in given[:-1] and "python" in given[given.index("-m") - 1]:
        given = given[given.index("-m") + 1 :]
    module, *arguments = given
    if re.fullmatch(r"launch\.\w+", module):
        return _launched(module.partition(".")[2], arguments, whole)
    if re.fullmatch(r"benchmarks\.\w+", module):
        return _benchmark(module, arguments)
    return ""


def _console(given: Sequence[str], whole: bool) -> str:
    """As `wrong`, of what follows `affect-jax`; names of configs become paths."""
    if not given or given[0] in ("--version", *_HELP):
        return ""
    if given[0] not in console.SUBCOMMANDS:
        return f"affect-jax has no subcommand {given[0]!r}; it has {', '.join(console.SUBCOMMANDS)}"
    arguments = list(given[1:])
    for index, word in enumerate(arguments):
        if word.startswith("--config=") and _OPEN not in word:
            try:
                path = cli.locate_config(word.removeprefix("--config="))
            except UserError as error:
                return str(error)
            arguments[index] = f"--config={cli.name_config(path)}"
    return _launched(console.SUBCOMMANDS[given[0]], arguments, whole)


def _launched(name: str, arguments: Sequence[str], whole: bool) -> str:
    if name not in PROGRAMS:
        return f"there is no launch.{name}; there are {', '.join(PROGRAMS)}"
    arguments = [word for word in arguments if word not in _HELP]
    opened = [word for word in arguments if word.startswith("--config=") and OPEN_CONFIG.search(word)]
    if opened:
        arguments = [word for word in arguments if word not in opened and not word.startswith("--config.")]
    values = known(name)
    for word in arguments:
        flag = word.removeprefix("--").partition("=")[0]
        if word.startswith("--") and "=" not in word and flag in values and not values[flag].boolean:
            return f"--{flag} has no value; write --{flag}=..."
    with _at_root(), mock.patch.object(sys, "argv", [name, *arguments]):  # where overrides of a config are looked for
        try:
            values(sys.argv)
            if "config" in values and values["config"].value is not None:
                values.config.to_dict()  # its file is only looked for at the first use
        except (flags.Error, UserError, OSError, ValueError, AttributeError, TypeError) as error:
            said = " ".join(str(error).split())
            return "" if "must have a value other than None" in said and not whole else f"launch.{name}: {said[-400:]}"
    if whole and not opened and "config" in values and values["config"].value is None:
        return f"launch.{name} needs --config"
    return _named(name, values)


@contextlib.contextmanager
def _at_root() -> Iterator[None]:
    """Config files are named from the root; the library that loads them does so in an old way, which warns."""
    with contextlib.chdir(ROOT), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def known(name: str) -> flags.FlagValues:
    """The flags of a program of launch/, unset."""
    values = flags.FlagValues()
    program(name).define_flags(values)
    return values


def program(name: str) -> ModuleType:
    """A module of launch/."""
    return importlib.import_module(f"launch.{name}")


def _named(name: str, values: flags.FlagValues) -> str:
    """What is wrong with a corpus or tables that are chosen by name."""
    if name == "prepare" and values.corpus and _OPEN not in values.corpus:
        there = program("prepare").list_corpora()
        return "" if values.corpus in there else f"there is no corpus {values.corpus!r}; there are {', '.join(there)}"
    if name == "report" and values.tables:
        try:
            needed = thesis_tables.list_needed(report_files.choose_tables(values.tables))
            program("changes").check_keys(values["set"].value, needed)
        except UserError as error:
            return str(error)
    return ""


def _benchmark(module: str, arguments: Sequence[str]) -> str:
    path = ROOT / f"{module.replace('.', '/')}.py"
    if not path.is_file():
        return f"there is no {module}"
    source = path.read_text()
    given = [word.partition("=")[0] for word in arguments if word.startswith("--")]
    unknown = [flag for flag in given if f'"{flag}"' not in source]
    return f"{module} has no flag {unknown[0]}" if unknown else ""


@functools.cache
def config(name: str, argument: str | None = None) -> ml_collections.ConfigDict:
    """What `configs/NAME.py:ARGUMENT` makes.

    Raises:
      ValueError: no such argument.
      FileNotFoundError: no such file.
    """
    path = ROOT / "configs" / name
    if not path.is_file():
        raise FileNotFoundError(f"there is no configs/{name}; there are {', '.join(CONFIGS)}")
    module = importlib.import_module(f"configs.{name.removesuffix('.py').replace('/', '.')}")
    return module.get_config() if argument is None else module.get_config(argument)


@functools.cache
def everywhere() -> frozenset[str]:
    """Every dotted path of every config's default: 'config.study.seeds'."""
    found: set[str] = {"config"}

    def walk(tree: Any, prefix: str) -> None:
        for key, value in tree.items():
            found.add(f"{prefix}.{key}")
            if isinstance(value, ml_collections.ConfigDict):
                walk(value, f"{prefix}.{key}")

    arguments = {"conflictnet.py": ("sspnet_conflict", "ravdess_debates"), "fusion.py": ("all,iemocap", "all,ravdess")}
    for name in CONFIGS:
        for argument in (None, *arguments.get(name, ())):
            walk(config(name, argument), "config")
    return frozenset(found)


@functools.cache
def every_flag() -> frozenset[str]:
    """The flags of all programs of launch/ and benchmarks/."""
    benchmarks = " ".join(path.read_text() for path in (ROOT / "benchmarks").glob("*.py"))
    return frozenset(re.findall(r"\"--(\w+)\"", benchmarks)).union(*map(known, PROGRAMS))
