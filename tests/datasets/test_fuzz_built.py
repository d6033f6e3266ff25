"""Damaged built corpora, as TFDS has written them, are built again: what is loaded is what was loaded before.

Readers of releases are fuzzed in test_fuzz.py; what is built is read by one reader for all corpora.
"""

import json
import shutil

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from affect_jax.datasets import recola
from tests.datasets.fuzzing import Damage, check_loaded, few, flip
from tests.fuzzing_documents import change_document


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """Settings of two built corpora: the one that is damaged, and one of other sizes whose files lie in its place."""
    place = tmp_path_factory.mktemp("built")
    settings = {}
    for name, frames in (("mine", 8), ("other", 9)):
        recola.synthesize(place / name, recordings=1, frames=frames, audio=2, video_geometric=3, video_appearance=2)
        settings[name] = {"manual_dir": str(place / name), "data_dir": str(place / f"{name}_data"), "target": "arousal"}
        recola.load(settings[name])
    return place, settings["mine"]


@st.composite
def damage(draw, built, other):
    """(file, its new bytes or None)."""
    path = draw(st.sampled_from(sorted(path for path in built.rglob("*") if path.is_file())), label="file")
    data = path.read_bytes()
    kinds = ["cut", "flip", "flip", "removed", "empty", "words", "another's"] + ["value"] * 4 * (path.suffix == ".json")
    kind = draw(st.sampled_from(kinds), label="kind")
    if kind == "cut":
        return path, data[: draw(st.integers(0, max(len(data) - 1, 0)))]
    if kind == "flip" and data:
        return path, flip(data, draw(st.integers(0, len(data) - 1)), draw(st.integers(0, 7)))
    if kind == "value":
        return path, json.dumps(change_document(draw, json.loads(data))).encode()
    if kind == "another's":
        # The folder of a built corpus is named after the place of its release.
        (theirs,) = other.glob(f"*/{path.relative_to(next(built.iterdir()))}")
        return path, theirs.read_bytes()
    return path, None if kind == "removed" else b"" if kind == "empty" else b"not what you expect"


@few(40)
@given(data=st.data())
def test_a_damaged_built_corpus_is_loaded_as_it_was(corpora, data):
    place, settings = corpora
    built, copy = place / "mine_data" / "built", place / "copy"
    before = recola.load(settings)
    path, content = data.draw(damage(built, place / "other_data" / "built"))
    note(str(path))
    shutil.copytree(built, copy)
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    try:
        after = recola.load(settings)
    finally:
        shutil.rmtree(built)
        copy.rename(built)
    check_loaded(before, after, Damage("none", b""), None)
    assert after.fingerprint == before.fingerprint
