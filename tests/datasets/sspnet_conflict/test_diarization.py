"""Who speaks when, from files whose columns are known by name or by what they hold."""

import shutil

import numpy as np
import pytest

from affect_jax.datasets import sspnet_conflict
from affect_jax.datasets.sspnet_conflict.diarization import read_turns, write_turns
from affect_jax.errors import UserError

CLIP = "06-04-03_1230_1260.csv"
TURNS = np.array([[0, 12.5, 0], [11, 30, 1], [20, 21, 0]], np.float32)


@pytest.mark.parametrize(
    "text",
    [
        "start,end,speaker\n0,12.5,50\n11,30,x\n20,21,50\n",
        "Speaker;Onset;Offset;note\n50;0;12.5;\nx;11;30;a\n50;20;21;\n",  # other names, other order, another column
        "0,12.5,50\n11,30,153\n20,21,50\n",  # no header: what is not within 30 s names the speaker
        "50\t1230\t1242.5\n153\t1241\t1260\n50\t1250\t1251\n",  # seconds of the debate
    ],
)
def test_turns_are_read_however_their_columns_are_called(text, tmp_path):
    path = tmp_path / CLIP
    path.write_text(text)
    np.testing.assert_allclose(read_turns(path, 30.0), TURNS)


def test_what_is_written_is_read(tmp_path):
    write_turns(tmp_path / "d" / CLIP, TURNS)
    np.testing.assert_allclose(read_turns(tmp_path / "d" / CLIP, 30.0), TURNS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("start,end,speaker\n0,40,a\n", "has a turn from 0 to 40 s, but the clip lasts 30 s"),
        ("start,end,speaker\n9,8,a\n", "has a turn from 9 to 8 s"),
        ("a,b\n1,2\n", "starts with 'a,b', expected the columns start, end, speaker"),
        ("1,2,3\n4,5,6\n", "starts with '1,2,3', expected the columns"),  # two pairs of columns could be times
        ("start,end,speaker\n", "expected the columns"),
        ("start,end,speaker\n0,later,a\n", "expected the columns"),
    ],
)
def test_turns_that_tell_nothing(text, message, tmp_path):
    (tmp_path / CLIP).write_text(text)
    with pytest.raises(UserError, match=message):
        read_turns(tmp_path / CLIP, 30.0)


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw") / "sspnet_conflict"
    sspnet_conflict.synthesize(folder, train=3, validation=1, test=1, seconds=2)
    return folder


def load(folder, tmp_path, modalities=("log_mel", "turns")):
    return sspnet_conflict.load({"manual_dir": str(folder), "data_dir": str(tmp_path), "modalities": modalities})


def test_the_twin_overlaps_where_it_quarrels(raw, tmp_path):
    corpus = load(raw, tmp_path)
    planted = sspnet_conflict.read_planted({"manual_dir": str(raw), "data_dir": str(tmp_path)})
    clips = [clip for members in corpus.splits.values() for clip in members]
    assert any(planted.values())
    for clip in clips:
        assert clip.features.keys() == {"log_mel", "turns"}
        assert clip.features["turns"].shape == (len(clip.features["log_mel"]), 2)
        tenths = [part[:, 1].mean() for part in np.array_split(clip.features["turns"], 10)]
        np.testing.assert_allclose(tenths, np.isin(range(10), planted[clip.id]), atol=0.06)
        assert clip.targets["overlap"] == pytest.approx(len(planted[clip.id]) / 10, abs=0.01)


def test_missing_turns_and_a_corpus_of_single_speakers(raw, tmp_path):
    folder = shutil.copytree(raw, tmp_path / "release")
    for path in (folder / "manualdiarization").glob("*.csv"):
        path.write_text("start,end,speaker\n0,2,a\n")
    with pytest.raises(UserError, match="in none of the 3 training clips of sspnet_conflict two people speak at once"):
        load(folder, tmp_path)
    shutil.rmtree(folder / "manualdiarization")
    with pytest.raises(UserError, match=r"manualdiarization/.*csv is missing, and overlap is learned from"):
        load(folder, tmp_path)
    assert load(folder, tmp_path, ("log_mel",)).splits["test"][0].targets.keys() == {"conflict"}
