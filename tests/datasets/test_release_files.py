import json
import os

import numpy as np
import pytest

from affect_jax.datasets import release_files
from affect_jax.errors import UserError


def test_default_data_dir_respects_xdg(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert release_files.find_default_data_dir() == tmp_path / "affect_jax" / "corpora"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert release_files.find_default_data_dir() == tmp_path / ".cache" / "affect_jax" / "corpora"


def test_csv_round_trip_with_quotes_and_inner_newline(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('\ufeff"x, y","two\nlines"\n"1","2"\n\n')
    assert release_files.read_rows(path) == [["x, y", "two\nlines"], ["1", "2"]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("1,2\n3\n", "row 2 has 1 columns, expected 2"),
        ("1,2\n\n3,4\n", "row 2 has 0 columns, expected 2"),
        ('1,2\n"3,4\n', "is not a csv file"),
    ],
)
def test_damaged_csv(tmp_path, text, message):
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        release_files.read_rows(path)


def test_missing_and_binary_files(tmp_path):
    with pytest.raises(UserError, match=r"a.csv is missing"):
        release_files.read_rows(tmp_path / "a.csv")
    (tmp_path / "a.csv").write_bytes(b"1,\xff\n")
    with pytest.raises(UserError, match="is not UTF-8 text"):
        release_files.read_rows(tmp_path / "a.csv")


def test_floats_are_strict(tmp_path):
    path = tmp_path / "a.csv"
    np.testing.assert_array_equal(
        release_files.parse_floats([["1", "nan"], ["-2e3", "inf"]], path), [[1, np.nan], [-2e3, np.inf]]
    )
    for bad in ("", "x", "1,5", "0x10"):
        with pytest.raises(UserError, match=rf"a.csv row 3 column 2 is {bad!r}, not a number"):
            release_files.parse_floats([["1", "2"], ["3", bad]], path, first_row=2)


def test_too_large_becomes_infinite_without_a_warning():
    assert release_files.convert_to_float32(np.array([1e39]))[0] == np.inf


def test_signature_follows_the_files(tmp_path):
    (tmp_path / "sub").mkdir()
    path = tmp_path / "sub" / "a.csv"
    path.write_text("1")
    (tmp_path / "b.wav").write_text("1")
    before = release_files.sign_files(tmp_path, (".csv",))
    (tmp_path / "b.wav").write_text("22")
    assert release_files.sign_files(tmp_path, (".csv",)) == before
    os.utime(path, ns=(1, 1))
    assert release_files.sign_files(tmp_path, (".csv",)) != before


def test_marker_whose_sizes_cannot_be(tmp_path):
    like = {"clips": {"train": 3}, "actors": (1,), "seconds": 1.0}
    good = {"clips": {"train": 5}, "actors": [2, 3], "seconds": 2}
    for sizes in ([], {}, good | {"clips": {"test": 5}}, good | {"actors": ["2"]}, good | {"seconds": -1}, good):
        (tmp_path / release_files.MARKER).write_text(json.dumps({"corpus": "recola", "sizes": sizes}))
        if sizes == good:
            assert release_files.read_marker(tmp_path, "recola", like)["sizes"] == good
            continue
        with pytest.raises(
            UserError, match=r"sizes in .*json are not what the generator writes \(clips, actors, seconds"
        ):
            release_files.read_marker(tmp_path, "recola", like)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not what a generator writes"),
        ("{}", "is not what"),
        ('{"corpus": "x", "sizes": {}}', "synthetic 'x' corpus"),
    ],
)
def test_marker_of_another_corpus_or_damaged(tmp_path, text, message):
    assert release_files.read_marker(tmp_path, "recola", {}) is None
    (tmp_path / release_files.MARKER).write_text(text)
    with pytest.raises(UserError, match=message):
        release_files.read_marker(tmp_path, "recola", {})
