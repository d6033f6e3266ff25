import itertools

import numpy as np
import pytest

from affect_jax.data import splits
from affect_jax.datasets import planted
from affect_jax.datasets.planted import synthetic
from affect_jax.errors import UserError
from configs import third_modality

SMALL = dict(scenarios=3, train=3, validation=2, test=2, steps=4, columns=5)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return planted.load({"data_dir": str(tmp_path_factory.mktemp("data")), "synthetic": SMALL})


def test_scenarios_have_nothing_in_common(corpus):
    assert corpus.synthetic
    assert list(corpus.splits) == ["train"]
    existing_ids = [r.id for r in corpus.splits["train"]]
    sides = [set(side) for fold in corpus.folds.values() for side in fold]
    assert len(sides) == 9
    assert set().union(*sides) == set(existing_ids)
    assert all(one.isdisjoint(other) for one, other in itertools.combinations(sides, 2))
    for recording in corpus.splits["train"]:
        assert {m: x.shape for m, x in recording.features.items()} == dict.fromkeys(planted.MODALITIES, (4, 5))
        assert recording.targets["affect"].shape == (4,)


def test_a_fold_of_a_study_is_a_scenario(corpus):
    config = third_modality.get_config()
    for split in splits.make_folds(corpus, None):
        ids = (*split.train, *split.validation, *split.test)
        assert all(name.startswith(f"{split.name}_") for name in ids)
        assert [len(side) for side in (split.train, split.validation, split.test)] == [3, 2, 2]
    assert third_modality.TEACHERS == planted.TEACHERS
    assert config.corpus.synthetic.to_dict() == planted.DEFAULTS["synthetic"]


def test_the_reader_gives_what_was_generated(corpus):
    generated_corpus = {}
    for number in range(3):
        generated_corpus |= synthetic.make_scenario(
            0, number, counts=dict(train=3, validation=2, test=2), steps=4, columns=5
        )
    for recording in corpus.splits["train"]:
        for modality, values in recording.features.items():
            np.testing.assert_array_equal(values, generated_corpus[recording.id][modality])
        np.testing.assert_array_equal(recording.targets["affect"], generated_corpus[recording.id]["affect"])


def test_seeded():
    small = dict(counts=dict(train=1), steps=2, columns=3)
    one, again, other, elsewhere = (
        synthetic.make_scenario(*which, **small)["world_1_train_0" if which[1] else "world_0_train_0"]["weak"]
        for which in ((0, 1), (0, 1), (1, 1), (0, 0))
    )
    np.testing.assert_array_equal(one, again)
    assert not np.allclose(one, other)
    assert not np.allclose(one, elsewhere)


@pytest.mark.parametrize("size", [dict(scenarios=2), dict(test=0), dict(columns=0)])
def test_refuses_sizes(size, tmp_path):
    with pytest.raises(UserError, match="give at least 3 scenarios, and at least 1 of the rest"):
        planted.synthesize(tmp_path / "a", **size)


def ccc(a, b):
    return 2 * np.cov(a, b, bias=True)[0, 1] / (a.var() + b.var() + (a.mean() - b.mean()) ** 2)


def ridge(x, y, strength):
    return np.linalg.solve(x.T @ x + strength * len(x) * np.eye(x.shape[1]), x.T @ y)


def two_steps(generated_corpus, *teachers):
    """Concordance on the test part of a linear model of `weak` that was taught: it reads six directions of `weak`,
    those in which it predicts the teachers best."""
    train, test = ([r for name, r in generated_corpus.items() if f"_{side}_" in name] for side in ("train", "test"))
    x, x_test = (np.concatenate([r["weak"] for r in side]).astype(np.float64) for side in (train, test))
    mean, scale = x.mean(0), x.std(0)
    x, x_test = (x - mean[None]) / scale[None], (x_test - mean[None]) / scale[None]
    y, y_test = (np.concatenate([r["affect"] for r in side]).astype(np.float64) for side in (train, test))
    shown = np.concatenate([np.concatenate([r[m] for m in teachers], axis=1) for r in train]).astype(np.float64)
    shown = (shown - shown.mean(0)[None]) / shown.std(0)[None]
    to_teachers = ridge(x, shown, 0.1)
    axes = np.linalg.eigh((x @ to_teachers).T @ (x @ to_teachers))[1][:, -6:]
    return ccc(x_test @ to_teachers @ axes @ ridge(x @ to_teachers @ axes, y - y.mean(), 1e-3), y_test)


def test_planted_what_a_second_teacher_is_worth():
    sides = dict(train=24, test=24)
    scenarios = [synthetic.make_scenario(7, number, counts=sides, steps=12, columns=60) for number in range(8)]
    worth = {
        names: np.mean([two_steps(generated_corpus, *names) for generated_corpus in scenarios])
        for names in (("first",), *(("first", other) for other in planted.TEACHERS[1:]))
    }
    gain = {names[1]: value - worth["first",] for names, value in worth.items() if len(names) > 1}
    assert gain["complementary"] > 0.08
    assert abs(gain["redundant"]) < 0.05
    assert gain["complementary"] - max(gain["distracting"], gain["noise"]) > 0.08
    assert max(gain["distracting"], gain["noise"]) < 0.02
