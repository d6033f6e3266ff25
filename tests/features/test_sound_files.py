"""Recordings as people have them: whatever the kind of file, the sound that is in it, and what is odd about it."""

import os
import struct

import numpy as np
import pytest
import soundfile

from affect_jax.errors import UserError
from affect_jax.features import audio, mp3_frames, sound_files, sound_streams

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


def make_wav(
    path, body, *, kind=1, channels=1, rate=RATE, bits=16, size=None, riff=None, before=b"", after=b"", name=b"RIFF"
):
    """A wav file whose header says what it is told to say."""
    block = channels * bits // 8
    form = struct.pack("<HHIIHH", kind, channels, rate, rate * block, block, bits)
    inside = b"WAVE" + b"fmt " + struct.pack("<I", len(form)) + form + before
    inside += b"data" + struct.pack("<I", len(body) if size is None else size) + body + b"\0" * (len(body) % 2) + after
    path.write_bytes(name + struct.pack("<I", len(inside) if riff is None else riff) + inside)
    return path


def to_bytes(samples):
    return audio.to_int16(samples).tobytes()


@pytest.mark.parametrize(
    ("riff", "size"),
    [
        (0xFFFFFFFF, 0xFFFFFFFF),  # ffmpeg
        (0, 0),
        (0x7FFFF024, 0x7FFFF000),  # sox
        (0x80000024, 0x80000000),  # arecord
        (0x7FFFFFFF, 0x7FFFFFFF - 36),
        (36, 0),
        (0xFFFFFFFF, 0),
    ],
)
@pytest.mark.parametrize("before", [b"", b"LIST\x04\0\0\0INFO", b"odd \x03\0\0\0abc\0", b"odd \x03\0\0\0abc"])
def test_a_wav_that_was_written_into_a_pipe(tmp_path, riff, size, before):
    x = tone(440)
    path = make_wav(tmp_path / "a.wav", to_bytes(x), riff=riff, size=size, before=before)
    sound = sound_files.decode_audio(path)
    np.testing.assert_array_equal(audio.to_int16(sound.samples), audio.to_int16(x))
    assert sound_files.estimate_seconds(path) == 1.0


def test_a_wav_without_samples_stays_one(tmp_path):
    for after in (b"", b"LIST\x04\0\0\0INFO"):
        with pytest.raises(UserError, match=r"a\.wav has no samples \(zero length\)"):
            sound_files.decode_audio(make_wav(tmp_path / "a.wav", b"", after=after))


@pytest.mark.parametrize(
    ("form", "subtype", "error"),
    [
        *[("WAV", s, 4e-5) for s in ("PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")],
        *[("WAVEX", s, 4e-5) for s in ("PCM_16", "PCM_24", "FLOAT")],
        *[("WAV", s, 0.05) for s in ("PCM_U8", "ULAW", "ALAW", "MS_ADPCM", "IMA_ADPCM")],
        *[(form, s, 4e-5) for form in ("RF64", "BW64", "W64", "AU", "CAF") for s in ("PCM_16", "FLOAT")],
        *[("AIFF", s, 0.02) for s in ("PCM_S8", "PCM_16", "PCM_24", "FLOAT", "DOUBLE", "ULAW", "ALAW")],
        *[("FLAC", s, 4e-5) for s in ("PCM_16", "PCM_24")],
        ("FLAC", "PCM_S8", 0.01),
    ],
)
def test_every_kind_is_read_whole_or_is_cut_short(tmp_path, form, subtype, error):
    path, x = tmp_path / "sound", tone(440, size=0.7)  # a name says nothing of what is in a file
    soundfile.write(path, x, RATE, format="RF64" if form == "BW64" else form, subtype=subtype)
    data = path.read_bytes()
    data = data.replace(b"RF64", b"BW64", 1) if form == "BW64" else data
    path.write_bytes(data)
    sound = sound_files.decode_audio(path)
    assert (sound.rate, sound.remarks) == (RATE, ())
    assert len(x) <= len(sound.samples) <= len(x) + 1100  # ADPCM fills its last block
    np.testing.assert_allclose(sound.samples[500 : len(x)], x[500:], atol=error)  # ADPCM begins slowly
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match="sound is cut short"):
        sound_files.decode_audio(path)


@pytest.mark.parametrize(
    ("form", "subtype"), [("AIFF", "PCM_16"), ("AU", "PCM_16"), ("CAF", "FLOAT"), ("WAV", "MS_ADPCM")]
)
def test_other_kinds_written_into_a_pipe(tmp_path, form, subtype):
    path = tmp_path / "sound"
    soundfile.write(path, tone(440), RATE, format=form, subtype=subtype)
    whole, data = sound_files.decode_audio(path), bytearray(path.read_bytes())
    name, width = {"AIFF": (b"SSND", 4), "AU": (b".snd", 4), "CAF": (b"data", 8), "WAV": (b"data", 4)}[form]
    at = data.index(name) + (8 if form == "AU" else 4)
    data[at : at + width] = b"\xff" * width
    path.write_bytes(data)
    np.testing.assert_array_equal(sound_files.decode_audio(path).samples, whole.samples)


