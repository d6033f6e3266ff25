"""Words of transcripts with their times, and a sentence for each file that is odd."""

import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.features import transcripts
from affect_jax.features.segments import Segment

SRT = "1\n00:00:01,000 --> 00:00:02,000\nI am\n\n2\n00:00:02,500 --> 00:00:03,500\n<i>very happy</i>\n- You too\n"


def read(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return transcripts.read_transcript(path)


@pytest.mark.parametrize("content", [SRT, SRT.replace("\n", "\r\n"), "\ufeff" + SRT, SRT.encode("utf-16")])
def test_words_of_a_cue_share_its_time(tmp_path, content):
    found = read(tmp_path, "a.srt", content)
    assert [word.text for word in found.words] == ["I", "am", "very", "happy", "You", "too"]
    np.testing.assert_allclose([found.words[0].start, found.words[0].end, found.words[1].end], [1, 4 / 3, 2])
    assert found.words[-1].end == 3.5
    assert found.is_timed
    assert not found.remarks


def test_times_among_the_words_of_webvtt_count(tmp_path):
    text = "WEBVTT\n\nNOTE by hand\n\n01:00.000 --> 01:02.000 align:start\n<v Ann>oh <01:01.500>no &amp; yes\n"
    words = read(tmp_path, "a.vtt", text).words
    assert [word.text for word in words] == ["oh", "no", "&", "yes"]
    assert [word.start for word in words][:2] == [60, 61.5]


def test_a_stretch_has_the_words_whose_middle_is_in_it(tmp_path):
    found = read(tmp_path, "a.srt", SRT)
    assert [w.text for w in transcripts.cut_transcript(found, Segment(2.0, 3.0)).words] == ["very", "happy"]
    plain = read(tmp_path, "a.txt", "no times here")
    assert transcripts.cut_transcript(plain, Segment(2.0, 3.0)) == plain


def test_what_is_odd_is_said(tmp_path):
    overlapping = SRT.replace("00:00:02,500", "00:00:01,500")
    found = read(tmp_path, "a.srt", overlapping)
    assert "overlap" in found.remarks[0]
    assert [word.start for word in found.words] == sorted(word.start for word in found.words)
    for name, content in (("a.srt", ""), ("a.vtt", "WEBVTT\n"), ("a.txt", " \n")):
        assert "no word is in it" in read(tmp_path, name, content).remarks[0]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.srt", "Stra\xdfe".encode("latin-1"), "perhaps Latin-1"),
        ("a.txt", "Stra\xdfe".encode("latin-1"), "perhaps Latin-1"),
        ("a.srt", "happy words\n", "has no cue"),
        ("a.srt", "1\nsoon --> later\nhello\n", "line 2 has no time"),
        ("a.srt", "1\n00:00:05,000 --> 00:00:04,000\nhello\n", "before its start"),
        ("a.txt", b"a\0b", "no text"),
    ],
)
def test_what_cannot_be_read_is_told_in_a_sentence(tmp_path, name, content, says):
    with pytest.raises(UserError, match=says):
        read(tmp_path, name, content)


@pytest.mark.parametrize("form", ["srt", "vtt"])
def test_subtitles_are_read_back(tmp_path, form):
    cues = [(0.0, 1.25, "calm 80 %"), (3661.5, 3662.0, "a < b")]
    text = transcripts.format_cues(cues, form)
    found = read(tmp_path, f"a.{form}", text)
    assert " ".join(word.text for word in found.words) == "calm 80 % a < b"
    assert found.words[-1].end == 3662
    assert ("01:01:01,500" if form == "srt" else "01:01:01.500") in text
