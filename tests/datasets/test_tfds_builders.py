"""The builders as plain TFDS finds them: runs the code that docs/corpora.md shows."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "corpora.md"
BLOCKS = [block for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL) if "tfds.builder" in block]
CHECKS = """
assert len(train) > 1
assert all(values.ndim == 2 for values in example["features"].values())
import sys
assert not {"tensorflow", "jax"} & set(sys.modules)
"""


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: re.search(r'tfds\.builder\("(\w+)', block)[1])
def test_the_blocks_of_the_page_run_and_need_no_tensorflow(block, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    done = subprocess.run(
        [sys.executable, "-c", block + CHECKS], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "built").rglob("*.array_record*"))


def test_the_page_shows_two_corpora():
    assert len(BLOCKS) == 2