def forget_length(path):
    """As a recorder that streams writes a flac file: no number of samples, no checksum."""
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0
    data[22:26], data[26:42] = bytes(4), bytes(16)
    path.write_bytes(data)


def test_a_streamed_flac(tmp_path):
    path = tmp_path / "a.flac"
    soundfile.write(path, tone(440, 3.0), RATE)
    whole = sound_files.decode_audio(path)
    forget_length(path)
    np.testing.assert_array_equal(sound_files.decode_audio(path).samples, whole.samples)
    assert sound_files.estimate_seconds(path) == 0
    path.write_bytes(b"ID3\x04\0\0\0\0\x07\x68" + bytes(1000) + path.read_bytes())
    np.testing.assert_array_equal(sound_files.decode_audio(path).samples, whole.samples)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(UserError, match=r"a\.flac is cut short or damaged"):
        sound_files.decode_audio(path)


def write_mp3(path, loud_first, mode="VARIABLE", rate=16000):
    """8 s, of which the first is loud and the others are quiet, or the other way round."""
    rng, x = np.random.default_rng(0), tone(300, 8.0, rate)
    x[:rate] = rng.normal(0, 0.2, rate) if loud_first else 0
    x[rate:] *= 1e-4 if loud_first else 1
    with soundfile.SoundFile(path, "w", rate, 1, format="MP3", bitrate_mode=mode, compression_level=0.5) as file:
        file.write(x)
    return path.read_bytes()


def cut_first_frame(data):
    """An mp3 file without the count of its frames."""
    return data[mp3_frames.parse_frame(data[:4]).size :]


@pytest.mark.parametrize("loud_first", [True, False])
@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT"])
@pytest.mark.parametrize("rate", [16000, 44100])
def test_an_mp3_without_a_length_is_heard_to_its_end(tmp_path, loud_first, mode, rate):
    path = tmp_path / "a.mp3"
    data = write_mp3(path, loud_first, mode, rate)
    whole = sound_files.decode_audio(path)
    assert len(whole.samples) / rate == pytest.approx(8.0, abs=1e-3)
    path.write_bytes(cut_first_frame(data))
    sound = sound_files.decode_audio(path)
    assert len(sound.samples) / rate == pytest.approx(8.0, abs=0.09)
    assert sound_files.estimate_seconds(path) == pytest.approx(8.0, abs=0.11)
    # Without the count nothing says how much an encoder puts before the sound; the rest is the same.
    late = 576
    np.testing.assert_allclose(sound.samples[late:][: 7 * rate], whole.samples[: 7 * rate], atol=1e-3)


def test_an_mp3_between_other_things(tmp_path):
    path = tmp_path / "a.mp3"
    frames = cut_first_frame(write_mp3(path, False))
    rate, plain = 16000, None
    picture = b"ID3\x03\0\0" + bytes([0, 100 >> 0, 0, 0]) + np.random.default_rng(0).bytes(100 << 14)
    middle = len(frames) // 2 + mp3_frames._find_frame(frames[len(frames) // 2 :], 0, 10**6, None)
    title = b"TAG" + b"title".ljust(125, b"\0")
    for data, skipped in (
        (frames, False),
        (picture + frames + title, False),
        (frames[:middle] + title + frames[middle:], False),
        (bytes(5000) + frames, True),
        (frames[:middle] + b"\xff\xfb rubbish" * 500 + frames[middle:], True),
    ):
        path.write_bytes(data)
        sound = sound_files.decode_audio(path)
        plain = sound if plain is None else plain
        assert len(sound.samples) / rate == pytest.approx(8.0, abs=0.09)
        assert np.abs(sound.samples - plain.samples)[: 3 * rate].max() < 1e-3
        assert any("are no sound" in remark for remark in sound.remarks) == skipped
    path.write_bytes(frames + frames)  # two recordings, one behind the other
    assert len(sound_files.decode_audio(path).samples) / rate == pytest.approx(16, abs=0.2)
    path.write_bytes(frames[:-7])
    assert sound_files.decode_audio(path).remarks == ("its last frame is not whole, so it may be cut short",)
    make_wav(path, frames, kind=0x55, rate=rate, bits=8)
    assert len(sound_files.decode_audio(path).samples) / rate == pytest.approx(8.0, abs=0.09)


def test_two_counted_mp3_files_in_one(tmp_path):
    path = tmp_path / "a.mp3"
    data = write_mp3(path, True)
    path.write_bytes(data + data)
    assert len(sound_files.decode_audio(path).samples) / 16000 == pytest.approx(16, abs=0.2)


@pytest.mark.parametrize(("suffix", "subtype"), [("ogg", "VORBIS"), ("opus", "OPUS")])
def test_ogg(tmp_path, suffix, subtype):
    path = tmp_path / f"a.{suffix}"
    with soundfile.SoundFile(path, "w", 16000, 1, format="OGG", subtype=subtype) as file:
        file.write(tone(300, 5.0, 16000))
    assert len(sound_files.decode_audio(path).samples) == 5 * 16000
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(UserError, match=r"is cut short: the last of its \d+ pages lacks 5 bytes; copy it again"):
        sound_files.decode_audio(path)


