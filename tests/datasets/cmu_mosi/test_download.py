"""No network is needed: `_open_url` of TFDS' downloader answers from a folder; everything behind it is TFDS' own."""

import contextlib
import hashlib
import shutil

import pytest
import requests
from tensorflow_datasets.core.download import downloader

from affect_jax.datasets import cmu_mosi
from affect_jax.datasets.cmu_mosi import poria_release
from affect_jax.datasets.cmu_mosi.builder import URL, CmuMosi
from affect_jax.errors import UserError


class Response:
    def __init__(self, url):
        self.url, self.headers = url, {}


@pytest.fixture
def serve(monkeypatch):
    """Answers every URL of the repository with the folder's file; returns the list of what was asked for."""

    def start(folder):
        asked = []

        @contextlib.contextmanager
        def open_url(url, **_):
            asked.append(url)
            path = folder / url.removeprefix(URL)
            if not path.is_file():
                raise requests.ConnectionError(f"no route to {url}")
            yield Response(url), iter([path.read_bytes()])

        monkeypatch.setattr(downloader, "_open_url", open_url)
        return asked

    return start


def test_every_file_has_a_registered_checksum():
    assert set(CmuMosi.url_infos) == {URL + name for name in poria_release.FILES}


def test_registered_checksums_are_those_of_the_copy_at_hand(shared_data):
    folder = shared_data / "cmu_mosi"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    for name in poria_release.FILES:
        data = (folder / name).read_bytes()
        info = CmuMosi.url_infos[URL + name]
        assert (info.size, info.checksum) == (len(data), hashlib.sha256(data).hexdigest()), name


def test_downloads_the_release_once(shared_data, tmp_path, serve):
    folder = shared_data / "cmu_mosi"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    asked = serve(folder)
    settings = {"download": True, "data_dir": str(tmp_path)}
    downloaded = cmu_mosi.load(settings)
    assert sorted(asked) == sorted(URL + name for name in poria_release.FILES)
    by_hand = cmu_mosi.load({"manual_dir": str(folder), "data_dir": str(tmp_path)})
    assert downloaded.fingerprint == by_hand.fingerprint
    assert cmu_mosi.load(settings).fingerprint == downloaded.fingerprint
    assert len(asked) == len(poria_release.FILES), "a built corpus asks for nothing"
    with pytest.raises(UserError, match="has no mosi_labels.csv"):
        cmu_mosi.load({**settings, "labels": "class7"})
    shutil.rmtree(tmp_path / "built")
    cmu_mosi.load(settings)
    assert len(asked) == len(poria_release.FILES), "nor does a rebuild, while the downloads are there"


def test_other_bytes_are_refused(mosi_raw, tmp_path, serve):
    serve(mosi_raw)
    with pytest.raises(UserError, match="a downloaded file is not the registered one .*has wrong checksum"):
        cmu_mosi.load({"download": True, "data_dir": str(tmp_path)})
    assert not list(tmp_path.rglob("*.array_record*"))


def test_no_network(tmp_path, serve):
    serve(tmp_path / "nothing")
    with pytest.raises(UserError, match="the download failed .no route to .* fetch the files by hand"):
        cmu_mosi.load({"download": True, "data_dir": str(tmp_path)})


def test_download_or_manual_dir(mosi_raw, tmp_path):
    with pytest.raises(UserError, match="sets both manual_dir and download; keep one"):
        cmu_mosi.load({"download": True, "manual_dir": str(mosi_raw), "data_dir": str(tmp_path)})
