"""Programs are freed before there is no room for further ones."""

import jax
import pytest

from affect_jax.runtime import mappings


def test_programs_are_freed_when_they_are_many(monkeypatch, tmp_path):
    if not mappings.count_mappings():
        pytest.skip("this system does not say what is mapped")
    cleared = []
    monkeypatch.setattr(jax, "clear_caches", lambda: cleared.append("caches"))
    # Late in a run of all tests it would look at seconds' worth of objects.
    monkeypatch.setattr(mappings.gc, "collect", lambda: cleared.append("objects"))
    limit = tmp_path / "max_map_count"
    monkeypatch.setattr(mappings, "_LIMIT", limit)
    assert not mappings.free_programs(), "a system without a limit"
    limit.write_text(f"{100 * mappings.count_mappings()}\n")
    assert not mappings.free_programs()
    assert not cleared
    limit.write_text(f"{mappings.count_mappings()}\n")
    assert mappings.free_programs()
    assert cleared == ["caches", "objects"]
