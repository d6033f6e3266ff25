"""The command `affect-jax`, installed from a wheel into an environment of its own and started in another folder."""

import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile

import pytest

from launch import cli, console
from tests.docs import commands

PACKAGES = ("affect_jax", "configs", "launch")


def list_sources(root):
    """The files of the packages, without what Python leaves beside them."""
    files = (path for package in PACKAGES for path in (root / package).rglob("*") if path.is_file())
    return sorted(str(path.relative_to(root)) for path in files if "__pycache__" not in path.parts)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory, repo_root):
    """The wheel of the working copy, built from a copy of it, because building leaves a folder behind."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for package in PACKAGES:
        shutil.copytree(repo_root / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(repo_root / name, source / name)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*build, "--wheel-dir", folder, source], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def run(wheel, tmp_path_factory):
    """Starts the installed command in an empty folder; the packages that it needs are those of these tests."""
    folder = tmp_path_factory.mktemp("installed")
    environment = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    install = [sys.executable, "-m", "pip", "--python", environment / "bin" / "python", "install", "--quiet"]
    subprocess.run([*install, "--no-deps", "--no-index", "--no-compile", wheel], check=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    (packages / "tests.pth").write_text(sysconfig.get_paths()["purelib"])
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()

    def start(*words):
        return subprocess.run(
            [environment / "bin" / "affect-jax", *words], capture_output=True, text=True, cwd=elsewhere, timeout=60
        )

    return start


def test_the_wheel_holds_every_file_of_the_packages(wheel, repo_root):
    names = [name for name in zipfile.ZipFile(wheel).namelist() if name.split("/")[0] in PACKAGES]
    assert sorted(names) == list_sources(repo_root)


@pytest.mark.parametrize("words", [(), ("--help",), ("help",)])
def test_the_subcommands_are_listed(run, words):
    done = run(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.findall(r"^  (\w+)  +\S.*\.$", done.stdout, re.MULTILINE) == list(console.SUBCOMMANDS)


def test_the_version_is_that_of_the_project(run, repo_root):
    version = re.search(r'^version = "(.+)"$', (repo_root / "pyproject.toml").read_text(), re.MULTILINE)[1]
    assert run("--version").stdout == f"affect-jax {version}\n"


def test_help_of_a_subcommand_has_its_own_examples(run):
    done = run("train", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "    affect-jax train --config=configs/sew.py" in done.stdout
    assert "python -m launch" not in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("trian",), "affect-jax has no subcommand 'trian' (did you mean 'train'?)"),
        (("--config=sew",), "affect-jax has no flag before a subcommand '--config=sew'"),
        (("train", "--config=saw"), "'saw', which is neither a file nor a config of affect_jax (did you mean 'sew'?)"),
        (("train", "--config", "configs/saw.py:joy"), "'configs/saw.py', which is neither a file nor a config"),
        (("train", "--config=sew:joy"), "choose one of"),  # the packaged file was loaded
        (("main", "--config=configs/sew.py:joy"), "choose one of"),
        (("train",), "--config is missing"),
        (("train", "--config=sew", "--config.study.sedes=3"), "the config has no setting 'study.sedes'"),
    ],
)
def test_wrong_words_are_one_sentence(run, words, message):
    done = run(*words)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_every_program_is_a_subcommand():
    assert sorted(console.SUBCOMMANDS.values()) == sorted(commands.PROGRAMS)


def test_packaged_configs_are_those_of_the_documentation():
    assert [f"{name}.py" for name in cli.list_configs()] == list(commands.CONFIGS)


def test_configs_are_found_by_path_then_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    packaged = str(cli.CONFIGS / "sew.py")
    for name in ("sew", "sew.py", "configs/sew.py", "configs/sew"):
        assert cli.locate_config(f"{name}:arousal,geo+audio") == f"{packaged}:arousal,geo+audio"
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "sew.py").write_text("")
    assert cli.locate_config("configs/sew.py") == "configs/sew.py"  # one's own file comes first
    assert cli.locate_config("sew") == packaged


@pytest.mark.parametrize("name", ["__init__", "none.py", "other/sew.py", "/nowhere/sew.py", ""])
def test_a_config_that_is_not_there_is_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(cli.UserError, match="neither a file nor a config"):
        cli.locate_config(name)


def test_the_record_names_a_packaged_config_the_same_everywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.name_config(cli.locate_config("sew:arousal,geo+audio")) == "configs/sew.py:arousal,geo+audio"
    assert cli.name_config("mine/sew.py:a") == "mine/sew.py:a"
    assert cli.name_config("configs/sew.py") == "configs/sew.py"
