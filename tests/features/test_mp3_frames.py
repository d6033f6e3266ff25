"""mp3 files with and without a count of their frames, and with other things between them."""

import numpy as np
import pytest

from affect_jax.features import mp3_frames, sound_files
from tests.features.sounds import cut_first_frame, make_wav, write_mp3


@pytest.mark.parametrize("loud_first", [True, False])
@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT"])
@pytest.mark.parametrize("rate", [16000, 32000])
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
        assert any("is no sound" in remark for remark in sound.remarks) == skipped
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
