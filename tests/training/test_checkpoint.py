"""Checkpoints: whole or refused in one sentence, and the one before outlives whatever befalls the next."""

import errno
import json

import numpy as np
import orbax.checkpoint as ocp
import pytest

from affect_jax.errors import UserError
from affect_jax.runtime import files
from affect_jax.training import checkpoint

TREE = {"a": {"kernel": np.arange(6.0).reshape(2, 3)}, "b": np.array(True)}


@pytest.fixture
def folder(tmp_path):
    """Checkpoint 3 of TREE."""
    checkpoint.save_checkpoint(tmp_path / "fit", 3, TREE, {"epoch": 3})
    return tmp_path / "fit"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def is_whole(folder, epoch):
    leaves, meta = checkpoint.restore_checkpoint(folder)
    np.testing.assert_array_equal(leaves["a/kernel"], TREE["a"]["kernel"])
    return meta == {"epoch": epoch}


def test_what_was_saved_comes_back_and_only_the_newest_are_kept(folder):
    assert is_whole(folder, 3)
    for epoch in (4, 5, 6):
        checkpoint.save_checkpoint(folder, epoch, TREE, {"epoch": epoch}, keep=2)
    assert names(folder) == ["000005", "000005.json", "000006", "000006.json"]
    assert is_whole(folder, 6)
    assert checkpoint.restore_checkpoint(folder / "nothing") is None


def test_numbers_as_keys_are_no_damage(folder):
    checkpoint.save_checkpoint(folder, 4, TREE, {"stopped": {2: "a", 10: "b"}})
    assert checkpoint.restore_checkpoint(folder)[1] == {"stopped": {"2": "a", "10": "b"}}


def test_a_disk_that_fills_up_in_the_arrays_leaves_the_checkpoint_before(folder, monkeypatch):
    def full(self, path, tree):
        half = path.with_name(f"{path.name}.orbax-checkpoint-tmp")
        half.mkdir()
        (half / "d").write_bytes(b"half")
        # as tensorstore says it
        raise ValueError("RESOURCE_EXHAUSTED: Failed to write: No space left on device [os_error_code='28']")

    monkeypatch.setattr(ocp.StandardCheckpointer, "save", full)
    with pytest.raises(OSError, match="No space left on device: .*000004") as caught:
        checkpoint.save_checkpoint(folder, 4, TREE, {"epoch": 4})
    assert caught.value.errno == errno.ENOSPC
    assert names(folder) == ["000003", "000003.json"]
    assert is_whole(folder, 3)


def test_a_disk_that_fills_up_after_the_arrays_leaves_the_checkpoint_before(folder, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device: .*000004.json"):
        checkpoint.save_checkpoint(folder, 4, TREE, {"epoch": 4})
    monkeypatch.undo()
    assert names(folder) == ["000003", "000003.json"]
    assert is_whole(folder, 3)


def cut(path):
    path.write_bytes(path.read_bytes()[:-2])


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def largest(folder):
    return max((p for p in (folder / "000003").rglob("*") if p.is_file()), key=lambda path: path.stat().st_size)


@pytest.mark.parametrize(
    ("which", "harm"),
    [
        (largest, cut),
        (largest, flip),
        (largest, lambda path: path.unlink()),
        (largest, lambda path: path.with_name("more").write_text("")),
        (lambda folder: folder / "000003.json", cut),
        (lambda folder: folder / "000003.json", lambda path: path.write_text('{"meta": {}}')),
        (
            lambda folder: folder / "000003.json",
            lambda path: path.write_text(path.read_text().replace('"epoch": 3', '"epoch": 2')),
        ),
    ],
)
def test_a_damaged_checkpoint_is_one_clear_sentence(folder, which, harm):
    harm(which(folder))
    with pytest.raises(UserError, match=r"000003 is damaged \(.*\); delete .*fit to train this stage again"):
        checkpoint.restore_checkpoint(folder)


def test_where_an_older_one_is_left_it_says_how_to_go_on_from_it(folder):
    checkpoint.save_checkpoint(folder, 4, TREE, {"epoch": 4}, keep=2)
    cut(folder / "000004.json")
    with pytest.raises(UserError, match=r"delete .*000004 and 000004.json beside it to go on from checkpoint 000003"):
        checkpoint.restore_checkpoint(folder)
    (folder / "000004.json").unlink()
    assert is_whole(folder, 3)


def test_another_schema_is_one_clear_sentence_and_none_is_the_first(folder):
    path = folder / "000003.json"
    entry = json.loads(path.read_text())
    files.write_json(path, {**entry, "schema": 9})
    with pytest.raises(UserError, match=r"is of schema 9, this version of affect_jax reads 1; use the version"):
        checkpoint.restore_checkpoint(folder)
    del entry["schema"]
    files.write_json(path, entry)
    assert is_whole(folder, 3)


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"a": {"kernel": TREE["a"]["kernel"]}}, "is of another model: it has 'b'"),
        ({**TREE, "c": np.zeros(2)}, "is of another model: it lacks 'c'"),
        ({**TREE, "b": np.zeros(2, bool)}, r"is of another model: its 'b' is \[\], not \[2\]"),
    ],
)
def test_another_model_is_one_clear_sentence(folder, tree, message):
    with pytest.raises(UserError, match=message):
        checkpoint.restore_like(tree, checkpoint.restore_checkpoint(folder)[0], folder, check_shapes=True)
