"""`launch.cli.run` in programs of their own, because it ends them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import affect_jax.reports
from launch import cli

PROGRAM = """
import errno, sys
from absl import flags
from ml_collections import config_flags
from affect_jax.errors import UserError
from launch import cli

flags.DEFINE_integer("number", 1, "A number.")
config_flags.DEFINE_config_file("config", None, "A file.")

def main(argv):
    {body}

cli.run(main)
"""
CONFIG = """
import ml_collections

def get_config(argument=""):
    if argument == "odd":
        raise ValueError("the argument is odd; choose even")
    if argument == "bug":
        raise ZeroDivisionError("oops")
    return ml_collections.ConfigDict(dict(name="a"))
"""


@pytest.fixture
def run(tmp_path, repo_root):
    (tmp_path / "config.py").write_text(CONFIG)

    def start(body, *arguments):
        (tmp_path / "program.py").write_text(PROGRAM.format(body=body))
        return subprocess.run(
            [sys.executable, tmp_path / "program.py", *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(repo_root)},
            cwd=tmp_path,
        )

    return start


@pytest.mark.parametrize(
    ("body", "arguments", "message"),
    [
        ("raise UserError('this; do that')", [], "this; do that"),
        ("raise OSError(errno.ENOSPC, 'x', 'disk')", [], "No space left on device: disk; free space"),
        ("raise PermissionError(errno.EACCES, 'x', 'closed')", [], "Permission denied: closed"),
        ("raise RuntimeError('RESOURCE_EXHAUSTED: 9 GB')", [], "no memory left (RESOURCE_EXHAUSTED: 9 GB); give"),
        ("pass", ["--number=x"], "--number=x"),
        ("pass", ["--nunber=1"], "there is no flag --nunber (did you mean --number?)"),
        ("pass", ["--config=config.py:odd"], "the argument is odd; choose even"),
        (
            "pass",
            ["--config=config.py", "--config.nam=1"],
            "no setting 'nam' (did you mean config.name?); --print_config lists",
        ),
        ("pass", ["--config=none.py"], "--config names 'none.py', which is neither a file nor a config of affect_jax"),
    ],
)
def test_what_a_user_can_mend(run, body, arguments, message):
    done = run(body, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("body", "arguments", "name"),
    [
        ("raise OSError(errno.EBADF, 'x')", [], "OSError"),
        ("raise KeyError('bug')", [], "KeyError"),
        ("pass", ["--config=config.py:bug"], "ZeroDivisionError"),
    ],
)
def test_bugs_keep_their_traceback(run, body, arguments, name):
    done = run(body, *arguments)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert name in done.stderr


def test_positional_arguments_and_result(run):
    done = run("print(argv[1:], flags.FLAGS.number)", "a", "--number=3", "b")
    assert (done.returncode, done.stdout, done.stderr) == (0, "['a', 'b'] 3\n", "")


def test_the_next_command_quotes_its_folder():
    folders = Path(cli.__file__).parent, Path(affect_jax.reports.__file__).parent
    lines = [line for folder in folders for path in folder.glob("*.py") for line in path.read_text().splitlines()]
    commands = [line for line in lines if "next: python -m" in line]
    assert len(commands) >= 7
    assert [line for line in commands if "{shlex.quote(" not in line] == []
