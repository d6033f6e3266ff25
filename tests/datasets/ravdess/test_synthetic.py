import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from affect_jax.datasets import ravdess
from affect_jax.errors import UserError


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    data = str(tmp_path_factory.mktemp("data"))
    return ravdess.load({"data_dir": data, "modalities": ("speech", "action_units"), "synthetic": {"rate": 8000}})


def loudness_and_pitch(speech):
    """Loudness in dB, its spread, brightness, and the pitch in octaves (a peak of the autocorrelation)."""
    x = speech[speech.nonzero()[0][0] :].astype(float) / 32768
    frames = x[: len(x) // 400 * 400].reshape(-1, 400)
    level = 10 * np.log10((frames**2).mean(axis=1) + 1e-9)
    spectra = np.abs(np.fft.rfft(frames[level > level.max() - 20] * np.hanning(400), axis=1)) ** 2
    power = spectra.mean(axis=0)
    correlation = np.fft.irfft(power)[: len(power)]
    lag = 16 + int(correlation[16:120].argmax())
    bands = np.log(np.array([part.sum() for part in np.array_split(power, 12)]) + 1e-9)
    return [level.max(), np.median(level), len(x), np.log2(8000 / lag), *(bands - bands.mean())]


def test_default_layout(corpus):
    assert corpus.synthetic
    assert len(corpus.splits["train"]) == 300
    assert len({clip.group for clip in corpus.splits["train"]}) == 10
    assert list(corpus.folds) == [f"fold_{i}" for i in range(1, 6)]
    for clip in corpus.splits["train"]:
        assert 1 < len(clip.features["speech"]) / 8000 < 4
        assert np.abs(clip.features["speech"]).max() < 32767, "nothing is clipped"


def test_planted_in_voice_and_face_and_more_in_both(corpus):
    """Over the actor folds: each modality well above chance (1/7.5), both together better, none perfect."""
    clips = corpus.splits["train"]
    voice = np.array([loudness_and_pitch(clip.features["speech"]) for clip in clips])
    face = np.array([clip.features["action_units"][0] for clip in clips])
    y = np.array([clip.targets["emotion"][0] for clip in clips])
    ids = np.array([clip.id for clip in clips])

    def accuracy(x):
        right = 0
        for fold in corpus.folds.values():
            test = np.isin(ids, fold.test)
            model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
            right += model.fit(x[~test], y[~test]).score(x[test], y[test]) * test.sum()
        return right / len(y)

    alone = [accuracy(voice), accuracy(face)]
    both = accuracy(np.concatenate([voice, face], axis=1))
    assert min(alone) > 0.35
    assert both > max(alone) + 0.03
    assert both < 1


def test_seeded(tmp_path):
    sizes = {"actors": 3, "statements": 1, "repetitions": 1, "rate": 4000}
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        ravdess.synthesize(tmp_path / name, **sizes, seed=seed)
    a, b, c = ({p.relative_to(tmp_path / n): p.read_bytes() for p in (tmp_path / n).rglob("*.*")} for n in "abc")
    assert a == b
    assert all(a[path] != c[path] for path in a)


@pytest.mark.parametrize("wrong", [{"actors": 2}, {"actors": 25}, {"statements": 3}, {"repetitions": 0}, {"rate": 10}])
def test_refuses_sizes(tmp_path, wrong):
    with pytest.raises(UserError, match="config.corpus.synthetic has"):
        ravdess.synthesize(tmp_path / "a", **wrong)
    assert not (tmp_path / "a").exists()
