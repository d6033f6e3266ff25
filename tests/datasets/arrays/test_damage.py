"""Damaged files of arrays: a sentence that names the file, or a corpus in which everything is as it must be."""

import numpy as np
import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from affect_jax.datasets import arrays
from affect_jax.errors import UserError
from tests.datasets import fuzzing


def check_corpus(recordings):
    """Numbers may be others than before, as only npz files have checksums; their form may not."""
    members = [r for split in recordings.splits.values() for r in split]
    assert members
    assert len({r.id for r in members}) == len(members)
    widths = {}
    for recording in members:
        assert len(recording.steps) == 1
        (target,) = recording.targets.values()
        assert target.shape == (1,)
        assert np.isfinite(target).all()
        for name, values in recording.features.items():
            assert values.dtype == np.float32
            assert len(values)
            assert widths.setdefault(name, values.shape[1]) == values.shape[1]
            assert np.isfinite(values).all()


@pytest.mark.parametrize(("form", "examples"), [("pickle", 40), ("npz", 20), ("h5", 10)])
def test_damaged_files_are_refused_or_load_whole(tmp_path_factory, form, examples, monkeypatch):
    fuzzing.patch_builds(monkeypatch)
    folder = tmp_path_factory.mktemp("fuzz") / "corpus"
    arrays.synthesize(folder, form=form, videos=5, clips=2, steps=3)
    (path,) = folder.glob("unaligned.*")
    whole = arrays.load({"path": str(folder)})

    @fuzzing.few(examples)
    @given(st.data())
    def read_damaged(data):
        damage = data.draw(fuzzing.damage(path))
        note(damage.kind)
        undo = fuzzing.apply_damage(damage, path)
        try:
            loaded = arrays.load({"path": str(folder)})
        except UserError as error:
            fuzzing.check_message(str(error), damage.kind, path, folder)
        else:
            check_corpus(loaded)
            if form == "npz" and loaded.form == whole.form and damage.kind != "head":
                assert loaded.fingerprint == whole.fingerprint
        finally:
            undo()

    read_damaged()
