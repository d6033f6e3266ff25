"""colabs.tidy: what a run leaves is taken out, the badge and the installing cell are put in."""

import importlib.util
import json
import re
import runpy
import shutil
import subprocess
import sys

import pytest

from colabs import tidy


def notebook(*cells):
    return json.dumps({"cells": list(cells), "metadata": {"colab": {}}, "nbformat": 4, "nbformat_minor": 4})


TEXT = {"cell_type": "markdown", "id": "title", "metadata": {"editable": True}, "source": ["# A\n", "\n", "b"]}
INSTALL = {"cell_type": "code", "id": "install", "metadata": {}, "source": "pass", "outputs": [], "execution_count": 1}
RUN = {**INSTALL, "id": "run", "source": "1 + 1\n", "outputs": [{"output_type": "stream", "text": "2"}]}


def test_what_a_run_left_is_gone_and_the_shared_parts_are_there():
    tidied = json.loads(tidy.tidy_notebook(notebook(TEXT, INSTALL, RUN), "a.ipynb"))
    assert tidied["metadata"] == tidy.METADATA
    text, install, run = tidied["cells"]
    assert text["metadata"] == {}
    assert "".join(text["source"]) == f"{tidy.make_badge('a.ipynb')}\n\n# A\n\nb"
    assert "".join(install["source"]) == tidy.INSTALL
    assert (run["source"], run["outputs"], run["execution_count"]) == (["1 + 1"], [], None)


def test_once_is_enough_and_a_badge_of_another_name_is_replaced():
    once = tidy.tidy_notebook(notebook(TEXT, INSTALL), "a.ipynb")
    assert tidy.tidy_notebook(once, "a.ipynb") == once
    assert tidy.tidy_notebook(tidy.tidy_notebook(once, "b.ipynb"), "a.ipynb") == once


@pytest.mark.parametrize("cells", [(TEXT,), (INSTALL, TEXT), (TEXT, RUN)])
def test_a_notebook_without_its_first_two_cells_is_refused(cells):
    with pytest.raises(ValueError, match="a.ipynb does not begin"):
        tidy.tidy_notebook(notebook(*cells), "a.ipynb")


def test_main_writes_only_what_differs(tmp_path, monkeypatch, capsys):
    for name in ("a.ipynb", "b.ipynb"):
        (tmp_path / name).write_text(notebook(TEXT, INSTALL))
    monkeypatch.setattr(tidy, "list_notebooks", lambda: sorted(tmp_path.glob("*.ipynb")))
    tidy.main()
    (tmp_path / "b.ipynb").write_text(notebook(TEXT, INSTALL, RUN))
    capsys.readouterr()
    tidy.main()
    assert capsys.readouterr().err == f"wrote {tmp_path / 'b.ipynb'}\n"
    assert '"2"' not in (tmp_path / "b.ipynb").read_text()


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Runs the installing cell in `tmp_path`; the commands that it would have run."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cell.py").write_text(tidy.INSTALL)

    def run(*, importable, gpu=False):
        commands = []
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: object() if importable else None)
        monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/nvidia-smi" if gpu else None)
        monkeypatch.setattr(subprocess, "run", lambda command, check: commands.append(command))
        runpy.run_path(str(tmp_path / "cell.py"))
        return commands

    return run


def test_nothing_is_installed_where_the_package_is_there(install):
    assert install(importable=True) == []


def test_a_checkout_is_used_as_it_is(install, tmp_path, monkeypatch):
    (tmp_path / "affect_jax").mkdir()
    (tmp_path / "colabs").mkdir()
    monkeypatch.chdir(tmp_path / "colabs")
    assert install(importable=False) == []
    assert sys.path[0] == str(tmp_path)


@pytest.mark.parametrize("gpu", [False, True])
def test_elsewhere_it_is_installed_from_the_repository_with_the_pinned_jax(install, repo_root, gpu):
    (command,) = install(importable=False, gpu=gpu)
    pinned = re.search(r"^jax==(\S+)$", (repo_root / "requirements.txt").read_text(), re.MULTILINE)[1]
    assert command[:4] == [sys.executable, "-m", "pip", "install"]
    assert command[-2] == f"jax{'[cuda12]' if gpu else ''}=={pinned}"
    assert command[-1] == f"affect-jax @ git+https://github.com/{tidy.REPOSITORY}@{tidy.BRANCH}"
