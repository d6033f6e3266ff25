import importlib.util
import sys
import types

import numpy as np
import pytest

from affect_jax.baselines import descriptors, functionals
from affect_jax.datasets.recordings import Recording
from affect_jax.errors import UserError

RATE = 8000


def recording(number, seconds=0.5, **features):
    random = np.random.default_rng(number)
    speech = (random.normal(size=round(seconds * RATE)) * 2000 * (1 + number)).astype(np.int16)
    name = f"clip_{number}"
    return Recording(name, "g", (name,), {"speech": speech, **features}, {})


def loudness(calls):
    def row(x, rate):
        calls.append(rate)
        return np.array([x.std(), len(x)])

    return descriptors.Extractor("loud ness", "1", ("std", "length"), row)


def test_each_clip_is_described_once(tmp_path):
    calls, told = [], []
    clips = [recording(0), recording(1), recording(0)]
    table = descriptors.compute_speech_table(clips, RATE, loudness(calls), tmp_path, lambda *told_: told.append(told_))
    assert table.values.shape == (3, 2)
    assert table.values.dtype == np.float32
    np.testing.assert_array_equal(table.values[0], table.values[2])
    assert table.values[1, 0] > table.values[0, 0]
    assert calls == [RATE] * 2
    assert told[-1] == ("loud ness", 2, 2)
    again = descriptors.compute_speech_table([recording(2), *clips], RATE, loudness(calls), tmp_path)
    assert len(calls) == 3
    np.testing.assert_array_equal(again.values[1:], table.values)


def test_what_the_cache_does_not_fit_is_made_again(tmp_path):
    calls = []
    clip = [recording(0)]
    descriptors.compute_speech_table(clip, RATE, loudness(calls), tmp_path)
    descriptors.compute_speech_table(clip, 2 * RATE, loudness(calls), tmp_path)
    assert calls == [RATE, 2 * RATE]
    descriptors.compute_speech_table(clip, RATE, loudness(calls)._replace(version="2"), tmp_path)
    (path,) = [p for p in tmp_path.iterdir() if "-1." in p.name]
    path.write_bytes(b"damaged")
    descriptors.compute_speech_table(clip, RATE, loudness(calls), tmp_path)
    assert len(calls) == 4


def test_speech_without_descriptors_is_named(tmp_path):
    broken = descriptors.Extractor("x", "1", ("a", "b"), lambda x, rate: np.array([1.0, np.nan]))
    with pytest.raises(UserError, match=r"recording clip_0 \(0.50 s\) has no finite b of x; it may be too short"):
        descriptors.compute_speech_table([recording(0)], RATE, broken, tmp_path)
    with pytest.raises(UserError, match="recording mute has no 'speech', only"):
        descriptors.compute_speech_table([Recording("mute", "g", ("mute",), {}, {})], RATE, broken, tmp_path)


@pytest.mark.parametrize("seconds", [0.01, 0.3, 1.0])
def test_mfcc_statistics_of_any_length(tmp_path, seconds):
    table = descriptors.compute_speech_table([recording(0, seconds)], RATE, descriptors.make_mfcc_extractor(), tmp_path)
    assert table.values.shape == (1, 120) == (1, len(set(table.columns)))
    assert np.isfinite(table.values).all()


def test_mfcc_statistics_say_how_loud_and_how_steady(tmp_path):
    steady, changing = (9000 * np.sin(np.arange(8000) * w) for w in (0.3, np.linspace(0.1, 1, 8000)))
    clips = [
        Recording(name, "g", (name,), {"speech": x.astype(np.int16)}, {})
        for name, x in (("loud", steady), ("soft", steady / 8), ("changing", changing))
    ]
    values = descriptors.compute_speech_table(clips, RATE, descriptors.make_mfcc_extractor(), tmp_path)
    of = {name: values.values[:, values.columns.index(name)] for name in ("mean_mfcc_0", "std_mfcc_1")}
    assert of["mean_mfcc_0"][0] > of["mean_mfcc_0"][1]
    assert of["std_mfcc_1"][2] > 1.5 * of["std_mfcc_1"][0]


def test_action_units_and_tables_side_by_side():
    clips = [recording(n, action_units=np.full((1, 3), n, np.float32)) for n in range(2)]
    units = descriptors.make_action_unit_table(clips)
    np.testing.assert_array_equal(units.values, [[0, 0, 0], [1, 1, 1]])
    both = descriptors.join_tables("both", [units, units._replace(columns=("a", "b", "c"))])
    assert both.values.shape == (2, 6)
    assert both.columns[3:] == ("a", "b", "c")
    with pytest.raises(UserError, match="recording clip_2 has no 'action_units', only speech"):
        descriptors.make_action_unit_table([*clips, recording(2)])


def test_without_opensmile_one_sentence_says_so(monkeypatch):
    monkeypatch.setattr(functionals, "is_opensmile_installed", lambda: False)
    with pytest.raises(UserError, match=r"needs openSMILE, which is not installed: pip install"):
        functionals.make_extractor()


def test_opensmile_is_asked_for_the_functionals_of_a_whole_clip(monkeypatch):
    asked = []

    class Smile:
        feature_names = ("a", "b")

        def __init__(self, *arguments):
            asked.append(arguments)

        def process_signal(self, x, rate):
            return types.SimpleNamespace(to_numpy=lambda: np.array([[x.max(), rate]]))

    fake = types.SimpleNamespace(
        Smile=Smile,
        FeatureSet=types.SimpleNamespace(ComParE_2016="set"),
        FeatureLevel=types.SimpleNamespace(Functionals="level"),
    )
    monkeypatch.setitem(sys.modules, "opensmile", fake)
    monkeypatch.setattr(functionals, "_find_version", lambda: "2.6.0")
    made = functionals.make_extractor()
    assert asked == [("set", "level")]
    assert (made.name, made.version, made.columns) == ("ComParE_2016", "2.6.0", ("a", "b"))
    np.testing.assert_array_equal(made.row(np.array([0.5, 0.1]), 8000), [0.5, 8000])


@pytest.mark.skipif(
    importlib.util.find_spec("opensmile") is None, reason="openSMILE is not installed (pip install opensmile)"
)
@pytest.mark.filterwarnings("ignore")
def test_the_real_functionals(tmp_path):
    table = descriptors.compute_speech_table([recording(0, 0.5)], RATE, functionals.make_extractor(), tmp_path)
    assert table.values.shape == (1, 6373)


def test_a_speakers_own_level_is_taken_out_of_the_speakers_rows_alone():
    draw = np.random.default_rng(0)
    plain = draw.normal(size=(6, 2)).astype("f4")
    speakers, table = ["x", "y", "x", "y", "x", "z"], descriptors.Table("levels", plain, ("a", "b"))
    units = np.array(speakers)
    within = descriptors.standardize_table(table, speakers, "group").values
    for speaker in "xy":
        np.testing.assert_allclose(within[units == speaker].mean(0), 0, atol=1e-6)
        np.testing.assert_allclose(within[units == speaker].std(0), 1, atol=1e-5)
    np.testing.assert_array_equal(within[5], 0)
    louder = table._replace(values=np.where((units == "y")[:, None], 3 * plain + 5, plain))
    np.testing.assert_allclose(descriptors.standardize_table(louder, speakers, "group").values, within, atol=1e-5)
    with pytest.raises(UserError, match="no recording has more than one row of levels"):
        descriptors.standardize_table(table, list("abcdef"), "recording")
