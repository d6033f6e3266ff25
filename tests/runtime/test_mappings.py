"""Programs are freed before there is no room for further ones."""

import subprocess
import sys

import jax
import pytest

from affect_jax.runtime import mappings

FREED = """
import gc

import jax
import numpy as np
from affect_jax.runtime import mappings

gc.disable()
programs = [jax.jit(lambda x, n=n: (x * n).sum()) for n in range(21)]
programs[0](np.ones(3, np.float32))  # with which XLA starts its threads
start = mappings.count_mappings()
for program in programs[1:]:
    program(np.ones(3, np.float32))
full = mappings.count_mappings()
assert mappings.free_programs(0)
assert full - mappings.count_mappings() > 0.8 * (full - start) > 20, (start, full, mappings.count_mappings())
"""


def test_programs_are_unmapped_without_a_search_for_cycles():
    """Which takes seconds late in a process; even programs that are kept, as those of studies are, are let go."""
    if not mappings.count_mappings():
        pytest.skip("this system does not say what is mapped")
    subprocess.run([sys.executable, "-c", FREED], check=True)


def test_programs_are_freed_when_they_are_many(monkeypatch, tmp_path):
    if not mappings.count_mappings():
        pytest.skip("this system does not say what is mapped")
    cleared = []
    monkeypatch.setattr(jax, "clear_caches", lambda: cleared.append("caches"))
    limit = tmp_path / "max_map_count"
    monkeypatch.setattr(mappings, "_LIMIT", limit)
    assert not mappings.free_programs(), "a system without a limit"
    limit.write_text(f"{100 * mappings.count_mappings()}\n")
    assert not mappings.free_programs()
    assert not cleared
    limit.write_text(f"{mappings.count_mappings()}\n")
    assert mappings.free_programs()
    assert cleared == ["caches"]
