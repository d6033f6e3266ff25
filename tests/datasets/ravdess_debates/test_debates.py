import numpy as np
import pytest
import soundfile
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from affect_jax.datasets import ravdess, ravdess_debates
from affect_jax.datasets.ravdess import actors
from affect_jax.datasets.ravdess_debates import SPLIT_ACTORS, debate_plan
from affect_jax.errors import UserError
from affect_jax.features import audio

SMALL = {"train": 5, "validation": 3, "test": 4, "seconds": 10}


def load(folder, tmp_path, **settings):
    return ravdess_debates.load({"manual_dir": str(folder), "data_dir": str(tmp_path), **SMALL, **settings})


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Where tests that spoil nothing build debates: each is built once."""
    return tmp_path_factory.mktemp("place")


def test_parts_are_whole_published_folds():
    assert sorted(actor for part in SPLIT_ACTORS.values() for actor in part) == list(range(1, 25))
    for fold in actors.FOLDS.values():
        assert sum(set(fold) <= set(part) for part in SPLIT_ACTORS.values()) == 1


def test_load(ravdess_raw, place):
    corpus = load(ravdess_raw, place)
    assert (corpus.corpus, corpus.synthetic, corpus.draws, corpus.folds) == ("ravdess_debates", True, {}, {})
    assert corpus.form == "synthetic speech, constructed target"
    assert {split: len(members) for split, members in corpus.splits.items()} == {"train": 5, "validation": 3, "test": 4}
    content = ravdess_debates.read_planted({"manual_dir": str(ravdess_raw), "data_dir": str(place), **SMALL})
    assert list(content) == [clip.id for part in corpus.splits.values() for clip in part]
    for split, members in corpus.splits.items():
        for number, clip in enumerate(members):
            assert (clip.id, clip.steps) == (f"{split}_{number:04d}", (f"{split}_{number:04d}",))
            named = [int(actor) for actor in clip.group.split("+")]
            assert len(named) in (2, 3)
            assert set(named) <= set(SPLIT_ACTORS[split])
            assert {m: (v.dtype, v.shape) for m, v in clip.features.items()} == {"speech": (np.int16, (80000,))}
            (value,) = clip.targets["planted"]
            assert value.dtype == np.float32
            what = content[clip.id]
            assert value == pytest.approx(debate_plan.compute_target(what.overlap, what.anger) / 10, abs=1e-6)
            assert what.overlap_tenths.shape == what.anger_tenths.shape == (10,)
            assert (what.anger == 0) == (what.anger_tenths.max() == 0)


def test_the_word_conflict_is_not_in_it(ravdess_raw, place):
    corpus = load(ravdess_raw, place)
    names = [corpus.corpus, corpus.form, *corpus.splits["train"][0].targets, *ravdess_debates.DEFAULTS]
    assert not [name for name in names if "conflict" in name]


def test_real_speech_is_called_semi_synthetic(ravdess_raw, tmp_path, monkeypatch):
    result = ravdess.builder.find_clips_and_kind(ravdess_raw)[0]
    monkeypatch.setattr(ravdess.builder, "find_clips_and_kind", lambda folder: (result, False))
    corpus = load(ravdess_raw, tmp_path)
    assert corpus.synthetic
    assert corpus.form == "semi-synthetic: real speech, constructed target"


def test_seeded_and_parts_independent(ravdess_raw, place, tmp_path):
    corpus = load(ravdess_raw, place)
    assert load(ravdess_raw, tmp_path).fingerprint == corpus.fingerprint
    assert load(ravdess_raw, place, seed=1).fingerprint != corpus.fingerprint
    more = load(ravdess_raw, place, train=6)
    for part in ("validation", "test"):
        for a, b in zip(corpus.splits[part], more.splits[part], strict=True):
            np.testing.assert_array_equal(a.features["speech"], b.features["speech"])


def test_planted_tenths_are_in_the_sound(tmp_path, ravdess_raw):
    """Where strong anger lies in a clip of the twin, it is louder than where nobody is angry."""
    settings = {"manual_dir": str(ravdess_raw), "data_dir": str(tmp_path), **SMALL, "train": 30, "seconds": 20}
    content = ravdess_debates.read_planted(settings)
    louder = []
    for clip in ravdess_debates.load(settings).splits["train"]:
        power = np.array([np.mean(part**2) for part in np.array_split(clip.features["speech"] / 32768, 10)])
        angry = content[clip.id].anger_tenths > 0.5
        if 0 < angry.sum() < 10:
            louder.append(np.log10(power[angry].mean() / power[~angry].mean()))
    assert np.mean(louder) > 0.5
    assert np.mean(np.array(louder) > 0) > 0.85


def statistics(speech):
    """Levels and spectra of a clip, and how far they vary in it."""
    x = audio.normalize_rms(speech)
    frames = x[: len(x) // 256 * 256].reshape(-1, 256)
    level = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-5)
    power = np.abs(np.fft.rfft(frames * np.hanning(256), axis=1)) ** 2
    bands = np.log10(np.stack([part.sum(axis=1) for part in np.array_split(power, 16, axis=1)], axis=1) + 1e-4)
    percentiles = np.percentile(bands, (10, 50, 90), axis=0).ravel()
    return [*np.percentile(level, (5, 10, 25, 50, 75, 90, 95)), level.std(), *bands.std(axis=0), *percentiles]


def test_target_can_be_heard_by_simple_statistics_but_not_perfectly(ravdess_raw, tmp_path):
    corpus = load(ravdess_raw, tmp_path, train=100, test=60, seconds=20)
    x = {part: np.array([statistics(c.features["speech"]) for c in corpus.splits[part]]) for part in ("train", "test")}
    y = {part: np.array([c.targets["planted"][0] for c in corpus.splits[part]]) for part in ("train", "test")}
    model = make_pipeline(StandardScaler(), RidgeCV(np.logspace(0, 4, 9))).fit(x["train"], y["train"])
    result = np.corrcoef(model.predict(x["test"]), y["test"])[0, 1]
    assert 0.5 < result < 0.97


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"train": 0}, "config.corpus.train is 0; set it to 1 or more"),
        ({"test": -1}, "config.corpus.test is -1; set it to 1 or more"),
        ({"seconds": 5}, "config.corpus.seconds is 5; set it to 6 or more"),
        ({"rate": 100}, "config.corpus.rate is 100; set it to 1000 to 192000"),
        ({"seed": -1}, "config.corpus.seed is -1; set it to 0 or more"),
        ({"second": 30}, r"config.corpus.second is not a setting \(did you mean 'seconds'\?\)"),
        ({"manual_dir": "/nowhere"}, "/nowhere is not a folder"),
    ],
)
def test_refused_settings(ravdess_raw, tmp_path, settings, message):
    with pytest.raises(UserError, match=message):
        load(ravdess_raw, tmp_path, **settings)


def test_too_few_actors(tmp_path):
    with pytest.raises(
        UserError, match=r"split of the debates would have 1 actor\(s\), .*synthetic.actors to 10 or more"
    ):
        ravdess_debates.load(
            {"data_dir": str(tmp_path), **SMALL, "synthetic": {"actors": 5, "statements": 1, "rate": 4000}}
        )


def test_silent_utterance_is_named(tmp_path):
    raw = tmp_path / "raw"
    ravdess_debates.synthesize(raw, actors=10, statements=1, repetitions=1, rate=4000)
    path = raw / "Actor_05" / "03-01-05-01-01-01-05.wav"
    soundfile.write(path, np.zeros(4000), 4000)
    with pytest.raises(UserError, match="03-01-05-01-01-01-05.wav is silent throughout"):
        load(raw, tmp_path / "data")


def test_log_mels_are_made_of_the_same_speech(ravdess_raw, place):
    speech, both = load(ravdess_raw, place), load(ravdess_raw, place, modalities=("log_mel", "speech"))
    for one, other in zip(speech.splits["test"], both.splits["test"], strict=True):
        assert list(other.features) == ["log_mel", "speech"]
        np.testing.assert_array_equal(one.features["speech"], other.features["speech"])
        np.testing.assert_array_equal(
            other.features["log_mel"], audio.compute_log_mel(one.features["speech"], SMALL.get("rate", 8000))
        )
    assert both.fingerprint != speech.fingerprint


def test_turns_are_those_by_which_the_clips_were_mixed(ravdess_raw, place):
    corpus = load(ravdess_raw, place, modalities=("log_mel", "turns"))
    content = ravdess_debates.read_planted({"manual_dir": str(ravdess_raw), "data_dir": str(place), **SMALL})
    for clip in (clip for members in corpus.splits.values() for clip in members):
        assert clip.features["turns"].shape == (len(clip.features["log_mel"]), 2)
        assert clip.targets["overlap"] == pytest.approx(content[clip.id].overlap, abs=0.005)
        tenths = [part[:, 1].mean() for part in np.array_split(clip.features["turns"][:-1], 10)]
        np.testing.assert_allclose(tenths, content[clip.id].overlap_tenths, atol=0.02)
