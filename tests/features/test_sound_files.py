"""Recordings as people have them: whatever the kind of file, the sound that is in it, and what is odd about it."""

import numpy as np
import pytest
import soundfile

from affect_jax.errors import UserError
from affect_jax.features import audio, sound_files

RATE = 8000


def tone(hertz, seconds=1.0, rate=RATE, size=0.3):
    return (size * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "mp3"])
@pytest.mark.parametrize("rate", [8000, 44100, 48000])
def test_a_tone_keeps_its_pitch_and_loudness(tmp_path, kind, rate):
    soundfile.write(tmp_path / f"a.{kind}", tone(440, rate=rate), rate)
    found = sound_files.read_audio(tmp_path / f"a.{kind}", rate=RATE)
    assert found.dtype == np.float32
    assert abs(len(found) - RATE) <= 1
    middle = found[2000:6000]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert abs(np.argmax(spectrum) * RATE / len(middle) - 440) <= 2
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.03)


def test_what_is_above_half_the_rate_is_gone(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(6000, rate=48000) + tone(500, rate=48000), 48000)
    found = sound_files.read_audio(tmp_path / "a.wav", rate=RATE)
    np.testing.assert_allclose(found[500:-500], tone(500)[500:-500], atol=2e-3)  # 6000 Hz would fold to 2000


def test_channels_are_averaged(tmp_path):
    left, right = tone(300), tone(700)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], axis=1), RATE, subtype="FLOAT")
    np.testing.assert_allclose(sound_files.read_audio(tmp_path / "a.wav", rate=RATE), (left + right) / 2, atol=1e-6)


def test_int16_goes_there_and_back(tmp_path):
    values = np.array([-32768, -1, 0, 1, 32767], np.int16)
    soundfile.write(tmp_path / "a.wav", values, RATE)
    assert np.array_equal(audio.to_int16(sound_files.read_audio(tmp_path / "a.wav", rate=RATE)), values)
    assert np.array_equal(audio.to_int16(audio.to_float(values)), values)
    assert audio.to_int16(np.array([2.0, -2.0])).tolist() == [32767, -32768]


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
        sound_files.read_audio(tmp_path / name, rate=RATE)
    assert "\n" not in str(caught.value)


def test_missing_empty_and_not_finite(tmp_path):
    with pytest.raises(UserError, match=r"a\.wav is not a file; name a wav, flac, ogg or mp3 file"):
        sound_files.read_audio(tmp_path / "a.wav", rate=RATE)
    soundfile.write(tmp_path / "a.wav", np.zeros(0, np.float32), RATE)
    with pytest.raises(UserError, match=r"a\.wav has no samples \(zero length\)"):
        sound_files.read_audio(tmp_path / "a.wav", rate=RATE)
    x = tone(440)
    x[[4000, 5000]] = np.nan, np.inf
    soundfile.write(tmp_path / "a.wav", x, RATE, subtype="FLOAT")
    with pytest.raises(UserError, match=r"a\.wav has 2 NaN or infinite samples, the first at 0\.500 s"):
        sound_files.read_audio(tmp_path / "a.wav", rate=RATE)
    soundfile.write(tmp_path / "a.wav", np.ones(1, np.float32), 48000)
    with pytest.raises(UserError, match=r"a\.wav has 1 samples at 48000 Hz, too few to be read at 8000 Hz"):
        sound_files.read_audio(tmp_path / "a.wav", rate=RATE)


def test_a_wav_of_unknown_length_is_read(tmp_path):
    """As programs write it that stream to a pipe."""
    soundfile.write(tmp_path / "a.wav", tone(440), RATE)
    data = bytearray((tmp_path / "a.wav").read_bytes())
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    (tmp_path / "a.wav").write_bytes(data)
    assert len(sound_files.read_audio(tmp_path / "a.wav", rate=RATE)) == RATE


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
    assert len(sound_files.decode_audio(path).samples) == 1000
    path.write_bytes(whole[:at] + new.to_bytes(4, "little") + whole[at + 4 :])
    with pytest.raises(UserError, match=message):
        sound_files.decode_audio(path)
    path.write_bytes(whole + b"LIST" + (4).to_bytes(4, "little") + b"INFO")
    assert len(sound_files.decode_audio(path).samples) == 1000
