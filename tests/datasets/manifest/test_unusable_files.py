"""A file that cannot be used costs the others nothing: it is named, and left out where one asks for that."""

import numpy as np
import pytest

from affect_jax.datasets import manifest
from affect_jax.errors import UserError

ITEMS = 12
BROKEN = {"face": {2: b"no array", 5: None}, "text": {2: b""}}


@pytest.fixture
def corpus(tmp_path):
    """12 items of 6 groups with two modalities; of item 2 both files are broken, of item 5 one is missing."""
    lines = ["id,group,label,face,text"]
    for n in range(ITEMS):
        for modality, width in (("face", 3), ("text", 2)):
            path = tmp_path / f"{modality}{n}.npy"
            content = BROKEN[modality].get(n, b"whole")
            if content == b"whole":
                np.save(path, np.full((4, width), n, np.float32))
            elif content is not None:
                path.write_bytes(content)
        lines.append(f"item{n},g{n % 6},{'ab'[n // 6]},face{n}.npy,text{n}.npy")
    (tmp_path / "own.csv").write_text("\n".join(lines) + "\n")
    return {"manifest": str(tmp_path / "own.csv"), "data_dir": str(tmp_path / "data"), "folds": 3}


def test_all_are_named_and_nothing_is_built(corpus, tmp_path):
    with pytest.raises(UserError) as caught:
        manifest.load(corpus)
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[0].rpartition(" row ")[2] for line in lines] == ["4", "4", "7"]
    assert all("config.corpus.unusable='leave_out' goes on without" in line for line in lines)
    assert not (tmp_path / "data" / "built").exists()


def test_the_others_go_on(corpus):
    corpus["unusable"] = "leave_out"
    recordings = manifest.load(corpus)
    by_id = {recording.id: recording for members in recordings.splits.values() for recording in members}
    assert set(by_id) == {f"item{n}" for n in range(ITEMS) if n != 2}
    assert set(by_id["item5"].features) == {"text"}
    for name, recording in by_id.items():
        for values in recording.features.values():
            np.testing.assert_array_equal(values, float(name.removeprefix("item")))
    told = "\n".join(manifest.list_contents(corpus))
    assert "row 4, 'face' left out" in told
    assert "row 7, 'face' left out" in told
    assert "rows without any usable file, which are left out: 1" in told


def test_without_any_file_there_is_no_corpus(corpus, tmp_path):
    for path in tmp_path.glob("*.npy"):
        path.write_bytes(b"")
    with pytest.raises(UserError, match="names no file that can be used: row 2"):
        manifest.load(corpus | {"unusable": "leave_out"})