def write_with_pyav(path, codec, container, rate=16000):
    av = pytest.importorskip("av")
    with av.open(str(path), "w", format=container) as file:
        track = file.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone(300, 8.0, rate)[None], format="fltp", layout="mono")
        frame.sample_rate = rate
        form = av.AudioResampler(format=track.codec_context.format.name, layout="mono", rate=rate)
        for part in (*form.resample(frame), *form.resample(None)):
            file.mux(track.encode(part))
        file.mux(track.encode(None))


@pytest.mark.parametrize(
    ("codec", "container", "rate"),
    [
        ("aac", "mp4", 16000),
        ("aac", "adts", 16000),
        ("aac", "mpegts", 16000),
        ("amr_nb", "amr", 8000),
        ("libopus", "webm", 48000),
        ("pcm_s16le", "mov", 16000),
        ("mp2", "mp2", 16000),
    ],
)
def test_what_libsndfile_does_not_know_is_read_by_pyav(tmp_path, codec, container, rate):
    path = tmp_path / "talk"
    write_with_pyav(path, codec, container, rate)
    sound = sound_files.decode_audio(path)
    assert sound.rate == rate
    assert len(sound.samples) / rate == pytest.approx(8.0, abs=0.09)
    spectrum = np.abs(np.fft.rfft(sound.samples[rate : 2 * rate]))
    assert abs(int(np.argmax(spectrum)) - 300) <= 1
    if container != "mp2":
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sound_streams.importlib.util, "find_spec", lambda name: None)
            with pytest.raises(UserError, match=r"pip install 'affect-jax\[video\]'"):
                sound_files.decode_audio(path)


def test_an_m4a_that_is_cut_short(tmp_path):
    path = tmp_path / "a.m4a"
    write_with_pyav(path, "aac", "mp4")
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(UserError, match=r"a\.m4a cannot be read as audio \(Invalid data"):
        sound_files.decode_audio(path)


def test_a_playlist_opens_nothing_else(tmp_path):
    soundfile.write(tmp_path / "b.wav", tone(300), RATE)
    text = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{tmp_path / 'b.wav'}\n#EXT-X-ENDLIST\n"
    (tmp_path / "a.wav").write_text(text)
    with pytest.raises(UserError, match=r"a\.wav cannot be read as audio"):
        sound_files.decode_audio(tmp_path / "a.wav")


def decode_floats(path, samples):
    soundfile.write(path, samples, RATE, subtype="FLOAT", format="WAV")
    return sound_files.decode_audio(path)


def test_channels_that_cancel_or_are_silent(tmp_path):
    path, x, nothing = tmp_path / "a.wav", tone(440), np.zeros(RATE, np.float32)
    sound = decode_floats(path, np.stack([x, -x], 1))
    np.testing.assert_array_equal(sound.samples, x)
    assert sound.remarks == ("its 2 channels cancel each other (opposite phase); only channel 1 is heard",)
    for other in (nothing, nothing + 1e-5 * x):
        sound = decode_floats(path, np.stack([other, x], 1))
        np.testing.assert_array_equal(sound.samples, x)
        assert sound.remarks == ("of its 2 channels, 1 is silent and left out; 2 is heard",)
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
    assert "% of its samples are beyond full scale and reach 1.5 times that; divided by 2" in sound.remarks[0]


def test_a_very_quiet_recording_is_heard(tmp_path):
    x = tone(440)
    sound = decode_floats(tmp_path / "a.wav", 3e-5 * x)
    assert "very quiet: its samples reach 9e-06 of full scale" in sound.remarks[0]
    loud, quiet = audio.compute_mfcc(x, RATE), audio.compute_mfcc(sound.samples, RATE)
    np.testing.assert_allclose(quiet[:, 1:40], loud[:, 1:40], atol=1)
    x16 = audio.normalize_rms(audio.to_int16(sound.samples))
    np.testing.assert_allclose(x16, audio.normalize_rms(x), atol=1e-3)
    soundfile.write(tmp_path / "a.wav", np.tile([0, 1, 0, -2], 2000).astype(np.int16), RATE)
    sound = sound_files.decode_audio(tmp_path / "a.wav")
    assert (np.abs(sound.samples).max(), sound.remarks) == (2 / 32768, ("nearly silent: its samples reach 2 of 32768",))


def test_clipping_and_offsets_are_told_of_the_file(tmp_path):
    clipped = np.clip(tone(100, size=2.0), -1, 0.9999)
    share = 1 - 2 * np.arcsin(0.5) / np.pi
    sound = decode_floats(tmp_path / "a.wav", np.stack([clipped, 0.1 * tone(70)], 1))
    assert sound.clipped == pytest.approx(
        share / 2, abs=0.01
    )  # averaged with the other channel, nothing is at full scale
    offset = decode_floats(tmp_path / "a.wav", 0.01 * tone(300) + 0.25)
    assert offset.remarks == ("a constant offset of 25 % of full scale is most of its level",)


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
