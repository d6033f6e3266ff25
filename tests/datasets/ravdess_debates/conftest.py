import pytest

from affect_jax.datasets import ravdess


@pytest.fixture(scope="session")
def ravdess_raw(tmp_path_factory):
    """A synthetic release in which each part of the debates has two actors."""
    folder = tmp_path_factory.mktemp("raw") / "ravdess"
    ravdess.synthesize(folder, actors=10, statements=1, repetitions=1, rate=8000, seed=1)
    return folder
