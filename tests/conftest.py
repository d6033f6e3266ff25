"""What every test shares. The settings below must stand before jax is imported, so importing this file makes them."""

import gc
import os
import pathlib
import tempfile
from unittest import mock

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
DEVICES = "--xla_force_host_platform_device_count"

os.environ.setdefault("JAX_PLATFORMS", "cpu")
if DEVICES not in os.environ.get("XLA_FLAGS", ""):
    # Four virtual devices, so that sharding is tested wherever the tests run.
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {DEVICES}=4".strip()
# Tests compile much and compute little. XLA's older emitters take a quarter of the time.
os.environ["XLA_FLAGS"] += " --xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
os.environ["XLA_FLAGS"] += " --xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
os.environ["JAX_TRACEBACK_IN_LOCATIONS_LIMIT"] = "0"  # where each operation was written: a fiftieth of the time
# Programs that tests start are started again and again. The tests' own programs are not kept: of 384 in half a suite 22
# were compiled twice.
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.1"
os.environ["JAX_NUMPY_RANK_PROMOTION"] = "raise"  # [B] - [B, T] is a bug until somebody writes the None
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # its threads spin between jax's small factorisations
os.environ["NUMBA_OPT"] = "0"  # librosa compiles kernels as it is first imported: a third less time
os.environ["MPLBACKEND"] = "Agg"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # as of a program of ours, see affect_jax/runtime/startup.py
os.environ["PYTHONFAULTHANDLER"] = "1"  # for the programs that tests start; pytest sees to its own process
# Corpora and font lists built by the way go here and vanish with the run, never into the home of who runs the tests.
_cache = tempfile.TemporaryDirectory(prefix="affect_jax_tests_", ignore_cleanup_errors=True)
os.environ["XDG_CACHE_HOME"] = _cache.name

import jax  # noqa: E402

from affect_jax.runtime import mappings  # noqa: E402

# A program that is not kept needs no key, which costs a thirtieth of its compilation.
jax.config.update("jax_enable_compilation_cache", False)
# Tracing makes objects by the hundred thousand, nearly all of which live as long as the process. Looking for cycles
# among them, seldom as it was, took a twentieth of the tests' time, and freed a megabyte a minute.
gc.collect()
gc.freeze()
gc.disable()


MOST_MAPPINGS = 0.7  # of all that a process may have: leaves 19,000 for the next file of tests; the largest takes 8,000

# Files of few tests that take long: begun first, so that no worker is left with one of them alone at the end.
LONG = (
    "zoo/test_models.py",
    "colabs/test_notebooks.py",
    "zoo/test_proof.py",
    "benchmarks/test_reports.py",
    "test_configs.py",
    "launch/test_walk.py",
    "launch/test_processes.py",
    "training/test_loop.py",
    "experiment/test_run.py",
    "zoo/test_colearning.py",
    "launch/test_main.py",
    "experiment/test_encoder_runs.py",
    "training/test_buckets.py",
    "inference/test_new_files.py",
    "inference/test_clips.py",
    "experiment/test_streamed_runs.py",
    "docs/test_site.py",
    "training/test_streamed.py",
    "training/test_precision.py",
    "experiment/test_speech_runs.py",
    "training/test_augmentation.py",
    "training/test_spread.py",
    "layers/test_pooled_convolution.py",
    "training/test_turns.py",
    "zoo/test_studies.py",
    "models/test_attention_fusion.py",
    "zoo/test_sizes.py",
    "training/test_mesh.py",
    "zoo/test_imitation.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the files of `LONG` first, in that order; `make test` has xdist keep it."""
    place = {str(ROOT / "tests" / name): number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: place.get(str(item.path), len(LONG)))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """Nothing is left to look at for pytest, which looks for cycles twice as it ends, and for Python, which does once
    more: of all that a worker has made by then, that took ten seconds, and found nothing."""
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def _free_and_freeze():
    """Frees the compiled programs after a file of tests, when they have become many, and takes what it left out of the
    sight of `gc.collect`: Hypothesis calls it at the first test of a process, which late in one took five seconds."""
    yield
    mappings.free_programs(MOST_MAPPINGS)
    gc.freeze()


@pytest.fixture(scope="session")
def repo_root() -> pathlib.Path:
    """The folder of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> pathlib.Path:
    """The folder with the public corpora (`cmu_mosi`, `ravdess`); tests that need it are skipped where it is not."""
    named = os.environ.get("AFFECT_JAX_SHARED_DATA")
    places = [pathlib.Path(named)] if named else [ROOT.parent / "shared" / "data", ROOT / "shared" / "data"]
    for place in places:
        if place.is_dir():
            return place
    pytest.skip(f"no public corpora at {' or '.join(map(str, places))}; AFFECT_JAX_SHARED_DATA names another folder")


@pytest.fixture(scope="session")
def fork():
    """`programs.fork_program`: programs in processes of their own, without the seconds of imports that each new Python
    needs, from a server that has the tests' environment and the users' cache of compilations."""
    from affect_jax.runtime import startup
    from benchmarks import programs

    with mock.patch.dict(os.environ):
        startup.cache_compilations()
        programs.start_server()
    return programs.fork_program
