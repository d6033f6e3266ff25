import shutil

import pytest

from affect_jax.datasets import cmu_mosi, recola

RECOLA = {"recordings": 2, "frames": 20, "audio": 3, "video_geometric": 4, "video_appearance": 2, "seed": 1}
MOSI = {"train_videos": 7, "test_videos": 3, "text": 5, "audio": 3, "video": 4, "seed": 1}


@pytest.fixture(scope="session")
def recola_raw(tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw") / "recola"
    recola.synthesize(folder, **RECOLA)
    return folder


@pytest.fixture(scope="session")
def mosi_raw(tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw") / "cmu_mosi"
    cmu_mosi.synthesize(folder, **MOSI)
    return folder


@pytest.fixture
def recola_copy(recola_raw, tmp_path):
    return shutil.copytree(recola_raw, tmp_path / "recola")


@pytest.fixture
def mosi_copy(mosi_raw, tmp_path):
    return shutil.copytree(mosi_raw, tmp_path / "cmu_mosi")
