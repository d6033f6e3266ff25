"""The command `affect-jax`: its subcommands are the programs of this folder.

`affect-jax train --config=sew` is `python -m launch.main --config=configs/sew.py`, from whatever folder it is started
in. Nothing heavy is imported here, so that help appears at once.
"""

import ast
import importlib.metadata
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

from affect_jax.errors import suggest_nearest
from launch import cli

COMMAND = "affect-jax"
SUBCOMMANDS = {
    "prepare": "prepare",
    "train": "main",
    "report": "report",
    "missing": "missing",
    "interactions": "interactions",
    "explain": "explain",
    "explore": "explore",
    "predict": "predict",
    "export": "export",
    "baselines": "baselines",
    "convert": "convert",
}
"""Every subcommand and its module in launch/, in the order in which people need them."""
_ALIASES = {"main": "main"}  # who knows `python -m launch.main` may try this
_HELP = ("help", "--help", "-help", "-h")


def main() -> None:
    """Runs the subcommand that the command line names."""
    run_command(sys.argv[1:])


def run_command(words: Sequence[str]) -> None:
    """Runs `affect-jax WORDS`; it prints the subcommands where there are none or help is asked for.

    Args:
      words: what follows `affect-jax`.
    """
    if not words or words[0] in _HELP:
        print(describe_subcommands())
        return
    if words[0] == "--version":
        print(read_version())
        return
    name, *arguments = words
    modules = SUBCOMMANDS | _ALIASES
    if name not in modules:
        kind = "flag before a subcommand" if name.startswith("-") else "subcommand"
        cli.fail(
            f"{COMMAND} has no {kind} {name!r}{suggest_nearest(name, SUBCOMMANDS)}; "
            f"its subcommands are {', '.join(SUBCOMMANDS)}"
        )
    cli.console_command = COMMAND
    sys.argv = [f"{COMMAND} {name}", *arguments]
    runpy.run_module(f"launch.{modules[name]}", run_name="__main__", alter_sys=True)


def describe_subcommands() -> str:
    """Lists the subcommands, each with the first line of its program's docstring."""
    width = max(map(len, SUBCOMMANDS))
    lines = [f"  {name:{width}}  {_read_summary(module)}" for name, module in SUBCOMMANDS.items()]
    return "\n".join(
        [
            "Learns affect from audio, vision and language.",
            "",
            f"usage: {COMMAND} SUBCOMMAND [flags]",
            "",
            *lines,
            "",
            f"{COMMAND} SUBCOMMAND --help explains one of them; {COMMAND} --version prints the version.",
            f"The first command to try, which needs no data: {COMMAND} train --config=sew",
        ]
    )


def read_version() -> str:
    """Names the command and the installed version."""
    try:
        return f"{COMMAND} {importlib.metadata.version(COMMAND)}"
    except importlib.metadata.PackageNotFoundError:
        return f"{COMMAND}, in a checkout that is not installed"


def _read_summary(module: str) -> str:
    """The first line of a program's docstring; the source is parsed, because importing ten programs takes a second."""
    source = Path(__file__).with_name(f"{module}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]
