"""The worked examples of CONTRIBUTING.md: written to the files that they name, and run."""

import ast
import importlib
import json
import os
import re
import shutil
import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest
import soundfile

from affect_jax.config import losses
from affect_jax.training import objective
from tests import own
from tests.docs import commands, pages

pytestmark = pytest.mark.slow
PAGE = pages.read(commands.ROOT / "CONTRIBUTING.md")
FILES = {
    match[1]: block.text.partition("\n")[2]
    for block in PAGE.blocks
    if (match := re.match(r"# (\S+\.py)\n", block.text)) and block.kind == "python"
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the packages to which the files of the page were added."""
    folder = tmp_path_factory.mktemp("copy")
    for package in ("affect_jax", "configs", "launch"):
        shutil.copytree(commands.ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in FILES.items():
        path = folder / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return folder


@pytest.fixture
def start(copy):
    """Starts a program in the copy."""
    # The next program finds what Python has made of the packages.
    settings = {"PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": "", "XDG_CACHE_HOME": str(copy / "cache")}

    def run(program, *arguments):
        done = subprocess.run(
            [sys.executable, "-m", f"launch.{program}", *arguments],
            capture_output=True,
            text=True,
            cwd=copy,
            env={**os.environ, **settings},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_the_loss_is_found_by_its_name_and_right(tmp_path, monkeypatch):
    (tmp_path / "my_losses.py").write_text(FILES["my_losses.py"])
    monkeypatch.syspath_prepend(tmp_path)
    space = {"jnp": jnp, "np": np, "my_losses": importlib.import_module("my_losses")}
    exec(FILES["tests/losses/test_my_losses.py"], space)
    space["test_huber_is_quadratic_then_linear"]()
    (option,) = re.findall(r'losses\.prediction="(\{.*?\})"', " ".join(piece.text for piece in PAGE.prose))
    terms = losses.parse_losses({"prediction": ast.literal_eval(option)})
    batch = dict(target=jnp.zeros(2), inputs={}, mask=jnp.ones(2, bool))
    total = objective.total_loss(terms, {"prediction": 1.0}, {"prediction": jnp.array([0.5, -3.0])}, batch, {})[0]
    np.testing.assert_allclose(total, (0.125 + 1.375) / 2)


def test_model_and_loss_train_on_a_manifest(start, copy, tmp_path):
    (tmp_path / "files").mkdir()
    manifest = own.write(tmp_path / "files", columns=own.FEATURES)
    small = ["--config.stages.fit.epochs=1", "--config.study.seeds=1", f"--config.corpus.manifest={manifest}"]
    small.append(f"--config.corpus.data_dir={tmp_path / 'data'}")
    table = start("main", "--config=configs/mean_pool.py", "--config.corpus.target=emotion", *small)
    assert "mean pool" in table
    assert "UAR %" in table
    own_loss = ["--config.stages.fit.losses.prediction.kind=my_losses:huber", "--workdir=runs/loss"]
    table = start("main", "--config=configs/mean_pool.py", "--config.corpus.target=valence", *own_loss, *small)
    assert "CCC" in table
    written = json.loads((copy / "runs" / "loss" / "config.json").read_text())
    assert written["config"]["stages"]["fit"]["losses"]["prediction"]["kind"] == "my_losses:huber"
    assert any(line.startswith("stages.fit.monitor.metric: uar -> ccc, because") for line in written["remarks"])


def test_the_corpus_is_built(start, tmp_path):
    noise = np.random.default_rng(0)
    for name in ("Anna_1_yes", "Anna_2_no", "Bert_1_yes", "Carl_1_no"):
        soundfile.write(tmp_path / f"{name}.wav", noise.normal(0, 0.1, 8000), 8000)
    said = start("prepare", "--corpus=laughter", f"--manual_dir={tmp_path}")
    assert "4 recordings of 3 groups" in said
    assert "no: 2, yes: 2" in said
    assert re.search(r"^Bert +scored on 1 recording of Bert; selected by 1 recording of Carl", said, re.MULTILINE)
