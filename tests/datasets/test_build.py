import os
import resource

import numpy as np
import pytest

from affect_jax.datasets import recola, whole_folder
from affect_jax.errors import UserError


def test_whole_folder_or_nothing(tmp_path):
    target = tmp_path / "deep" / "folder"

    def fail_halfway():
        with whole_folder.make_whole_folder(target) as place:
            (place / "half").write_text("x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_halfway()
    assert list(target.parent.iterdir()) == []
    with whole_folder.make_whole_folder(target) as place:
        (place / "a").write_text("x")
        assert not target.exists()
    assert [p.name for p in target.parent.iterdir()] == ["folder"]
    with pytest.raises(UserError, match="exists already"), whole_folder.make_whole_folder(target):
        pass


@pytest.mark.parametrize("inside", ["synthetic", "built"])
def test_data_dir_that_cannot_be_written(tmp_path, recola_raw, inside):
    (tmp_path / inside).write_text("a file where a folder should be")
    given = {"data_dir": str(tmp_path)}
    if inside == "built":
        given["manual_dir"] = str(recola_raw)
    with pytest.raises(UserError, match=r"cannot build the corpus: .*data_dir to a folder that can be written"):
        recola.load(given)


def test_a_failed_build_leaves_nothing_that_counts(tmp_path, recola_copy):
    path = recola_copy / "features_audio" / "arousal" / "test_2.arff"
    whole = path.read_text()
    path.write_text(whole[: len(whole) // 2])
    given = {"manual_dir": str(recola_copy), "data_dir": str(tmp_path / "data")}
    with pytest.raises(UserError, match="test_2.arff"):
        recola.load(given)
    assert not list((tmp_path / "data").rglob("*.array_record*"))
    path.write_text(whole)
    assert len(recola.load(given).splits["test"]) == 2


def test_a_full_disk_is_a_user_error(tmp_path, recola_raw):
    # A limit on the size of files stands for the full disk: array_record meets it in the same place.
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    given = {"manual_dir": str(recola_raw), "data_dir": str(tmp_path)}
    resource.setrlimit(resource.RLIMIT_FSIZE, (1500, before[1]))
    try:
        with pytest.raises(UserError, match="cannot (build|write) the corpus"):
            recola.load(given)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert len(recola.load(given).splits["train"]) == 2


def test_rebuilt_when_the_release_changed_and_only_then(tmp_path, recola_copy):
    given = {"manual_dir": str(recola_copy), "data_dir": str(tmp_path / "data")}
    first = recola.load(given)
    records = next((tmp_path / "data").rglob("*train*.array_record*"))
    stamp = records.stat().st_mtime_ns
    assert recola.load(given).fingerprint == first.fingerprint
    assert records.stat().st_mtime_ns == stamp
    gold = recola_copy / "ratings_gold_standard" / "arousal" / "train_1.arff"
    lines = gold.read_text().splitlines()
    gold.write_text("\n".join([*lines[:-1], "train_1,0.76,0.5"]))
    changed = recola.load(given)
    assert changed.fingerprint != first.fingerprint
    assert changed.splits["train"][0].targets["arousal"][-1] == np.float32(0.5)


@pytest.mark.parametrize("name", ["dataset_info.json", "recola-train.array_record-00000-of-00001"])
def test_what_an_older_version_built_without_checksums_is_refused_where_it_cannot_be_read(tmp_path, recola_raw, name):
    given = {"manual_dir": str(recola_raw), "data_dir": str(tmp_path)}
    before = recola.load(given)
    (seal,) = tmp_path.rglob("checksums.json")
    seal.unlink()
    stamp = seal.with_name(name).stat().st_mtime_ns
    assert recola.load(given).fingerprint == before.fingerprint
    assert seal.with_name(name).stat().st_mtime_ns == stamp, "it is not built again, and gets its checksums now"
    seal.unlink()
    seal.with_name(name).write_bytes(b"not what you expect")
    with pytest.raises(UserError, match=rf"the built corpus {seal.parent} cannot be read .*; delete that folder"):
        recola.load(given)


def test_two_releases_share_a_data_dir(tmp_path, recola_raw, recola_copy):
    path = recola_copy / "ratings_gold_standard" / "arousal" / "train_1.arff"
    path.write_text(path.read_text().rpartition(",")[0] + ",0.5\n")
    data = str(tmp_path / "data")
    prints = [recola.load({"manual_dir": str(m), "data_dir": data}).fingerprint for m in (recola_raw, recola_copy)]
    assert prints[0] != prints[1]
    assert recola.load({"manual_dir": str(recola_raw), "data_dir": data}).fingerprint == prints[0]


def test_nothing_is_pickled(tmp_path, recola_raw):
    recola.load({"manual_dir": str(recola_raw), "data_dir": str(tmp_path)})
    kinds = {os.path.splitext(p.name)[1].partition("-")[0] for p in tmp_path.rglob("*") if p.is_file()}
    assert kinds == {".array_record", ".json"}


def test_what_killed_builders_left_is_removed_while_nobody_builds(tmp_path):
    left = tmp_path / "corpus" / "config" / "incomplete.1.0.0_abc"
    with whole_folder.build_below(tmp_path):
        left.mkdir(parents=True)
        with whole_folder.build_below(tmp_path):  # somebody else builds: nothing is touched
            assert left.is_dir()
    with whole_folder.build_below(tmp_path):
        assert not left.exists()
    assert (tmp_path / "corpus" / "config").is_dir()
