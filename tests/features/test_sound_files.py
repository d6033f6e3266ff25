"""Recordings as people have them: whatever the kind of file, the sound that is in it, and what is odd about it."""

import os

import numpy as np
import pytest
import soundfile

from affect_jax.errors import UserError
from affect_jax.features import audio, sound_files
from tests.features.sounds import RATE, forget_length, make_wav, to_bytes, tone


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
        ("a.wav", lambda data: data[:20], r"a\.wav is a wav file without samples"),
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


def decode_floats(path, samples):
    soundfile.write(path, samples, RATE, subtype="FLOAT", format="WAV")
    return sound_files.decode_audio(path)


def test_channels_that_cancel_or_are_silent(tmp_path):
    path, x, nothing = tmp_path / "a.wav", tone(440), np.zeros(RATE, np.float32)
    sound = decode_floats(path, np.stack([x, -x], 1))
    np.testing.assert_array_equal(sound.samples, x)
    assert sound.remarks == ("channels cancel each other, so only one is heard (1 of 2)",)
    for other in (nothing, nothing + 1e-5 * x):
        sound = decode_floats(path, np.stack([other, x], 1))
        np.testing.assert_array_equal(sound.samples, x)
        assert sound.remarks == ("a silent channel is left out (1 of 2; heard: 2)",)
    two_voices = decode_floats(path, np.stack([x, tone(300)], 1))
    np.testing.assert_allclose(two_voices.samples, (x + tone(300)) / 2, atol=1e-7)
    assert two_voices.remarks == ()


@pytest.mark.parametrize("full", [2.0**15, 2.0**23, 2.0**31])
def test_whole_numbers_in_a_file_of_floats_are_divided(tmp_path, full):
    x = tone(440).astype(np.float64)
    soundfile.write(tmp_path / "a.wav", x * full, RATE, subtype="DOUBLE")
    sound = sound_files.decode_audio(tmp_path / "a.wav")
    np.testing.assert_allclose(sound.samples, x, atol=1e-6)
    assert f"divided by {full:.0f}" in sound.remarks[0]
    assert sound.clipped == 0


def test_a_little_overshoot_is_left_and_more_is_scaled(tmp_path):
    x = tone(440, size=1.0)
    sound = decode_floats(tmp_path / "a.wav", np.where(np.arange(RATE) == 100, 1.02, 0.9 * x))
    assert (sound.samples[100], sound.remarks) == (np.float32(1.02), ())
    sound = decode_floats(tmp_path / "a.wav", 1.5 * x)
    np.testing.assert_allclose(sound.samples, 0.75 * x, atol=1e-6)
    assert "% of its samples, which reach 1.5 times that)" in sound.remarks[0]


def test_a_very_quiet_recording_is_heard(tmp_path):
    x = tone(440)
    sound = decode_floats(tmp_path / "a.wav", 3e-5 * x)
    assert "very quiet, so multiplied (its samples reach 9e-06 of full scale; by 32768)" in sound.remarks[0]
    loud, quiet = audio.compute_mfcc(x, RATE), audio.compute_mfcc(sound.samples, RATE)
    np.testing.assert_allclose(quiet[:, 1:40], loud[:, 1:40], atol=1)
    x16 = audio.normalize_rms(audio.to_int16(sound.samples))
    np.testing.assert_allclose(x16, audio.normalize_rms(x), atol=1e-3)
    soundfile.write(tmp_path / "a.wav", np.tile([0, 1, 0, -2], 2000).astype(np.int16), RATE)
    sound = sound_files.decode_audio(tmp_path / "a.wav")
    assert (np.abs(sound.samples).max(), sound.remarks) == (
        2 / 32768,
        ("nearly silent (its samples reach 2 of 32768)",),
    )


