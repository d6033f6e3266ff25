"""Timelines of files whose loudness, or tone, a planted model reports."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import soundfile

from affect_jax.errors import UserError
from affect_jax.experiment.calibrations import Calibration
from affect_jax.inference import timelines

RATE = 800
CUT = timelines.Windows(rate=RATE, steps=400, window=320, hop=160, batch=4)


def tone(seconds, rate=RATE, hertz=50.0):
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@pytest.fixture
def write(tmp_path):
    def call(name, samples, rate=RATE):
        soundfile.write(tmp_path / name, samples, rate)
        return str(tmp_path / name)

    return call


def valid(x, mask):
    """How many samples of a window are the file's own."""
    return mask.sum(1).astype(np.float32)


@pytest.mark.parametrize("samples", [1, 319, 320, 321, 480, 481, 5000])
@pytest.mark.parametrize("hop", [1, 100, 320])
def test_windows_cover_a_file_once_and_no_further(samples, hop):
    start = timelines.list_window_starts(samples, 320, hop)
    covered = np.zeros(samples, bool)
    for s in start:
        covered[s : s + 320] = True
    assert covered.all()
    assert start[0] == 0
    assert (np.diff(start) == hop).all()
    # One window fewer would leave samples unheard, and the last one holds mostly speech.
    assert len(start) == 1 or start[-2] + 320 < samples
    assert len(start) == 1 or samples - start[-1] > 320 - hop


def test_a_timeline_has_every_window_in_order(write):
    file = write("a.wav", tone(1.0))
    (found,) = timelines.predict_recordings([file], valid, CUT)
    assert found.error == ""
    assert found.seconds == 1.0
    np.testing.assert_allclose(found.start, [0, 0.2, 0.4, 0.6])
    np.testing.assert_allclose(found.end, [0.4, 0.6, 0.8, 1.0])
    np.testing.assert_array_equal(found.prediction, [320, 320, 320, 320])
    assert not found.silent.any()
    assert found.peaks.max() == pytest.approx(0.3, abs=0.01)


def test_a_short_file_is_one_padded_window_scaled_over_its_own_samples(write):
    calls = []

    def predict(x, mask):
        calls.append((x, mask))
        return valid(x, mask)

    (found,) = timelines.predict_recordings([write("a.wav", tone(0.1))], predict, CUT)
    assert found.prediction.tolist() == [80]
    ((x, mask),) = calls
    assert x.shape == (4, 400, 1)
    assert np.mean(x[0, :80] ** 2) == pytest.approx(1, rel=1e-4)
    assert not x[0, 80:].any()
    assert not mask[1:].any(), "what fills up a batch is marked as such"


def test_loudness_does_not_matter(write):
    x = tone(1.0) * np.linspace(0.1, 1, RATE, dtype=np.float32)
    files = [write("loud.wav", x), write("soft.wav", x / 8)]
    loud, soft = timelines.predict_recordings(files, lambda x, mask: np.abs(x[:, 7:97:3, 0]).sum(1), CUT)
    np.testing.assert_allclose(loud.prediction, soft.prediction, rtol=0.02)  # 16 bits of an eighth


def test_files_share_batches_and_nothing_is_compiled_anew(write):
    traces = []

    @jax.jit
    def jitted(x, mask):
        traces.append(x.shape)
        return jnp.sum(mask, 1).astype(jnp.float32)

    calls = []

    def predict(x, mask):
        calls.append(int(mask.any(1).sum()))
        return jitted(x, mask)

    files = [write(f"{n}.wav", tone(0.1 + n / 10)) for n in range(9)]
    found = list(timelines.predict_recordings(files, predict, CUT))
    assert [t.file for t in found] == files
    assert traces == [(4, 400, 1)]
    assert calls[:-1] == [4] * (len(calls) - 1), "only the last batch may be short"
    for n, timeline in enumerate(found):
        (alone,) = timelines.predict_recordings([files[n]], predict, CUT)
        np.testing.assert_array_equal(alone.prediction, timeline.prediction)


@pytest.mark.parametrize(
    ("name", "rate", "channels"), [("a.wav", 1600, 2), ("a.flac", 8000, 1), ("a.ogg", 8000, 2), ("a.mp3", 16000, 1)]
)
def test_formats_rates_and_channels(write, name, rate, channels):
    file = write(name, np.repeat(tone(1.0, rate)[:, None], channels, 1), rate)
    (found,) = timelines.predict_recordings([file], valid, CUT)
    assert found.error == ""
    assert found.seconds == pytest.approx(1.0, abs=0.1)  # mp3 pads
    assert found.prediction[0] == 320


