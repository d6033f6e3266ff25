"""`--help` of every program: useful by itself, and printed without waiting for jax. One process asks them all."""

import json
import os
import re
import subprocess
import sys

import pytest

from tests.docs import commands

# What absl prints, of each program in turn: its flags stand in a table of their own, its docstring where absl looks.
ASK = """
import contextlib, importlib, io, json, sys
from unittest import mock
from absl import app, flags

texts = {}
for name in sys.argv[1:]:
    module = importlib.import_module(f"launch.{name}")
    values = flags.FlagValues()
    module.define_flags(values)
    main = {"__main__": module}
    with mock.patch.dict(sys.modules, main), mock.patch.object(app, "FLAGS", values):
        with mock.patch.object(sys, "argv", [module.__name__]), contextlib.redirect_stdout(io.StringIO()) as out:
            app.usage(shorthelp=True, writeto_stdout=True)
    undescribed = [flag for flag in values if not values[flag].help.strip()]
    texts[name] = dict(text=out.getvalue(), flags=list(values), undescribed=undescribed)
print(json.dumps(dict(texts=texts, jax="jax" in sys.modules)))
"""


@pytest.fixture(scope="module")
def asked(repo_root):
    done = subprocess.run(
        [sys.executable, "-c", ASK, *commands.PROGRAMS],
        capture_output=True,
        text=True,
        cwd=repo_root,
        env={**os.environ, "PYTHONPATH": str(repo_root)},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_nobody_waits_for_jax(asked):
    assert not asked["jax"]


@pytest.mark.parametrize("name", commands.PROGRAMS)
def test_help_is_useful_by_itself(asked, name):
    found = asked["texts"][name]
    text = found["text"]
    examples = re.findall(rf"^    (python -m launch\.{name} [^\\\n]*(?:\\\n[^\\\n]*)*)$", text, re.MULTILINE)
    assert len(examples) >= 2, "give two examples or more"
    wrong = [said for said in (commands.wrong(example.replace("\\\n", "")) for example in examples) if said]
    assert not wrong
    assert re.search(r"^Needs\b", text, re.MULTILINE), "say what it needs"
    assert re.search(r"^Writes\b", text, re.MULTILINE), "say what it writes"
    assert not found["undescribed"]
    assert all(f"--{flag}" in text or f"--[no]{flag}" in text for flag in found["flags"])
    mentioned = set(re.findall(r"--(\w+)", text.partition("flags:")[0])) - {"config"}
    assert mentioned <= set(found["flags"]), "the text names a flag that the program does not have"


def test_main_names_every_config(asked):
    text = asked["texts"]["main"]["text"]
    assert not [name for name in commands.CONFIGS if f"configs/{name}" not in text]


def export(repo_root, *arguments):
    command = [sys.executable, "-m", "launch.export", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=repo_root)


def test_help_is_no_failure(repo_root):
    done = export(repo_root, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "python -m launch.export --run=" in done.stdout
    assert "Exit status: 0 for success" in done.stdout


def test_a_flag_that_is_missing_is_named(repo_root):
    done = export(repo_root)
    assert (done.returncode, done.stderr) == (2, "error: --run is missing; --help has examples\n")


def test_a_word_that_is_no_flag_is_refused(repo_root):
    done = export(repo_root, "--run=runs/none", "extra")
    assert (done.returncode, done.stderr) == (2, "error: 'extra' is not a flag; --help lists the flags\n")
