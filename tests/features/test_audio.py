import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.features import audio

RATE = 8000


def tone(hertz, seconds=1.0, rate=RATE, size=0.3):
    return (size * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def test_normalize_is_equation_3_4():
    x = tone(200) + 0.1
    expected = x / np.sqrt(np.sum(x.astype(np.float64) ** 2) / len(x))
    np.testing.assert_allclose(audio.normalize_rms(x), expected, rtol=1e-5)
    np.testing.assert_allclose(audio.normalize_rms(audio.to_int16(x)), audio.normalize_rms(x), atol=2e-4)
    np.testing.assert_allclose(audio.normalize_rms(1e-20 * x), audio.normalize_rms(x), rtol=1e-5)
    for silent in (np.zeros(5, np.int16), np.zeros(0, np.float32)):
        with pytest.raises(UserError, match=r"b\.wav is silent \(its root mean square is 0\)"):
            audio.normalize_rms(silent, "b.wav")


def test_mfcc():
    rng = np.random.default_rng(0)
    hiss, hum = rng.normal(size=RATE).astype(np.float32) * 0.1, tone(150)
    found = audio.compute_mfcc(np.concatenate([hum, hiss]), RATE)
    assert found.shape == (201, 120)
    assert found.dtype == np.float32
    low, high = found[10:90], found[110:190]
    assert low[:, 1].min() > high[:, 1].max(), "the second coefficient falls with the share of high frequencies"
    # Differences: none within a steady hum; in the middle the coefficient falls by what lies between the two halves.
    assert np.abs(low[:, 40:]).max() < 0.5
    fall = high[:, 1].mean() - low[:, 1].mean()
    assert found[90:111, 41].sum() == pytest.approx(fall, rel=0.15)
    louder = audio.compute_mfcc(audio.to_int16(np.concatenate([hum, hiss]) * 2), RATE)
    np.testing.assert_allclose(louder[110:190, 1:40], high[:, 1:40], atol=0.5)  # loudness is the first one's affair
    assert (louder[110:190, 0] > high[:, 0]).all()


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
def test_mfcc_of_short_and_of_silent_clips(rate):
    window = round(0.025 * rate)
    assert audio.compute_mfcc(np.zeros(window, np.float32), rate).shape == (1 + window // round(0.01 * rate), 120)
    with pytest.raises(UserError, match="MFCC need at least 25 ms"):
        audio.compute_mfcc(np.zeros(window - 1, np.float32), rate)


def test_log_mels_are_what_mfcc_are_made_of():
    librosa = pytest.importorskip("librosa")
    sound = tone(300) + np.random.default_rng(0).normal(size=RATE).astype(np.float32) * 0.01
    bands = audio.compute_log_mel(sound, RATE)
    assert (bands.shape, bands.dtype) == ((101, 64), np.float32)
    coefficients = librosa.feature.mfcc(S=bands.T, n_mfcc=40)
    np.testing.assert_allclose(audio.compute_mfcc(sound, RATE)[:, :40], coefficients.T, atol=1e-3)
    assert bands.mean(axis=0).argmax() == librosa.filters.mel(sr=RATE, n_fft=512, n_mels=64)[:, 19].argmax()
    with pytest.raises(UserError, match="log-mels need at least 25 ms"):
        audio.compute_log_mel(sound[:9], RATE)