def test_clipping_and_offsets_are_told_of_the_file(tmp_path):
    clipped = np.clip(tone(100, size=2.0), -1, 0.9999)
    share = 1 - 2 * np.arcsin(0.5) / np.pi
    sound = decode_floats(tmp_path / "a.wav", np.stack([clipped, 0.1 * tone(70)], 1))
    assert sound.clipped == pytest.approx(
        share / 2, abs=0.01
    )  # averaged with the other channel, nothing is at full scale
    offset = decode_floats(tmp_path / "a.wav", 0.01 * tone(300) + 0.25)
    assert offset.remarks == ("a constant offset is most of its level (25 % of full scale)",)


@pytest.mark.parametrize(
    ("samples", "rate", "message"),
    [
        (np.zeros(999), RATE, r"a\.wav is silent throughout \(all samples are 0\)"),
        (np.full(999, 0.25), RATE, r"a\.wav is silent throughout \(all samples are 0\.25\)"),
        (tone(9000, rate=48000), 48000, r"a\.wav is silent below 4000 Hz, all that is heard at a rate of 8000 Hz"),
    ],
)
def test_nothing_to_be_heard(tmp_path, samples, rate, message):
    soundfile.write(tmp_path / "a.wav", samples, rate, subtype="FLOAT")
    sound = sound_files.decode_audio(tmp_path / "a.wav")
    heard = sound_files.resample_sound(sound, RATE, "a.wav")
    heard[:200] = heard[-200:] = 0 if rate != RATE else heard[0]  # where the tone is switched on and off
    with pytest.raises(UserError, match=message):
        sound_files.check_sounding(heard, sound, RATE, "a.wav")


@pytest.mark.parametrize("rate", [0, 1, 99, 1_000_000, 4_000_000_000])
def test_impossible_rates_are_refused(tmp_path, rate):
    path = make_wav(tmp_path / "a.wav", to_bytes(tone(440)), rate=rate) if rate < 2**31 else None
    if path is not None:
        with pytest.raises(UserError, match=f"a sampling rate of {rate} Hz by its header, expected 100 to 768000 Hz"):
            sound_files.decode_audio(path)


def test_what_is_allowed_is_bounded_and_can_be_set(tmp_path, monkeypatch):
    path = tmp_path / "a.flac"
    soundfile.write(path, tone(440, 10.0), RATE)
    monkeypatch.setenv(sound_files.LIMIT, "0.0002")  # 50,000 samples
    message = r"would take 0\.00\d+ GB at 8000 Hz, more than the 0\.0002 GB that are allowed; cut it into parts, or set"
    with pytest.raises(UserError, match=rf"a\.flac announces 10 s, which {message}"):
        sound_files.decode_audio(path)
    forget_length(path)
    with pytest.raises(UserError, match=rf"a\.flac is longer than \d+ s, which {message}"):
        sound_files.decode_audio(path)
    monkeypatch.setenv(sound_files.LIMIT, "0.001")
    sound = sound_files.decode_audio(path)
    with pytest.raises(UserError, match=r"a has 10 s, which would take 40 GB at 1000000000 Hz"):
        sound_files.resample_sound(sound, 1_000_000_000, "a")
    for wrong in ("", "much", "nan", "-1"):
        monkeypatch.setenv(sound_files.LIMIT, wrong)
        with pytest.raises(UserError, match=f"{sound_files.LIMIT} is '{wrong}', expected gigabytes"):
            sound_files.decode_audio(path)


def test_what_is_no_file_is_named_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    for name, kind in ((tmp_path / "pipe.wav", r"pipe \(FIFO\)"), (tmp_path, "folder"), ("/dev/null", "device")):
        with pytest.raises(UserError, match=f"is a {kind}, not a file; name a wav, flac, ogg or mp3 file"):
            sound_files.decode_audio(name)
        assert sound_files.estimate_seconds(name) == 0


def test_names_in_any_bytes(tmp_path):
    for suffix in (b"wav", b"flac", b"mp3"):
        path = os.fsencode(tmp_path) + b"/M\xfcller." + suffix
        soundfile.write(path, tone(440), RATE)
        assert len(sound_files.decode_audio(os.fsdecode(path)).samples) == RATE