def test_bad_files_are_named_and_the_others_go_on(write, tmp_path):
    (tmp_path / "text.wav").write_text("no sound")
    (tmp_path / "empty.wav").write_bytes(b"")
    holes = tone(0.5)
    holes[3] = np.nan
    soundfile.write(tmp_path / "nan.wav", holes, RATE, subtype="FLOAT")
    bad = {
        str(tmp_path / "missing.wav"): "not a file",
        str(tmp_path / "text.wav"): "cannot be read as audio",
        str(tmp_path / "empty.wav"): "is empty",
        write("zero.wav", np.zeros(0)): "zero length",
        write("silence.wav", np.zeros(RATE)): "is silent throughout",
        write("short.wav", tone(0.1)[:1], 96000): "too few",
        str(tmp_path / "nan.wav"): "NaN",
        str(tmp_path): "not a file",
    }
    good = write("good.wav", tone(0.4))
    found = {t.file: t for t in timelines.predict_recordings([*bad, good], valid, CUT)}
    assert list(found) == [*bad, good]
    for file, why in bad.items():
        assert file in found[file].error
        assert why in found[file].error
    assert found[good].error == ""
    assert found[good].prediction.tolist() == [320]
    assert list(timelines.predict_recordings([next(iter(bad))], valid, CUT))[0].error, "a bad file alone"


def test_a_silent_window_has_no_prediction(write):
    x = tone(1.2)
    x[320:800] = 1e-6  # below half a step of 16 bits
    (found,) = timelines.predict_recordings([write("a.wav", x)], valid, CUT)
    assert found.silent.tolist() == [False, False, True, True, False]
    assert np.isnan(found.prediction).tolist() == found.silent.tolist()


def test_silence_is_known_for_classes_too(write):
    x = tone(1.2)
    x[320:800] = 0
    (found,) = timelines.predict_recordings([write("a.wav", x)], lambda x, mask: np.stack([valid(x, mask)] * 3, 1), CUT)
    assert found.prediction.shape == (5, 3)
    assert found.silent.tolist() == [False, False, True, True, False]


def test_clipping_is_measured(write):
    (found,) = timelines.predict_recordings([write("a.wav", np.clip(9 * tone(1.0), -1, 0.99999))], valid, CUT)
    assert found.clipped > 0.5


def test_progress_counts_every_window(write, tmp_path):
    quiet = tone(1.2)
    quiet[320:800] = 0
    files = [write("a.wav", tone(1.0)), str(tmp_path / "missing.wav"), write("b.wav", quiet)]
    done = []
    total = sum(len(t.start) for t in timelines.predict_recordings(files, valid, CUT, done.append))
    assert sum(done) == total == timelines.count_windows(files, CUT) == 9


def test_a_model_that_answers_nan_is_refused(write):
    with pytest.raises(UserError, match="not finite"):
        list(timelines.predict_recordings([write("a.wav", tone(1.0))], lambda x, mask: np.full(4, np.nan), CUT))


def test_sizes():
    cut = timelines.plan_windows(8000, 240_000, None, None)
    assert (cut.window, cut.hop, cut.steps) == (240_000, 80_000, 240_000)
    assert cut.batch % len(jax.devices()) == 0
    cut = timelines.plan_windows(8000, 240_000, 6.0, 1.5)
    assert (cut.window, cut.hop) == (48_000, 12_000)


@pytest.mark.parametrize(
    ("window", "hop", "said"),
    [
        (31.0, None, "--window is 31 s; this model reads between 0.1 and 30 s"),
        (0.01, None, "--window is 0.01 s"),
        (float("nan"), None, "--window is nan s"),
        (None, 31.0, "--hop is 31 s and a window 30 s"),
        (6.0, 7.0, "at most a window"),
        (None, 0.0, "--hop is 0 s"),
        (None, -1.0, "--hop is -1 s"),
        (None, float("inf"), "--hop is inf s"),
    ],
)
def test_sizes_that_do_not_fit(window, hop, said):
    with pytest.raises(UserError, match=said):
        timelines.plan_windows(8000, 240_000, window, hop)


def test_what_validation_tells_goes_with_a_timeline(write):
    (plain,) = timelines.predict_recordings([write("a.wav", tone(0.4))], valid, CUT)
    fitted = Calibration(None, {"0.8": 3.0, "0.9": None}, 10)
    told = timelines.calibrate_timeline(plain, "regression", fitted, "0.8")
    assert (told.coverage, told.threshold) == ("0.8", 3.0)
    np.testing.assert_array_equal(told.prediction, plain.prediction)
    assert timelines.calibrate_timeline(plain, "regression", fitted, "0.9").threshold is None
    assert timelines.calibrate_timeline(plain, "regression", None, "0.8") is plain
    (line,) = timelines.describe_fit(fitted, "0.8")
    assert "low_80 to high_80 holds the truth in 80 % of cases like these, where windows are like the clips" in line
    (line,) = timelines.describe_fit(fitted, "0.9")
    assert line.endswith("too few for sets or intervals of 90 %")
    assert list(timelines.describe_fit(None, "0.8")) == []
    halves = plain._replace(prediction=np.array([0.9, 0.2], np.float32), start=plain.start[:2], end=plain.end[:2])
    tempered = timelines.calibrate_timeline(halves, "binary", Calibration(2.0, {}, 9), "0.9").prediction
    assert 0.5 < tempered[0] < 0.9
    assert 0.2 < tempered[1] < 0.5
