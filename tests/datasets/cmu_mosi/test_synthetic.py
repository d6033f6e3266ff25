import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from affect_jax.datasets import cmu_mosi
from affect_jax.errors import UserError


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """The default training part, with a larger test part to measure on."""
    return cmu_mosi.load({"data_dir": str(tmp_path_factory.mktemp("data")), "synthetic": {"test_videos": 40}})


def steps(corpus, part, name):
    return np.concatenate([v.features.get(name, v.targets.get(name)) for v in corpus.splits[part]]).astype(np.float64)


def test_default_sizes(tmp_path):
    corpus = cmu_mosi.load({"data_dir": str(tmp_path)})
    assert corpus.synthetic
    assert {split: len(members) for split, members in corpus.splits.items()} == {"train": 24, "test": 12}
    for recording in corpus.splits["train"]:
        assert 9 <= len(recording.steps) <= 40
        assert {m: v.shape[1] for m, v in recording.features.items()} == {"text": 100, "audio": 73, "video": 100}
        assert "_" in recording.id
        assert "-" in recording.id
    assert all(len(ids) == 4 for ids in corpus.draws.values())


def test_planted_neighbours_agree(corpus):
    same = np.concatenate([np.diff(v.targets["binary"]) == 0 for v in corpus.splits["train"]])
    assert same.mean() > 0.65


def test_planted_text_is_stronger_and_teaches_the_others(corpus):
    y, y_test = steps(corpus, "train", "binary"), steps(corpus, "test", "binary")
    scaled = {}
    for name in ("text", "audio", "video"):
        x, x_test = steps(corpus, "train", name), steps(corpus, "test", name)
        scaled[name] = (x - x.mean(0)) / x.std(0), (x_test - x.mean(0)) / x.std(0)

    def accuracy(x, x_test, strength):
        return LogisticRegression(C=strength, max_iter=500).fit(x, y).score(x_test, y_test)

    alone = {name: max(accuracy(*x, s) for s in (1e-3, 1e-2, 1e-1)) for name, x in scaled.items()}
    majority = max(y_test.mean(), 1 - y_test.mean())
    assert alone["text"] > alone["audio"] > majority
    assert alone["text"] > alone["video"] > majority
    for name in ("audio", "video"):
        x, x_test = scaled[name]
        to_text = np.linalg.solve(x.T @ x + 0.1 * len(x) * np.eye(x.shape[1]), x.T @ scaled["text"][0])
        shown = x @ to_text
        axes = np.linalg.eigh(shown.T @ shown)[1][:, -5:]
        assert accuracy(shown @ axes, x_test @ to_text @ axes, 1.0) > alone[name] + 0.01


def test_seeded(tmp_path):
    sizes = {"train_videos": 2, "test_videos": 1, "text": 2, "audio": 1, "video": 1}
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        cmu_mosi.synthesize(tmp_path / name, **sizes, seed=seed)
    a, b, c = ({p.relative_to(tmp_path / n): p.read_text() for p in (tmp_path / n).rglob("*.*")} for n in "abc")
    assert a == b
    assert a != c


def test_refuses_sizes(tmp_path):
    with pytest.raises(UserError, match="at least 2 training videos"):
        cmu_mosi.synthesize(tmp_path / "a", train_videos=1)
