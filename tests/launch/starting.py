"""A program of launch/ in the process of a test."""

import contextlib
import importlib
import io
import sys
from typing import NamedTuple

import pytest
from absl import flags

from affect_jax.errors import UserError
from launch import cli


class Done(NamedTuple):
    """What a program left, as `subprocess.run` tells it."""

    returncode: int
    stdout: str
    stderr: str


def call_program(name, *arguments):
    """`python -m launch.NAME` with these arguments and flags of its own, but for what cli.run does at start and end."""
    program, values = importlib.import_module(f"launch.{name}"), flags.FlagValues()
    program.define_flags(values)
    out, errors = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [f"launch.{name}", *map(str, arguments)])
        patch.setattr(flags, "FLAGS", values)
        patch.setattr(program, "FLAGS", values)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            status = 0
            try:
                program.main(cli._parse(sys.argv))
            except UserError as error:
                status = 2
                print(f"error: {error}", file=sys.stderr)
            except SystemExit as error:
                status = error.code
    return Done(status, out.getvalue(), errors.getvalue())


def starter(program, monkeypatch):
    """What starts the module `program` with arguments, flags of its own."""

    def call(*arguments):
        values = flags.FlagValues()
        program.define_flags(values)
        argv = values([program.__name__, *map(str, arguments)])
        monkeypatch.setattr(program, "FLAGS", values)
        program.main(argv)

    return call
