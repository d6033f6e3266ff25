import json

import numpy as np
import pytest

from affect_jax.datasets import recola
from affect_jax.datasets.release_files import MARKER
from affect_jax.errors import UserError

STRONGER = {"arousal": "audio", "valence": "video_geometric"}


@pytest.fixture(scope="module", params=["arousal", "valence"])
def corpus(request, tmp_path_factory):
    """Fewer columns than the default, so that linear algebra costs nothing; more recordings, to measure on."""
    folder = tmp_path_factory.getbasetemp() / "recola_small"
    sizes = {"recordings": 8, "audio": 60, "video_geometric": 150, "video_appearance": 120}
    return recola.load({"data_dir": str(folder), "target": request.param, "synthetic": sizes})


def frames(corpus, part, name):
    """Three recordings to train on, as in the default corpus, and all to validate on."""
    recordings = corpus.splits[part][:3] if part == "train" else corpus.splits[part]
    result = [r.features.get(name, r.targets.get(name)) for r in recordings]
    return np.concatenate(result).astype(np.float64)


def ccc(a, b):
    return 2 * np.cov(a, b, bias=True)[0, 1] / (a.var() + b.var() + (a.mean() - b.mean()) ** 2)


def ridge(x, y, strength):
    return np.linalg.solve(x.T @ x + strength * len(x) * np.eye(x.shape[1]), x.T @ y)


def test_default_sizes(tmp_path):
    corpus = recola.load({"data_dir": str(tmp_path)})
    assert corpus.synthetic
    for recordings in corpus.splits.values():
        assert len(recordings) == 3
        for recording in recordings:
            shapes = {name: values.shape for name, values in recording.features.items()}
            assert shapes == {"audio": (250, 88), "video_geometric": (250, 632), "video_appearance": (250, 168)}
            assert all(np.isfinite(values).all() for values in recording.features.values())


def test_faces_are_lost_in_video_only(corpus):
    for recording in corpus.splits["train"]:
        lost = {m: int((v == 0).all(axis=1).sum()) for m, v in recording.features.items()}
        assert lost["audio"] == 0
        assert lost["video_geometric"] > 0
        assert lost["video_appearance"] > 0


def test_gold_is_smooth_and_bounded(corpus):
    for recording in corpus.splits["train"] + corpus.splits["validation"]:
        gold = recording.targets[corpus.form].astype(np.float64)
        assert np.abs(gold).max() < 1
        assert np.corrcoef(gold[:-1], gold[1:])[0, 1] > 0.97


def test_planted_the_stronger_is_stronger_and_teaches_the_weaker(corpus):
    target, stronger = corpus.form, STRONGER[corpus.form]
    y, y_dev = frames(corpus, "train", target), frames(corpus, "validation", target)
    scaled = {}
    for name in corpus.splits["train"][0].features:
        x, x_dev = frames(corpus, "train", name), frames(corpus, "validation", name)
        scaled[name] = (x - x.mean(0)) / x.std(0), (x_dev - x.mean(0)) / x.std(0)

    def best(x, x_dev, strengths=(1e-2, 1e-1, 1.0)):
        return max(ccc(x_dev @ ridge(x, y - y.mean(), s) + y.mean(), y_dev) for s in strengths)

    alone = {name: best(*x) for name, x in scaled.items()}
    assert max(alone, key=alone.get) == stronger
    gains = []
    for name in set(alone) - {stronger}:
        assert alone[name] > 0.2, "the weaker modality does know something"
        x, x_dev = scaled[name]
        to_stronger = ridge(x, scaled[stronger][0], 1e-2)
        shown = x @ to_stronger
        axes = np.linalg.eigh(shown.T @ shown)[1][:, -5:]
        gains.append(best(shown @ axes, x_dev @ to_stronger @ axes, (1e-3,)) - alone[name])
    assert np.mean(gains) > 0.01, gains


def test_seeded_and_marked(tmp_path):
    sizes = {"recordings": 1, "frames": 8, "audio": 1, "video_geometric": 1, "video_appearance": 1}
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        recola.synthesize(tmp_path / name, **sizes, seed=seed)
    a, b, c = ({p.relative_to(tmp_path / n): p.read_text() for p in (tmp_path / n).rglob("*.*")} for n in "abc")
    assert a == b
    assert a != c
    marker = json.loads((tmp_path / "a" / MARKER).read_text())
    assert marker["synthetic"] is True
    assert marker["parameters"] == {**sizes, "seed": 3, "test_labels": False}


def test_refuses_sizes_and_existing_folders(tmp_path):
    with pytest.raises(UserError, match="at least 4 frames"):
        recola.synthesize(tmp_path / "a", frames=3)
    with pytest.raises(UserError, match="exists already"):
        recola.synthesize(tmp_path)


def test_labels_of_the_test_split_are_kept_back_unless_asked_for_and_change_nothing_else(tmp_path):
    sizes = dict(recordings=2, frames=60, audio=8, video_geometric=4, video_appearance=4)
    without, with_labels = (
        recola.load({"data_dir": str(tmp_path), "synthetic": sizes | dict(test_labels=asked)})
        for asked in (False, True)
    )
    assert not any(recording.targets for recording in without.splits["test"])
    for split, recordings in with_labels.splits.items():
        for one, other in zip(recordings, without.splits[split], strict=True):
            for modality, values in one.features.items():
                np.testing.assert_array_equal(values, other.features[modality])
            if split != "test":
                np.testing.assert_array_equal(one.targets["arousal"], other.targets["arousal"])
    gold = [recording.targets["arousal"] for recording in with_labels.splits["test"]]
    assert all(np.isfinite(values).all() and 0 < np.abs(values).max() < 1 for values in gold)
    assert not np.array_equal(*gold)
