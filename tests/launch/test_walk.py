"""A newcomer's afternoon (issue 20): one's own recordings, every program in turn, and the mistakes that one makes.

60 recordings of a second of two emotions and six speakers, a second modality as npy, some of it missing, and a csv. One
run is trained; all else reads it.
"""

import contextlib
import importlib
import io
import json
import sys

import numpy as np
import pytest
import soundfile
from absl import flags

from affect_jax.errors import UserError
from launch import cli

# Of ml_collections, which loads a config file in an old way.
pytestmark = pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")
RATE = 8000
SMALL = [
    *("--config.model.units=3", "--config.model.heads=2", "--config.model.hidden=3", "--config.stages.fit.epochs=2"),
    *("--config.corpus.folds=3", "--config.study.seeds=2", "--config.study.only=intra", "--config.engine.devices=1"),
]
GRID = "--config.search.grid={'stages': {'fit': {'dropout': (0.0, 0.2)}}}"
FUSE = ("main", "--config=configs/fusion.py", "--config.corpus.manifest=walk.csv", *SMALL, "--workdir=runs/walk")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The folder of the walk."""
    folder = tmp_path_factory.mktemp("walk")
    draw = np.random.default_rng(0)
    lines = ["id,group,emotion,voice,face"]
    for n in range(60):
        emotion = n % 2
        tone = 0.2 * np.sin(np.arange(RATE) * (0.1 + 0.2 * emotion))
        soundfile.write(folder / f"{n}.wav", tone + draw.normal(0, 0.01, RATE), RATE)
        np.save(folder / f"{n}.npy", draw.normal(emotion, 1, (4 + n % 3, 2)).astype(np.float32))
        label = "hapy" if n == 7 else ("sad", "happy")[emotion]
        lines.append(
            f"clip{n},speaker{n % 6 if n % 4 else (n + 1) % 6},{label},{n}.wav,{'' if n % 7 == 3 else f'{n}.npy'}"
        )
    (folder / "walk.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def start(home):
    """Starts a program as `python -m launch.NAME` does, in this process: its exit status and all that it printed."""

    def call(name, *arguments):
        program, values = importlib.import_module(f"launch.{name}"), flags.FlagValues()
        program.define_flags(values)
        printed = io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", [f"launch.{name}", *map(str, arguments)])
            patch.setattr(flags, "FLAGS", values)
            patch.setattr(program, "FLAGS", values)
            patch.setenv("XDG_CACHE_HOME", str(home / "cache"))
            patch.chdir(home)
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                try:
                    program.main(cli._parse(sys.argv))
                except UserError as error:
                    return 2, printed.getvalue() + str(error)
                except SystemExit as error:
                    return error.code, printed.getvalue()
        return 0, printed.getvalue()

    return call


def correct(home, wrong, right):
    """Corrects a mistake in the csv."""
    path = home / "walk.csv"
    path.write_text(path.read_text().replace(wrong, right))


@pytest.fixture(scope="module")
def run(home, start):
    """The fusion run, and what its program printed."""
    correct(home, "id,group,emotion,", "id,group,label,")
    correct(home, ",hapy,", ",happy,")
    status, printed = start(*FUSE, GRID)
    assert status == 0, printed
    return home / "runs" / "walk", printed


def test_mistakes_in_the_csv(start, home):
    status, said = start("prepare", "--corpus=manifest", "--manifest=walk.csv")
    assert status == 2
    assert "its columns are id, group, emotion, voice, face: rename the one with the labels" in said
    correct(home, "id,group,emotion,", "id,group,label,")
    status, said = start("prepare", "--corpus=manifest", "--manifest=walk.csv")
    assert status == 2
    assert "row 9: class 'hapy' (did you mean 'happy'?)" in said


