import shutil

import pytest

from affect_jax.datasets import ravdess

SMALL = {"actors": 6, "statements": 1, "repetitions": 1, "rate": 8000, "seed": 1}


@pytest.fixture(scope="session")
def ravdess_raw(tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw") / "ravdess"
    ravdess.synthesize(folder, **SMALL)
    return folder


@pytest.fixture
def ravdess_copy(ravdess_raw, tmp_path):
    return shutil.copytree(ravdess_raw, tmp_path / "ravdess")
