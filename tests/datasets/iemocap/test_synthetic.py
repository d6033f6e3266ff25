import itertools

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from affect_jax.datasets import iemocap
from affect_jax.datasets.iemocap import planted_emotions, render
from affect_jax.errors import UserError

MODALITIES = ("text", "video", "audio")
COEFFICIENTS = slice(0, 40)


def encode(x, train):
    """The eight largest components of `train`, of `x`."""
    return make_pipeline(StandardScaler(), PCA(8, random_state=0), StandardScaler()).fit(train).transform(x)


class Means:
    """Utterances as the means of their modalities, and how well a logistic regression reads emotions from them."""

    def __init__(self, corpus):
        result = corpus.splits["train"]
        self.x = {m: np.array([r.features[m].mean(axis=0) for r in result]) for m in result[0].features}
        self.x["audio"] = self.x["audio"][:, COEFFICIENTS]  # what the differences say of a mean is noise
        self.y = np.array([corpus.labels[int(r.targets["emotion7"][0])] for r in result])
        ids = np.array([r.id for r in result])
        self.tests = [np.isin(ids, fold.test) for fold in corpus.folds.values()]
        self.codes = {m: [encode(x, x[~test]) for test in self.tests] for m, x in self.x.items()}

    def accuracy(self, *modalities, products=False, among=None):
        """Over all folds. `products` adds those of the three largest components of every two modalities."""
        right, remaining_ids = 0, np.ones(len(self.y), bool) if among is None else np.isin(self.y, among)
        for fold, test in enumerate(self.tests):
            train, test = ~test & remaining_ids, test & remaining_ids
            codes = [self.codes[m][fold] for m in modalities]
            columns = list(codes)
            for a, b in itertools.combinations(codes, 2) if products else ():
                columns.append((a[:, :3, None] * b[:, None, :3]).reshape(len(a), 9))
            x = np.concatenate(columns, axis=1)
            model = LogisticRegression(C=0.05, max_iter=1000).fit(x[train], self.y[train])
            right += (model.predict(x[test]) == self.y[test]).sum()
        return right / remaining_ids.sum()


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return str(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def amh(data_dir):
    return Means(iemocap.load({"data_dir": data_dir}))


@pytest.fixture(scope="module")
def release(data_dir):
    return Means(iemocap.load({"data_dir": data_dir, "form": "release", "modalities": MODALITIES}))


@pytest.mark.parametrize("form", ["amh", "release"])
def test_each_modality_tells_something_and_more_of_them_tell_more(form, request):
    means = request.getfixturevalue(form)
    majority = np.unique(means.y, return_counts=True)[1].max() / len(means.y)
    alone = [means.accuracy(m) for m in MODALITIES]
    pairs = [means.accuracy(*two, products=True) for two in itertools.combinations(MODALITIES, 2)]
    every = means.accuracy(*MODALITIES, products=True)
    assert alone == sorted(alone, reverse=True), "text best, audio worst"
    assert min(alone) > majority + 0.08
    assert max(alone) < 0.62
    assert np.mean(alone) + 0.03 < np.mean(pairs) < every - 0.05
    assert max(pairs) > max(alone) + 0.1
    assert max(pairs) - 0.01 <= every < 0.9
    # What no product is asked for: adding modalities helps, but cannot tell the pairs below apart.
    assert np.mean(alone) < means.accuracy(*MODALITIES) < every - 0.1


def test_prosody_is_of_the_same_voice(amh):
    assert 0.3 < amh.accuracy("prosody") < amh.accuracy("text")


@pytest.mark.parametrize("form", ["amh", "release"])
@pytest.mark.parametrize(
    ("emotions", "together"),
    [(("angry", "frustrated"), ("text", "video")), (("excited", "happy"), ("video", "audio"))],
)
def test_what_only_two_modalities_together_tell(form, emotions, together, request):
    means = request.getfixturevalue(form)
    _, counts = np.unique(means.y[np.isin(means.y, emotions)], return_counts=True)
    chance = counts.max() / counts.sum()
    pairs = {two: means.accuracy(*two, products=True, among=emotions) for two in itertools.combinations(MODALITIES, 2)}
    told = pairs.pop(together)
    assert told > chance + 0.12
    assert max(pairs.values()) < min(chance + 0.12, told - 0.08)
    for few in (*((m,) for m in MODALITIES), MODALITIES):
        assert means.accuracy(*few, among=emotions) < chance + 0.12, "no sum of them tells it"


def test_signs_are_in_every_utterance_and_mean_nothing_alone():
    result = planted_emotions.draw_utterances(5, 200, 0)
    for modality, at in (("text", 5), ("video", 5), ("video", 6), ("audio", 5)):
        signs = np.array([u.codes[modality][at] for u in result])
        assert set(np.abs(signs)) == {planted_emotions.SIGN}
        for code in planted_emotions.GROUPS:
            mine = signs[[u.code == code for u in result]]
            assert abs(np.mean(mine > 0) - 0.5) < 4 * 0.5 / np.sqrt(len(mine))
    for u in result:
        products = (u.codes["text"][5] * u.codes["video"][5], u.codes["audio"][5] * u.codes["video"][6])
        if u.code in ("ang", "fru"):
            assert (products[0] > 0) is np.bool_(u.code == "ang")
        if u.code in ("exc", "hap"):
            assert (products[1] > 0) is np.bool_(u.code == "exc")


def test_everybody_has_about_as_many_of_each_emotion():
    result = planted_emotions.draw_utterances(5, 24, 3)
    assert len({u.id for u in result}) == 240
    for code, count in planted_emotions.count_utterances(240).items():
        each = [sum(u.code == code and u.speaker == s for u in result) for s in {u.speaker for u in result}]
        assert sum(each) == count
        assert max(each) - min(each) <= 1
    assert len({*planted_emotions.count_utterances(240).values()}) == 7
    assert len(set(render.VOCABULARY)) == len(render.VOCABULARY)


@pytest.mark.parametrize("form", ["precomputed", "release"])
def test_seeded_and_small(tmp_path, form):
    sizes = {"sessions": 3, "utterances": 12, "text": 6, "video": 6, "audio": 8, "width": 2, "form": form}
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        iemocap.synthesize(tmp_path / name, **sizes, seed=seed)
    a, b, c = (
        {p.relative_to(tmp_path / n): p.read_bytes() for p in (tmp_path / n).rglob("*") if p.is_file()} for n in "abc"
    )
    assert a == b
    assert sum(map(len, a.values())) < 2**20
    same = {path.name for path in a if a[path] == c[path] and not path.name.startswith("._")}
    assert all("label" in name for name in same)


@pytest.mark.parametrize(
    "wrong",
    [{"form": "x"}, {"sessions": 2}, {"sessions": 6}, {"utterances": 1}, {"text": 5}, {"audio": 7}, {"width": 1}],
)
def test_refuses_sizes(tmp_path, wrong):
    with pytest.raises(UserError, match="config.corpus.synthetic has"):
        iemocap.synthesize(tmp_path / "a", **wrong)
    assert not (tmp_path / "a").exists()
