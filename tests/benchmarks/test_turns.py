import subprocess
from pathlib import Path

import pytest

from benchmarks import timing, turns


def test_a_line_has_median_and_lower_quartile_of_both():
    now, before = [0.2, 0.1, 0.3, 0.2, 0.2], [0.4, 0.4, 0.4, 0.9, 0.4]
    assert turns.line("a step", now, before) == ["a step", "200.0 ms / 200.0 ms", "400.0 ms / 400.0 ms", "2.00 / 2.00"]


def test_processes_of_both_take_turns(monkeypatch):
    asked = []

    class Worker:
        def __init__(self, side, case, count, precision, folder):
            self.folder = folder

        def start(self):
            asked.append(f"start {self.folder}")

        def read(self):
            return {}

        def ask(self, question):
            asked.append(str(self.folder))
            return {"seconds": 100.0 if str(self.folder) == "here" else 300.0, "loss": 1.0}

        def finish(self):
            return {"peak": 1}

        def stop(self):
            asked.append("stop")

    monkeypatch.setattr(turns, "Worker", Worker)
    monkeypatch.setattr(timing, "SETTLE_SECONDS", 0.0)
    folders = {"now": Path("here"), "before": Path("there")}
    found = turns.measure("sew", folders, rounds=3, processes=2, precision="float32")  # blocks of 100 steps
    assert found == {"now": [1.0] * 6, "before": [3.0] * 6}
    assert asked == ["start here", "start there"] * 2 + ["here", "there"] * 6 + ["stop"] * 4


def test_a_commit_is_unpacked_and_what_is_none_says_so(tmp_path):
    with pytest.raises(ValueError, match="'no-such-commit' is no commit of"):
        turns.unpack("no-such-commit", tmp_path)
    if subprocess.run(["git", "rev-parse", "HEAD"], cwd=turns.ROOT, capture_output=True).returncode:
        pytest.skip("this checkout has no git history")
    turns.unpack("HEAD", tmp_path)
    assert (tmp_path / "benchmarks" / "worker.py").is_file()
