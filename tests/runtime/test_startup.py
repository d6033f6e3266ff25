"""Environment variables that every program sets before jax is imported."""

import ctypes
import os
import subprocess
import sys
import zlib

import pytest

from affect_jax.runtime import startup
from launch import cli

CACHE = "JAX_COMPILATION_CACHE_DIR"


@pytest.fixture
def environment(monkeypatch):
    """An environment of its own, with a home folder and no setting of ours or jax's."""
    names = (CACHE, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "XLA_FLAGS", "OPENBLAS_NUM_THREADS", "XDG_CACHE_HOME")
    kept = {name: value for name, value in os.environ.items() if name not in names}
    monkeypatch.setattr(os, "environ", {**kept, "HOME": "/home/somebody"})
    monkeypatch.setattr(startup, "_keep_freed_memory", lambda: None)
    return os.environ


def test_compiled_programs_are_kept_in_the_users_cache_folder(environment):
    startup.cache_compilations()
    assert environment[CACHE].endswith("/.cache/affect_jax/compiled")
    assert float(environment["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"]) < 1


def test_the_cache_folder_is_the_one_the_user_has_set(environment):
    environment["XDG_CACHE_HOME"] = "/elsewhere"
    startup.cache_compilations()
    assert environment[CACHE] == "/elsewhere/affect_jax/compiled"
    environment[CACHE] = "/chosen"
    startup.cache_compilations()
    assert environment[CACHE] == "/chosen"


def test_every_program_keeps_its_compiled_programs(environment, monkeypatch):
    monkeypatch.setattr(cli.app, "run", lambda main, flags_parser: None)
    cli.run(print)
    assert environment[CACHE].endswith("affect_jax/compiled")
    assert "host_platform_device_count" in environment["XLA_FLAGS"]


def test_a_program_that_runs_one_network_has_one_device_with_all_cores(environment, monkeypatch):
    monkeypatch.setattr(cli.app, "run", lambda main, flags_parser: None)
    cli.run(print, trains=False)
    assert "XLA_FLAGS" not in environment
    assert environment["OPENBLAS_NUM_THREADS"] == "1"


def test_flags_that_are_set_stay(environment):
    environment["XLA_FLAGS"] = "--xla_force_host_platform_device_count=7"
    startup.use_all_cores()
    assert environment["XLA_FLAGS"] == "--xla_force_host_platform_device_count=7 --xla_cpu_multi_thread_eigen=false"
    assert environment["OPENBLAS_NUM_THREADS"] == "1"


def test_a_compiled_program_that_was_cut_is_removed_and_a_whole_one_stays(environment, tmp_path):
    """jax writes them in place, and one that is there it never writes again."""
    whole = zlib.compress(b"a program" * 100)
    for n in range(len(whole)):
        (tmp_path / f"cut{n}-cache").write_bytes(whole[:n])
    others = {"a-cache": whole, "a-atime": b"", "b-cache": b"of another kind"}
    for name, data in others.items():
        (tmp_path / name).write_bytes(data)
    environment[CACHE] = str(tmp_path)
    startup.cache_compilations()
    assert {path.name for path in tmp_path.iterdir()} == {".seen", *others}
    # What comes later is looked at again, what was whole is not.
    (tmp_path / "later-cache").write_bytes(whole[:-1])
    os.utime(tmp_path / ".seen", (1, 1))
    startup.cache_compilations()
    assert {path.name for path in tmp_path.iterdir()} == {".seen", *others}


def test_a_cache_that_may_not_be_written_stops_nobody(environment, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError

    (tmp_path / "cut-cache").write_bytes(b"")
    monkeypatch.setattr(startup.Path, "touch", refuse)
    environment[CACHE] = str(tmp_path)
    startup.cache_compilations()


FREED = """
import resource
from affect_jax.runtime import startup

def fresh_pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    bytearray(b"x") * (100 << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

startup.use_all_cores()
print(fresh_pages(), fresh_pages())
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="no glibc, whose settings these are")
def test_memory_that_was_freed_is_used_again():
    """Also what is larger than the 32 MB up to which glibc keeps blocks by itself."""
    ran = subprocess.run([sys.executable, "-c", FREED], capture_output=True, text=True, check=True)
    first, again = map(int, ran.stdout.split())
    assert again < first / 10


PROGRAM = """
from affect_jax.runtime import startup
startup.cache_compilations()
import jax
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
jax.block_until_ready(jax.jit(lambda x: jax.numpy.tanh(x @ x).sum())(jax.numpy.ones((8, 8))))
"""


def test_nothing_is_said_of_programs_that_were_kept(repo_root, tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            cwd=repo_root,
            env={**environment, CACHE: str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert any(tmp_path.iterdir())
        assert done.stdout + done.stderr == ""
