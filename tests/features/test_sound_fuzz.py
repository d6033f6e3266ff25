"""Damaged sound files of every kind: heard, or refused by one sentence; never another error, a hang, or much memory.

`AFFECT_JAX_FUZZ=1000 pytest tests/features/test_sound_fuzz.py` draws 1000 damages a kind, other ones each time.
"""

import os

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from affect_jax.errors import UserError
from affect_jax.features import sound_files
from tests.features.sounds import write_with_pyav

LONG = int(os.environ.get("AFFECT_JAX_FUZZ", 0))
RATE = 16000
PLAIN = [("WAV", s) for s in ("PCM_16", "PCM_24", "FLOAT", "ULAW", "MS_ADPCM", "GSM610")]
PLAIN += [("WAVEX", "PCM_16"), ("RF64", "PCM_16"), ("W64", "PCM_16"), ("AIFF", "PCM_16"), ("AIFF", "DOUBLE")]
PLAIN += [("AU", "PCM_16"), ("CAF", "PCM_16"), ("NIST", "PCM_16"), ("VOC", "PCM_16")]
CODED = [("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")]
WITH_PYAV = [("mp4", "aac"), ("adts", "aac"), ("amr", "amr_nb"), ("webm", "libopus"), ("avi", "mp3"), ("mpegts", "aac")]
NUMBERS = (0, 1, 2, 7, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def check_message(message, path):
    assert str(path) in message
    assert "\n" not in message
    assert 20 < len(message) < 700


@st.composite
def damage(draw, whole):
    """The file's bytes after one to three damages: a bit, a number, a cut, a stretch out, in or twice."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 3))):
        # Headers are short, and most of what can go wrong is in them.
        end = len(data) if draw(st.booleans()) else min(len(data), 128)
        at = draw(st.integers(0, max(0, end - 1)))
        kind = draw(st.sampled_from(["bit", "number", "cut", "out", "in", "twice", "zeros"]))
        if kind == "bit" and data:
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "number":
            width = draw(st.sampled_from([1, 2, 4, 8]))
            number = draw(st.sampled_from(NUMBERS)) & (1 << 8 * width) - 1
            data[at : at + width] = number.to_bytes(width, draw(st.sampled_from(["little", "big"])))
        elif kind == "cut":
            del data[at:]
        else:
            size = draw(st.integers(1, 600))
            new = {"out": b"", "in": bytes(data[at : at + 4]) * (size // 4), "twice": data[at : at + size] * 2}
            data[at : at + (0 if kind == "in" else size)] = new.get(kind, bytes(size))
    return bytes(data)


@pytest.mark.parametrize(("form", "coding"), [*PLAIN, *CODED, *WITH_PYAV])
def test_damaged_sound_is_heard_or_refused(tmp_path_factory, monkeypatch, form, coding):
    path = tmp_path_factory.mktemp("fuzz") / "sound"
    samples = 0.3 * np.sin(np.arange(RATE // 2) / 9)
    if (form, coding) in WITH_PYAV:
        write_with_pyav(path, coding, form, {"amr_nb": 8000, "libopus": 48000}.get(coding, RATE), seconds=0.5)
    else:
        rate = 8000 if coding == "GSM610" else RATE
        soundfile.write(path, samples, rate, format=form, subtype=coding)
    whole = path.read_bytes()
    monkeypatch.setenv(sound_files.LIMIT, "0.01")

    @settings(
        derandomize=not LONG,
        database=None,
        max_examples=LONG or 15,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(damage(whole))
    def read_damaged(data):
        path.write_bytes(data)
        try:
            sound = sound_files.decode_audio(path)
            heard = sound_files.resample_sound(sound, 8000, str(path))
        except UserError as error:
            check_message(str(error), path)
            return
        assert 0 < len(sound.samples) <= 2_500_000
        assert 100 <= sound.rate <= 768_000
        assert np.isfinite(sound.samples).all()
        assert np.isfinite(heard).all()

    read_damaged()
