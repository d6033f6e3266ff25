"""Every kind of sound file, whole, cut short, or written into a pipe."""

import numpy as np
import pytest
import soundfile

from affect_jax.errors import UserError
from affect_jax.features import audio, sound_files, sound_streams
from tests.features.sounds import RATE, forget_length, make_wav, to_bytes, tone, write_with_pyav


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


@pytest.mark.parametrize(("suffix", "subtype"), [("ogg", "VORBIS"), ("opus", "OPUS")])
def test_ogg(tmp_path, suffix, subtype):
    path = tmp_path / f"a.{suffix}"
    with soundfile.SoundFile(path, "w", 16000, 1, format="OGG", subtype=subtype) as file:
        file.write(tone(300, 5.0, 16000))
    assert len(sound_files.decode_audio(path).samples) == 5 * 16000
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(UserError, match=r"is cut short: the last of its \d+ pages lacks 5 bytes; copy it again"):
        sound_files.decode_audio(path)


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


@pytest.mark.parametrize("layouts", [("mono", "stereo"), ("stereo", "mono")])
def test_channels_that_change_within_a_file(tmp_path, layouts):
    """Two recordings, one behind the other, as radio stations send them."""
    for layout in layouts:
        write_with_pyav(tmp_path / layout, "aac", "adts", seconds=1.0, layout=layout)
    path = tmp_path / "both.aac"
    path.write_bytes(b"".join((tmp_path / layout).read_bytes() for layout in layouts))
    sound = sound_files.decode_audio(path)
    assert len(sound.samples) / 16000 == pytest.approx(2.0, abs=0.2)
    assert np.abs(sound.samples[3000:12000]).max() == pytest.approx(0.3, abs=0.1)
    assert np.abs(sound.samples[20000:28000]).max() == pytest.approx(0.3, abs=0.15)


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


@pytest.mark.parametrize("tag", [b"ID3\4\0\0\0\0\0\x0a" + bytes(10), b"TAG" + bytes(125), b"APETAGEX" + bytes(24)])
def test_tags_of_music_behind_a_wav_are_no_damage(tmp_path, tag):
    path = make_wav(tmp_path / "a.wav", to_bytes(tone(440)), after=tag)
    np.testing.assert_array_equal(audio.to_int16(sound_files.decode_audio(path).samples), audio.to_int16(tone(440)))


def test_tags_before_a_wav_and_behind_a_flac(tmp_path):
    path, x = make_wav(tmp_path / "a.wav", to_bytes(tone(440))), audio.to_int16(tone(440))
    path.write_bytes(b"ID3\4\0\0\0\0\0\x0a" + bytes(10) + path.read_bytes())
    np.testing.assert_array_equal(audio.to_int16(sound_files.decode_audio(path).samples), x)
    soundfile.write(tmp_path / "a.flac", x, RATE)
    (tmp_path / "a.flac").write_bytes((tmp_path / "a.flac").read_bytes() + b"TAG" + bytes(125))
    np.testing.assert_array_equal(audio.to_int16(sound_files.decode_audio(tmp_path / "a.flac").samples), x)


@pytest.mark.parametrize("more", [36, 44])
def test_a_wav_that_gives_the_size_of_the_file_for_that_of_its_samples(tmp_path, more):
    body = to_bytes(tone(440))
    path = make_wav(tmp_path / "a.wav", body, size=len(body) + more)
    assert len(sound_files.decode_audio(path).samples) == RATE


def test_several_recordings_in_one_file(tmp_path):
    path = make_wav(tmp_path / "a.wav", to_bytes(tone(440)))
    path.write_bytes(path.read_bytes() * 2)
    with pytest.raises(UserError, match=r"a\.wav is several wav files in one \(16044 bytes of others follow\)"):
        sound_files.decode_audio(path)
    parts = []
    for rate, seconds in ((8000, 1.0), (8000, 0.5), (16000, 1.0)):
        soundfile.write(path, tone(440, seconds, rate), rate, format="OGG", subtype="VORBIS")
        parts.append(path.read_bytes())
    path.write_bytes(parts[0] + parts[1])
    sound = sound_files.decode_audio(path)
    assert (len(sound.samples), sound_files.estimate_seconds(path)) == (12000, 1.5)
    assert sound.remarks == ("2 ogg recordings one after another, heard as one",)
    path.write_bytes(parts[0] + parts[2])
    with pytest.raises(UserError, match="2 recordings of different rates or channels in one"):
        sound_files.decode_audio(path)


def test_what_is_no_sound_is_named(tmp_path):
    path = tmp_path / "a.wav"
    for data, kind in ((b"<html>Sign in</html>", "a web page"), (b"\x1f\x8b\x08" + bytes(9), "compressed with gzip")):
        path.write_bytes(data)
        with pytest.raises(UserError, match=rf"a\.wav cannot be read as audio \(it is {kind}"):
            sound_files.decode_audio(path)
