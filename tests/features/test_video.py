"""Pictures of videos at a rate: by the times of frames, upright, and a sentence for each that cannot be read."""

import struct

import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.features import sound_files, video
from affect_jax.features.segments import WHOLE, Segment

clips = pytest.importorskip("tests.extraction.clips")


def read(path, rate, segment=WHOLE):
    remarks = []
    return list(video.read_pictures(path, rate, segment, remarks)), remarks


def times_of(pictures):
    return [round(picture.time, 3) for picture in pictures]


def levels_of(pictures):
    return [picture.image.mean() for picture in pictures]


def flat(share):
    return np.full((48, 64, 3), 20 + round(200 * share), np.uint8)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Three seconds at 10 frames a second that become lighter: 20 + 200 t / 3."""
    path = tmp_path_factory.mktemp("video") / "clip.mp4"
    clips.write_clip(path, seconds=3, frames=flat)
    return path


@pytest.mark.parametrize(
    ("codec", "suffix", "sound_codec"),
    [
        ("mpeg4", "mp4", "aac"),
        ("h264", "mp4", "aac"),
        ("mjpeg", "avi", "aac"),
        ("libvpx", "webm", "libopus"),
        ("mpeg4", "mkv", "aac"),
    ],
)
def test_what_is_seen_at_a_time_is_the_last_frame_before_it(tmp_path, codec, suffix, sound_codec):
    path = tmp_path / f"clip.{suffix}"
    clips.write_clip(path, seconds=2, frames=flat, codec=codec, sound_codec=sound_codec)
    pictures, remarks = read(path, 3)
    shift = 0.1 if suffix == "avi" else 0.0  # mpeg4's first frame in avi comes a frame late
    assert times_of(pictures)[:6] == [0, 0.333, 0.667, 1, 1.333, 1.667]
    seen = [np.floor((t - shift) * 10 + 1e-6) / 20 for t in times_of(pictures)[:6]]
    np.testing.assert_allclose(levels_of(pictures)[1:6], [20 + 200 * share for share in seen[1:]], atol=8)
    assert not remarks
    facts = video.read_facts(path)
    assert facts.has_pictures
    assert facts.has_sound
    assert facts.seconds == pytest.approx(2, abs=0.15)


def test_a_stretch_is_sought_and_equal_to_that_of_the_whole(clip):
    whole, _ = read(clip, 10)
    stretch, _ = read(clip, 10, Segment(2.5, 2.9))
    np.testing.assert_allclose(times_of(stretch), [2.5, 2.6, 2.7, 2.8])
    for picture, same in zip(stretch, whole[25:29], strict=True):
        np.testing.assert_array_equal(picture.image, same.image)


def test_frames_may_come_at_any_times(tmp_path):
    path = tmp_path / "slow.mp4"
    clips.write_clip(path, frames=flat, times=[0, 0.1, 0.15, 0.2, 1.0, 1.1], tone=None)
    pictures, _ = read(path, 5)
    assert times_of(pictures)[:6] == [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    np.testing.assert_allclose(levels_of(pictures)[:6], [20, 120, 120, 120, 120, 153], atol=6)


def test_a_clip_shorter_than_a_step_has_one(tmp_path):
    clips.write_clip(tmp_path / "short.mp4", seconds=0.1, frames=flat, tone=None)
    assert times_of(read(tmp_path / "short.mp4", 3)[0]) == [0]


def test_odd_sizes_and_turned_videos(clip, tmp_path):
    clips.write_clip(tmp_path / "odd.avi", seconds=0.2, frames=lambda s: clips.draw(s, size=(63, 47)), tone=None)
    assert read(tmp_path / "odd.avi", 3)[0][0].image.shape == (47, 63, 3)
    clips.write_clip(tmp_path / "up.mp4", seconds=0.2, frames=lambda s: clips.draw(0.0), tone=None)
    data = bytearray((tmp_path / "up.mp4").read_bytes())
    at = data.index(b"tkhd") + 44
    data[at : at + 36] = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)  # a quarter turn to the right
    (tmp_path / "turned.mp4").write_bytes(data)
    upright, turned = (read(tmp_path / name, 3)[0][0].image for name in ("up.mp4", "turned.mp4"))
    np.testing.assert_array_equal(turned, np.rot90(upright, -1))


def test_what_was_decoded_before_and_behind_damage_is_kept_and_said(tmp_path):
    path = tmp_path / "clip.mkv"
    clips.write_clip(path, seconds=2, frames=clips.draw, codec="h264", tone=None)
    whole, _ = read(path, 10)
    data, packets = bytearray(path.read_bytes()), clips.find_packets(path)
    for place, size in packets[7:9]:
        data[place + 12 : place + size] = b"\xff" * (size - 12)
    (tmp_path / "damaged.mkv").write_bytes(data)
    pictures, remarks = read(tmp_path / "damaged.mkv", 10)
    assert 10 < len(pictures) < len(whole)
    assert times_of(pictures)[-1] == times_of(whole)[-1]
    assert any("cannot be decoded are left out" in remark for remark in remarks)


@pytest.mark.parametrize(("suffix", "codec"), [(".mkv", "aac"), (".mp4", "aac"), (".avi", "mp3")])
def test_sound_before_and_behind_damage_is_kept_on_its_clock_and_said(tmp_path, suffix, codec):
    path = tmp_path / f"clip{suffix}"
    clips.write_clip(path, seconds=2, frames=clips.draw, sound_codec=codec)
    whole = sound_files.decode_audio(path)
    data, packets = bytearray(path.read_bytes()), clips.find_packets(path, "audio")
    middle = len(packets) // 2
    for place, size in packets[middle : middle + 3]:
        header = 6 if suffix == ".mkv" else 0  # Matroska's blocks begin with their number and time
        data[place + header : place + size] = b"\xff" * (size - header)
    path.write_bytes(data)
    damaged = sound_files.decode_audio(path)
    assert len(damaged.samples) == pytest.approx(len(whole.samples), abs=0.03 * whole.rate)
    edge = int(0.6 * whole.rate)
    np.testing.assert_allclose(damaged.samples[:edge], whole.samples[:edge], atol=1e-3)
    late = slice(-edge, -int(0.1 * whole.rate))
    assert np.corrcoef(damaged.samples[late], whole.samples[late])[0, 1] > 0.99  # at the same times
    assert any("cannot be decoded" in remark and "silence stands" in remark for remark in damaged.remarks)


def test_what_cannot_be_read_is_told_in_a_sentence(clip, tmp_path):
    data = clip.read_bytes()
    contents = {"empty.mp4": b"", "cut.mp4": data[: len(data) // 2], "text.mp4": b"no video at all " * 100}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    clips.write_clip(tmp_path / "sound.mp4")
    clips.write_clip(tmp_path / "cut.mkv", seconds=3, frames=flat)
    cut = (tmp_path / "cut.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(cut[: len(cut) // 3])
    says = {
        "missing.mp4": "is missing",
        "empty.mp4": "0 bytes",
        "cut.mp4": "cut short or no video",
        "text.mp4": "cut short or no video",
        "sound.mp4": "has no pictures",
        "cut.mkv": "cut short: its pictures end at",
    }
    for name, text in says.items():
        with pytest.raises(UserError, match=text):
            read(tmp_path / name, 3)
    with pytest.raises(UserError, match="lies outside"):
        read(clip, 3, Segment(4.0, 5.0))
    for name in ("cut.mkv", "cut.mp4", "empty.mp4"):
        with pytest.raises(UserError, match=r"cut short|cannot be read as audio|0 bytes"):
            sound_files.decode_audio(tmp_path / name)


def test_without_pyav_the_command_is_told(clip, monkeypatch):
    monkeypatch.setattr(video.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'affect-jax\[video\]'"):
        read(clip, 3)


def test_a_header_without_a_frame_rate_is_told_and_times_are_used(clip, monkeypatch):
    class Stream:
        """A stream whose header has no rate."""

        def __init__(self, stream):
            self.stream = stream

        def __getattr__(self, name):
            return 0 if name == "average_rate" else getattr(self.stream, name)

    pick = video._pick_video
    monkeypatch.setattr(video, "_decode", _decode_of(video._decode))
    monkeypatch.setattr(video, "_pick_video", lambda container: Stream(pick(container)))
    pictures, remarks = read(clip, 3)
    assert len(pictures) == 9
    assert "no frame rate" in remarks[0]


@pytest.mark.parametrize(("at_scale", "is_whole_gone", "rate"), [(28, False, 10), (32, True, 25)])
def test_an_avi_whose_header_has_no_frame_rate_says_which_is_assumed(tmp_path, at_scale, is_whole_gone, rate):
    """The rate of the pictures, or the time a picture that the file's own header has beside it, too."""
    clips.write_clip(tmp_path / "whole.avi", seconds=2, frames=flat)
    assert not read(tmp_path / "whole.avi", 3)[1]
    data = bytearray((tmp_path / "whole.avi").read_bytes())
    at = data.index(b"strh") + at_scale
    data[at : at + 4] = bytes(4)
    if is_whole_gone:
        at = data.index(b"avih") + 8
        data[at : at + 4] = bytes(4)
    (tmp_path / "zero.avi").write_bytes(data)
    pictures, remarks = read(tmp_path / "zero.avi", 3)
    assert pictures
    assert remarks == [f"its header has no frame rate, so {rate} a second are assumed"]


def _decode_of(decode):
    """`decode`, which gives PyAV its own stream."""

    def run(container, wrapped, *rest):
        return decode(container, wrapped.stream, *rest)

    return run


def test_sound_that_begins_later_is_on_the_clock_of_the_pictures(tmp_path):
    clips.write_clip(tmp_path / "late.mp4", frames=flat, delay=0.5)
    assert video.read_facts(tmp_path / "late.mp4").sound_start == pytest.approx(0.5, abs=0.07)  # less its priming
