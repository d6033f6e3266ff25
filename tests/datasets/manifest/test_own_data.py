"""The scripts of docs/own_data.md, as they stand there, on a small RAVDESS."""

import re
import subprocess
import sys

import numpy as np
import pytest

from affect_jax.datasets import manifest, ravdess


@pytest.fixture
def scripts(repo_root, tmp_path, monkeypatch):
    ravdess.synthesize(tmp_path / "raw", actors=5, statements=1, repetitions=1, rate=8000)
    monkeypatch.chdir(tmp_path)
    text = (repo_root / "docs" / "own_data.md").read_text()
    result = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    return [script.replace("RAVDESS_DIR", str(tmp_path / "raw")) for script in result]


def test_five_lines_make_a_manifest_and_seven_more_add_the_face(scripts, tmp_path):
    first, second = scripts
    assert sum(bool(line) for line in first.splitlines()) == 5
    (tmp_path / "make.py").write_text(first + second)
    subprocess.run([sys.executable, "make.py"], check=True)
    settings = {"data_dir": str(tmp_path / "data"), "sound": "waveform", "folds": 3}
    voice = manifest.describe({**settings, "manifest": "ravdess.csv"})
    assert (voice.items, voice.groups) == (75, 5)
    assert voice.labels["label"].classes == tuple(sorted(ravdess.LABELS["emotion"][1]))
    result = manifest.load({**settings, "manifest": "both.csv"})
    where = {"manual_dir": str(tmp_path / "raw"), "data_dir": str(tmp_path / "data")}
    known = {
        clip.id: clip for clip in ravdess.load({**where, "modalities": ("speech", "action_units")}).splits["train"]
    }
    for item in result.splits["train"]:
        clip = known[item.id]
        assert item.group == clip.group.replace("actor_", "actor")
        assert (
            result.labels[int(item.targets["label"][0])]
            == ravdess.LABELS["emotion"][1][int(clip.targets["emotion"][0])]
        )
        np.testing.assert_array_equal(item.features["voice"], clip.features["speech"])
        np.testing.assert_array_equal(item.features["face"], clip.features["action_units"])
