import shutil

import pytest

from affect_jax.datasets import iemocap

SMALL = {"sessions": 3, "utterances": 12, "text": 6, "video": 6, "audio": 8, "width": 3, "seed": 1}


def write_corpora(tmp_path_factory, form):
    folder = tmp_path_factory.mktemp("raw") / form
    iemocap.synthesize(folder, form=form, **SMALL)
    return folder


@pytest.fixture(scope="session")
def amh_raw(tmp_path_factory):
    return write_corpora(tmp_path_factory, "precomputed")


@pytest.fixture(scope="session")
def release_raw(tmp_path_factory):
    return write_corpora(tmp_path_factory, "release")


@pytest.fixture
def amh_copy(amh_raw, tmp_path):
    return shutil.copytree(amh_raw, tmp_path / "amh")


@pytest.fixture
def release_copy(release_raw, tmp_path):
    return shutil.copytree(release_raw, tmp_path / "release")


@pytest.fixture
def read(tmp_path):
    """(folder, form, modalities) -> what `load` gives."""

    def load(folder, form, *modalities, **settings):
        where = {"manual_dir": str(folder), "data_dir": str(tmp_path / "data")}
        return iemocap.load({**where, "form": form, "modalities": modalities, **settings})

    return load
