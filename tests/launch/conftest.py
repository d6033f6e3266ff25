"""Programs of launch/ in processes of their own, without the seconds of imports that each new Python needs."""

import os
from unittest import mock

import pytest

from affect_jax.runtime import startup
from benchmarks import programs


@pytest.fixture(scope="session")
def fork():
    """`programs.fork_program`, from a server that has the tests' environment and the users' cache of compilations."""
    with mock.patch.dict(os.environ):
        startup.cache_compilations()
        programs.start_server()
    return programs.fork_program
