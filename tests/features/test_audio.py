import numpy as np
import pytest
import soundfile

from affect_jax.errors import UserError
from affect_jax.features import audio

RATE = 8000


def tone(hertz, seconds=1.0, rate=RATE, size=0.3):
    return (size * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "mp3"])
@pytest.mark.parametrize("rate", [8000, 44100, 48000])
def test_a_tone_keeps_its_pitch_and_loudness(tmp_path, kind, rate):
    soundfile.write(tmp_path / f"a.{kind}", tone(440, rate=rate), rate)
    found = audio.read_audio(tmp_path / f"a.{kind}", rate=RATE)
    assert found.dtype == np.float32
    assert abs(len(found) - RATE) <= 1
    middle = found[2000:6000]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert abs(np.argmax(spectrum) * RATE / len(middle) - 440) <= 2
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.03)


def test_what_is_above_half_the_rate_is_gone(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(6000, rate=48000) + tone(500, rate=48000), 48000)
    found = audio.read_audio(tmp_path / "a.wav", rate=RATE)
    np.testing.assert_allclose(found[500:-500], tone(500)[500:-500], atol=2e-3)  # 6000 Hz would fold to 2000


def test_channels_are_averaged(tmp_path):
    left, right = tone(300), tone(700)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], axis=1), RATE, subtype="FLOAT")
    np.testing.assert_allclose(audio.read_audio(tmp_path / "a.wav", rate=RATE), (left + right) / 2, atol=1e-6)


def test_int16_goes_there_and_back(tmp_path):
    values = np.array([-32768, -1, 0, 1, 32767], np.int16)
    soundfile.write(tmp_path / "a.wav", values, RATE)
    assert np.array_equal(audio.to_int16(audio.read_audio(tmp_path / "a.wav", rate=RATE)), values)
    assert np.array_equal(audio.to_int16(audio.to_float(values)), values)
    assert audio.to_int16(np.array([2.0, -2.0])).tolist() == [32767, -32768]


def test_normalize_is_equation_3_4():
    x = tone(200) + 0.1
    expected = x / np.sqrt(np.sum(x.astype(np.float64) ** 2) / len(x))
    np.testing.assert_allclose(audio.normalize_rms(x), expected, rtol=1e-5)
    np.testing.assert_allclose(audio.normalize_rms(audio.to_int16(x)), audio.normalize_rms(x), atol=2e-4)
    np.testing.assert_allclose(audio.normalize_rms(1e-20 * x), audio.normalize_rms(x), rtol=1e-5)
    for silent in (np.zeros(5, np.int16), np.zeros(0, np.float32)):
        with pytest.raises(UserError, match=r"b\.wav is silent \(its root mean square is 0\)"):
            audio.normalize_rms(silent, "b.wav")


def test_clipped_share():
    x = np.clip(tone(100, size=2.0), -1, 1)
    share = 1 - 2 * np.arcsin(0.5) / np.pi
    assert audio.measure_clipping(x) == pytest.approx(share, abs=0.01)
    assert audio.measure_clipping(audio.to_int16(x)) == pytest.approx(share, abs=0.01)
    assert audio.measure_clipping(0.9 * x) == audio.measure_clipping(x[:0]) == 0


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


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("a.wav", lambda data: b"", r"a\.wav is empty \(0 bytes\)"),
        ("a.wav", lambda data: b"<html>not found</html>", r"a\.wav cannot be read as audio .*give a whole wav"),
        ("a.raw", lambda data: b"1234", r"a\.raw cannot be read as audio"),
        ("a.wav", lambda data: data[:20], r"a\.wav cannot be read as audio"),
        ("a.wav", lambda data: data[:44], r"a\.wav is cut short: 16000 bytes that its header announces"),
        ("a.wav", lambda data: data[:-2], r"a\.wav is cut short: 2 bytes"),
        ("a.flac", lambda data: data[: len(data) // 2], r"a\.flac"),
        ("a.mp3", lambda data: data[: len(data) // 2], r"a\.mp3 is cut short: \d+ of \d+ samples"),
    ],
)
def test_damaged_files_are_named(tmp_path, name, damage, message):
    soundfile.write(tmp_path / name.replace("raw", "wav"), tone(440), RATE)
    data = (tmp_path / name.replace("raw", "wav")).read_bytes()
    (tmp_path / name).write_bytes(damage(data))
    with pytest.raises(UserError, match=message) as caught:
        audio.read_audio(tmp_path / name, rate=RATE)
    assert "\n" not in str(caught.value)


def test_missing_empty_and_not_finite(tmp_path):
    with pytest.raises(UserError, match=r"a\.wav is not a file; name a wav, flac, ogg or mp3 file"):
        audio.read_audio(tmp_path / "a.wav", rate=RATE)
    soundfile.write(tmp_path / "a.wav", np.zeros(0, np.float32), RATE)
    with pytest.raises(UserError, match=r"a\.wav has no samples \(zero length\)"):
        audio.read_audio(tmp_path / "a.wav", rate=RATE)
    x = tone(440)
    x[[4000, 5000]] = np.nan, np.inf
    soundfile.write(tmp_path / "a.wav", x, RATE, subtype="FLOAT")
    with pytest.raises(UserError, match=r"a\.wav has 2 NaN or infinite samples, the first at 0\.500 s"):
        audio.read_audio(tmp_path / "a.wav", rate=RATE)
    soundfile.write(tmp_path / "a.wav", np.ones(1, np.float32), 48000)
    with pytest.raises(UserError, match=r"a\.wav has 1 samples at 48000 Hz, too few to be read at 8000 Hz"):
        audio.read_audio(tmp_path / "a.wav", rate=RATE)


def test_a_wav_of_unknown_length_is_read(tmp_path):
    """As programs write it that stream to a pipe."""
    soundfile.write(tmp_path / "a.wav", tone(440), RATE)
    data = bytearray((tmp_path / "a.wav").read_bytes())
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    (tmp_path / "a.wav").write_bytes(data)
    assert len(audio.read_audio(tmp_path / "a.wav", rate=RATE)) == RATE


@pytest.mark.parametrize(
    ("at", "new", "message"),
    [
        (24, 8001, "its header has 1 channels of 16 bits at 8001 Hz, but 2 bytes a sample and 16000 a second"),
        (40, 1000, "it has 1000 bytes behind the end of the samples that its header announces"),
        (40, 3000, "cut short: 1000 bytes that its header announces are not there"),
    ],
)
def test_a_damaged_wav_header(tmp_path, at, new, message):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.full(1000, 0.5), 8000, subtype="PCM_16")
    whole = path.read_bytes()
    assert len(audio.decode_audio(path).samples) == 1000
    path.write_bytes(whole[:at] + new.to_bytes(4, "little") + whole[at + 4 :])
    with pytest.raises(UserError, match=message):
        audio.decode_audio(path)
    path.write_bytes(whole + b"LIST" + (4).to_bytes(4, "little") + b"INFO")
    assert len(audio.decode_audio(path).samples) == 1000
